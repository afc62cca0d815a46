/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_H
#define LOGGER_CURSOR_H

/**
 * A reader's durable place in a log. Its readers are struct consumer.
 *
 * An exclusive cursor has one reader at a time and gives out records in their
 * order; what is not acknowledged is given out again, and all that follows it.
 * A shared one gives each record to one of its readers, and again to any when
 * that one fails of it.
 *
 * Who had a record can no longer acknowledge it once it was given out again:
 * a token has the record's sequence in its low 40 bits, and above them a number
 * that is another one each time.
 */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "logger/config.h"
#include "logger/cursor_items.h"
#include "logger/cursor_pages.h"
#include "logger/fetch.h"
#include "logger/keeper.h"
#include "logger/sieve.h"

struct consumer;
struct helio_timer;
struct keeper;

enum {
	CURSORS_MAX = 256, /* of a log */
	CURSOR_PENDING_DEFAULT = 1024,
	CURSOR_ACK_WAIT_DEFAULT_MS = 30000,
	CURSOR_TOKEN_SEQUENCE_BITS = 40,
};

struct cursor {
	struct list link; /* in keeper.cursors */
	struct keeper *keeper;
	char name[LOG_NAME_MAX_BYTES + 1];
	char owner[256];
	Helio__Log__V1__CursorConfig *config; /* ours */
	uint64_t next;             /* its floor: all below it is done with */
	uint64_t read_from;        /* nothing from here on was given out */
	struct cursor_items items; /* all are below read_from */
	struct cursor_pages pages; /* what of them is kept */
	uint64_t given_to;   /* the same, by who had the log open before */
	uint64_t generation; /* of the pages */
	uint32_t fence;
	uint64_t n_given, n_again, n_dead;
	char fault[256];

	struct list consumers; /* struct consumer */
	size_t n_consumers;
	struct follower follower;
	struct fetch fetch;
	bool has_runs;
	uint64_t asked;     /* where what is fetched was to begin */
	uint64_t last_then; /* of the log, when it was fetched */
	struct helio_timer *timer;
	uint64_t timer_ns; /* when that is due */
	bool is_pumping;
	bool is_gone; /* deleted: freed when nothing is under way */

	/* Keeping it. */
	bool is_dirty;
	bool is_keeping;
	uint64_t keeping_next; /* on its way to the disk */
	uint64_t kept_next;    /* on disk */
	unsigned n_publishing;
};

/** `config` is copied; NULL: the default. Returns 0, -EINVAL or -ENOMEM. */
int cursor_new(struct keeper *keeper, const char *name, const char *owner,
	       const Helio__Log__V1__CursorConfig *config,
	       struct cursor **ret_cursor);
/** Its consumers are gone, and nothing of it is under way. */
struct cursor *cursor_free(struct cursor *cursor);
/** Not a cursor any more: its consumers end, and it is freed in time. */
void cursor_remove(struct cursor *cursor);

/**
 * What was kept with the log, as it was opened: `key` begins "cursor/". That of
 * a cursor comes before that of its pages.
 */
void cursor_found(struct keeper *keeper, const char *key, const void *value,
		  size_t n_value);

struct cursor *cursor_lookup(const struct keeper *keeper, const char *name);

/** NULL, or what is wrong with it. */
const char *cursor_config_fault(const Helio__Log__V1__CursorConfig *config);

/** What is given out and not done with. */
size_t cursor_n_pending(const struct cursor *cursor);

/** Be at another place; what was given out is forgotten. */
void cursor_move(struct cursor *cursor, uint64_t sequence);

/** It has changed: keep it, as soon as may be. */
void cursor_touch(struct cursor *cursor);
/** Its pages go with the next commit. */
void cursor_forget(struct cursor *cursor);

/* ---- of its consumers ---- */

/** Returns 0; -EBUSY: it is exclusive, and has one. */
int cursor_join(struct cursor *cursor, struct consumer *consumer);
/**
 * What it had is for others. With `is_fault` it went without a word, maybe for
 * what it was given.
 */
void cursor_leave(struct cursor *cursor, struct consumer *consumer,
		  bool is_fault);

/** Each returns 0, or -ESTALE: the token is not valid (any more). */
int cursor_ack(struct cursor *cursor, const struct consumer *consumer,
	       uint64_t token);
/** Of an exclusive one; of a shared one no token is valid for it. */
int cursor_ack_to(struct cursor *cursor, const struct consumer *consumer,
		  uint64_t token);
int cursor_nak(struct cursor *cursor, const struct consumer *consumer,
	       uint64_t token, uint32_t delay_ms);
int cursor_in_progress(struct cursor *cursor, const struct consumer *consumer,
		       uint64_t token);

/** Give out what there is, to whom takes it. */
void cursor_pump(struct cursor *cursor);

/* ---- between its files ---- */

/**
 * What comes next: a record that is due again, or a new one, which has no item
 * yet. 0: nothing.
 */
uint64_t cursor_next_sequence(const struct cursor *cursor, uint64_t now_ns,
			      struct cursor_item **ret_item);
/** Whether its run was read, and is as the log serves it now. */
bool cursor_has(const struct cursor *cursor, uint64_t sequence);
/** Read on from there; what is not there is stepped over. Then it is pumped. */
void cursor_fetch(struct cursor *cursor, uint64_t sequence);
/** Nobody reads by it: what was read is forgotten. */
void cursor_rest(struct cursor *cursor);

/**
 * The record at read_from, or above, is known: it is ready, or what is
 * remembered of it. Returns 0 or -ENOMEM.
 */
int cursor_item_add(struct cursor *cursor, uint64_t sequence);
/** It is done with, and freed. */
void cursor_item_finish(struct cursor *cursor, struct cursor_item *item);
/** It is ready again, and nobody has it. */
void cursor_item_return(struct cursor *cursor, struct cursor_item *item,
			uint64_t due_ns);
uint64_t cursor_token(const struct cursor_item *item);
/** Take away what is done with at the front. */
void cursor_advance(struct cursor *cursor);
/** It was given out in vain: again after a while, or to the dead letters. */
void cursor_fail_item(struct cursor *cursor, struct cursor_item *item,
		      uint64_t due_ns);
/** What was not acknowledged in time. */
void cursor_expire(struct cursor *cursor, uint64_t now_ns);
uint64_t cursor_ack_wait_ns(const struct cursor *cursor);
/** Be woken at this time at the latest. */
void cursor_wake_at(struct cursor *cursor, uint64_t due_ns);
/** Publish one that is dead, which was fetched; what is not there is done. */
void cursor_bury(struct cursor *cursor, struct cursor_item *item);
void cursor_free_if_gone(struct cursor *cursor);
bool cursor_is_filtered(const struct cursor *cursor);

#endif
