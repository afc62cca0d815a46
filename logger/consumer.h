/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CONSUMER_H
#define LOGGER_CONSUMER_H

/** One call of Consume: a reader of a cursor. */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "daemon/access.h"
#include "logger/sieve.h"
#include "rpc/heliograph-rpc.h"

struct cursor;
struct logger;

enum { CONSUMER_BATCH_DEFAULT = 256, CONSUMER_BATCH_MAX = 4096 };

struct consumer {
	struct list link;     /* in cursor.consumers */
	struct list all_link; /* in logger.consumers */
	struct logger *logger;
	struct helio_serving *serving; /* NULL: it is over */
	struct cursor *cursor;         /* NULL: not opened, or over */
	char principal[256];
	char log[65];
	char name[65]; /* of the cursor */
	bool is_opening;
	uint32_t batch;
	uint32_t n_out;    /* given to it, and not acknowledged */
	struct list given; /* those: struct cursor_item, as they were given */
	struct sieve sieve;
	struct access_wait wait;

	uint8_t *waiting; /* a reply that has no credit yet */
	size_t n_waiting;
	uint64_t acked_to; /* that it was told, or is owed */
	uint64_t owed_to;
	uint64_t *tokens; /* of the next reply; `batch` of them */
	uint32_t *again;

	bool is_finished; /* it takes no more: it ends when its acks are kept */
	bool is_failing;
	unsigned status;
	char reason[256];
};

/** `serving` is its own from now on. */
void consumer_start(struct logger *logger, struct helio_serving *serving);

/** Whether it takes a record now. */
bool consumer_has_room(const struct consumer *consumer);
/** Returns 0 when it is sent or kept; or a negative errno. */
int consumer_send(struct consumer *consumer,
		  const Helio__Log__V1__ConsumeReply *reply);
/** All below this is on disk. */
void consumer_kept(struct consumer *consumer, uint64_t next);
/** It leaves its cursor, and is freed. */
void consumer_end(struct consumer *consumer, unsigned status,
		  const char *reason);

void consumers_turn(struct logger *logger);
void consumers_end(struct logger *logger);

#endif
