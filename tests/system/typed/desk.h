/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_TYPED_DESK_H
#define TESTS_SYSTEM_TYPED_DESK_H

/**
 * lab.v1.Desk, served; what it saw; and the loop around all connections.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lab/v1/desk.helio.h"

enum { WAIT_MS = 20000, CONNECTIONS_MAX = 4 };

struct desk {
	struct helio_server *server;
	unsigned n_calls;
	unsigned n_cancelled;
	unsigned n_held;
	unsigned n_drained;
	uint32_t time_left_ms; /* of the last call */
	char key[64];          /* of the last call */
	struct helio_serving *held[2000];
	unsigned n_messages; /* of streams */
	int64_t sum;
	/* Of Count: one at a time. */
	struct helio_serving *counting;
	int64_t counted;
	int64_t count_to;
	/* Of Twice: what could not be sent yet. */
	bool is_deaf;
};

/** The connections that take turns. */
void loop_add(struct helio *bus);
void loop_remove(struct helio *bus);
void loop_turn(void);
uint64_t loop_now_ms(void);

#define wait_until(condition)                                      \
	do {                                                       \
		uint64_t end_ms_ = loop_now_ms() + WAIT_MS;        \
		while (!(condition)) {                             \
			if (loop_now_ms() > end_ms_)               \
				fail_msg("never: %s", #condition); \
			loop_turn();                               \
		}                                                  \
	} while (0)

/** Serve it, and wait until it is served. */
void desk_open(struct desk *desk, struct helio *bus, uint32_t credit_calls);
void desk_close(struct desk *desk);

#endif
