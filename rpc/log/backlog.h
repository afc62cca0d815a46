/* SPDX-License-Identifier: MIT */
#ifndef RPC_LOG_BACKLOG_H
#define RPC_LOG_BACKLOG_H

/**
 * What came from the logger and was not taken yet, in its order: runs, and
 * what is told between them.
 *
 * It holds no more than what the stream's credit lets come: whoever has it
 * pauses the stream while backlog_is_full().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum backlog_kind {
	BACKLOG_RUN,
	BACKLOG_LIVE,
	BACKLOG_EXPIRED, /* to `sequence` */
	BACKLOG_NEXT,    /* all below `sequence` was told */
};

struct backlog_item {
	struct list link;
	enum backlog_kind kind;
	uint64_t sequence;
	size_t start; /* of the runs in it */
	const uint8_t *bytes;
	size_t n;
	void *memory; /* that the bytes stand in; NULL: in `room` */
	size_t n_room;
	uint8_t room[];
};

struct backlog {
	struct list items;
	struct backlog_item *spare; /* memory for the next, or NULL */
	size_t n_bytes;
	size_t n_bytes_max;
};

void backlog_init(struct backlog *backlog, size_t n_bytes_max);
void backlog_deinit(struct backlog *backlog);

/** The bytes are copied. Returns 0 or -ENOMEM. */
int backlog_push(struct backlog *backlog, enum backlog_kind kind,
		 uint64_t sequence, const void *bytes, size_t n);

/** One of runs, with a copy of the bytes, to be added; or NULL. */
struct backlog_item *backlog_item_copy(struct backlog *backlog,
				       const void *bytes, size_t n);
/** The same with the bytes where they are, in `memory`, which is its own. */
struct backlog_item *backlog_item_adopt(struct backlog *backlog, void *memory,
					const void *bytes, size_t n);
/** It may be kept for the next. NULL is fine. */
void backlog_item_free(struct backlog *backlog, struct backlog_item *item);
void backlog_add(struct backlog *backlog, struct backlog_item *item);

/** The oldest, for backlog_item_free(); NULL: there is none. */
struct backlog_item *backlog_pop(struct backlog *backlog);

bool backlog_is_full(const struct backlog *backlog);
/** So little is left that more may come. */
bool backlog_is_low(const struct backlog *backlog);

#endif
