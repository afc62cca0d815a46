/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RPC_SUBSCRIBER_H
#define TESTS_UNIT_RPC_SUBSCRIBER_H

/** A subscription of the library, and what its callbacks saw. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/rpc/fake_switch.h"

/* What the callbacks saw. */
struct seen {
	unsigned n;
	char subject[64];
	char source[64];
	char type[64];
	uint64_t incarnation;
	uint8_t *body;
	size_t n_body;
	unsigned n_gaps;
	uint64_t n_lost;
	char gap[32];
	unsigned n_ready;
	unsigned status;
	bool leaves; /* unsubscribe in the callback */
};

/** The callback of subscribe(): `userdata` is a struct seen. */
void note_message(struct helio_subscription *subscription,
		  const struct helio_message *message, void *userdata);

/** Callbacks that note all there is to note, in struct seen. */
extern const struct helio_subscribe_options with_callbacks;

/** SUBSCRIBE to "vm.>" with id 1, and its RESULT. */
struct helio_subscription *subscribe(
	struct fake_switch *fake, struct seen *seen,
	const struct helio_subscribe_options *options);

/** The correlation id of the n-th delivery. */
static inline uint64_t delivery(uint32_t id, uint32_t n)
{
	return (uint64_t)id << 32 | n;
}

/** A whole MESSAGE to "vm.web.log". */
void send_message(struct fake_switch *fake, uint32_t id, uint32_t n,
		  const char *body, size_t n_body);

/** A fragment; the first has a subject and the total length. */
void send_fragment(struct fake_switch *fake, uint64_t id, uint8_t flags,
		   uint64_t n_total, const char *body, size_t n);

#endif
