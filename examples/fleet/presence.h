/* SPDX-License-Identifier: MIT */
#ifndef FLEET_PRESENCE_H
#define FLEET_PRESENCE_H

/*
 * That a host is there: a key that has to be written again and again, or its
 * time is over. Once it is, others may start what the host had. So the kernel
 * kills this process before that, whatever keeps it from writing: it may hang,
 * be stopped, or have lost the bus.
 */

#include <time.h>

#include "store.h"

struct presence {
	struct store *store;
	const char *host;
	uint32_t ttl_ms;
	void (*on_there)(void *userdata); /* once, when it begins */
	void *userdata;

	uint64_t life;
	struct store_value value; /* of the key */
	timer_t deadline;
	uint64_t sent_ms;
	bool is_there;
	bool is_asking;
	bool has_complained;
};

/* Set the first five before. Returns 0 or a negative errno. */
int presence_open(struct presence *presence);
void presence_close(struct presence *presence);

/*
 * Write the key, if nothing is under way: several times in ttl_ms. Until the
 * key of somebody else who is this host has gone, it waits.
 */
void presence_renew(struct presence *presence);

/* Milliseconds on a clock that goes on while the machine sleeps. */
uint64_t presence_now_ms(void);

#endif
