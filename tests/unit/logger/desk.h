/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LOGGER_DESK_H
#define TESTS_UNIT_LOGGER_DESK_H

/**
 * A cursor with its readers, and nothing around it: its log has as many records
 * as are asked for, and what it keeps is kept here, when the test says so.
 *
 * The linker's --wrap brings its calls of bus, disk and policy here. It is
 * compiled so that each block of its code that is passed through counts, and
 * each 16 bytes that are copied.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/consumer.h"
#include "logger/cursor.h"
#include "logger/keeper.h"
#include "logger/logger.h"

enum { DESK_READERS = 3, DESK_GIVEN_MAX = 1 << 16 };

/* A record that was given out. */
struct desk_given {
	uint64_t sequence;
	uint64_t token;
	uint32_t again;
};

struct desk_reader {
	struct consumer consumer;
	bool is_there;
	struct desk_given *given; /* in this order; DESK_GIVEN_MAX */
	size_t n_given;
	uint64_t acked_to; /* that it was told */
};

/* A dead letter that was published, and is not answered. */
struct desk_letter {
	uint64_t sequence;
	char text[1024]; /* NAME=VALUE of each header, a line each */
	char content_type[32];
	char traceparent[64];
	helio_ack_fn on_ack;
	void *userdata;
};

struct desk {
	struct logger logger;
	struct keeper keeper;
	struct cursor *cursor;
	struct desk_reader readers[DESK_READERS];
	struct list kept;    /* struct keeping: what is on disk */
	size_t n_keeps;      /* begun */
	size_t n_rows_kept;  /* that went there, ever */
	size_t n_bytes_kept; /* of their values */
	uint64_t first;      /* record that is still there */
	uint64_t thin_to;    /* below it few are served: desk_is_served() */
	uint64_t now_ns;
	uint64_t wake_ns;     /* when it is to be woken; UINT64_MAX */
	const void *metadata; /* of each record */
	size_t n_metadata;
	struct fetch *fetching;
	struct desk_letter letters[16];
	size_t n_letters;
	size_t n_headers_max; /* above it: helio_publish() is -E2BIG; 0: any */
};

/** Blocks that the cursor passed through, ever. */
uint64_t desk_steps(void);

/**
 * There is one at a time: a cursor of a log with so many records, which keeps
 * as many items as may be.
 */
void desk_init(struct desk *desk, uint64_t n_records, bool is_shared,
	       uint32_t max_deliver);
void desk_deinit(struct desk *desk);
/** Another program opens the log: what is not on disk is forgotten. */
void desk_restart(struct desk *desk);

void desk_join(struct desk *desk, unsigned nth, uint32_t batch);
void desk_leave(struct desk *desk, unsigned nth, bool is_fault);
/** The token that a reader got last for this record. */
uint64_t desk_token(const struct desk *desk, unsigned nth, uint64_t sequence);
void desk_ack(struct desk *desk, unsigned nth, uint64_t sequence);
void desk_nak(struct desk *desk, unsigned nth, uint64_t sequence,
	      uint32_t delay_ms);

/** Whether a record is within the limit of its subject: 97 to 128, and so on.
 */
bool desk_is_served(const struct desk *desk, uint64_t sequence);

/** Give out all that can be. */
void desk_pump(struct desk *desk);
/** As after the acks of a message. */
void desk_settle(struct desk *desk);
/** So late it is, and whoever wanted to be woken is. */
void desk_wait(struct desk *desk, uint64_t ns);
/** What waits is on disk, or fails with `r`. Returns whether there was any. */
bool desk_commit(struct desk *desk, int r);
/** As after the acks of a message, and nothing waits for the disk then. */
void desk_settle_on_disk(struct desk *desk);
/** Answer the oldest letter. */
void desk_answer(struct desk *desk, unsigned status);

#endif
