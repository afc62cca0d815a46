/* SPDX-License-Identifier: MIT */
#ifndef FLEET_STORE_H
#define FLEET_STORE_H

/*
 * The store as the fleet uses it: one bucket, one queue for whoever has time,
 * and a queue for each host.
 */

#include <heliograph-store.h>

#include "fleet/v1/fleet.pb-c.h"
#include "helio/store/v1/store.helio.h"

#define STORE_BUCKET "fleet"
#define STORE_QUEUE  "fleet"

enum {
	STORE_NAME_BYTES = 48,
	STORE_KEY_BYTES = 64,  /* of names of queues, too */
	STORE_KEYS_MAX = 1000, /* a page of them */
	STORE_WAIT_MS = 30000,
};

struct store {
	struct helio *bus;
	struct helio_client *buckets;
	struct helio_client *queues;
	unsigned n_failed; /* of what was not waited for */
};

/* Bytes from malloc(). */
struct store_value {
	size_t n;
	uint8_t *bytes;
};

/* What malloc() gave; without memory the program ends. */
void *store_must(void *memory);

/* Waits for a store, and sees to it that the bucket and the queue are there. */
int store_open(struct store *store, struct helio *bus);
void store_close(struct store *store);

/* Of a machine or a host: what others say may be none. */
bool store_is_name(const char *name);
/* The queue of a host is called so; NULL: that for whoever has time. */
void store_queue_name(char name[STORE_KEY_BYTES], const char *host);
/* Waits. Returns 0 or 1, having said why not. */
int store_create_queue(struct store *store, const char *host);
/* Says what went wrong with a call that was waited for. Returns 0 or 1. */
int store_complain(const struct helio_client *client, const char *what, int r);

/* "wanted/web" */
void store_key(char key[STORE_KEY_BYTES], const char *kind, const char *name);
struct store_value store_pack(const ProtobufCMessage *message);

/*
 * Both do not wait, and are answered to nobody: a watch tells what has come of
 * it. Where something is counted in n_failed it has to be said again.
 */

/* Write KIND/NAME, or delete it if `value` is NULL, if it is as it was. */
void store_put(struct store *store, const char *kind, const char *name,
	       const ProtobufCMessage *value, uint64_t if_revision);

struct store_job {
	const char *host; /* NULL: any */
	Fleet__V1__Order *order;
	char *key; /* what has the same is one job */
	uint32_t delay_ms;
	uint32_t timeout_ms; /* after the delay */
};

void store_submit(struct store *store, const struct store_job *job);

#endif
