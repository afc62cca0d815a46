/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_LOGGER_H
#define LOGGER_LOGGER_H

/**
 * What all logs of this process share: the bus, the threads, memory.
 *
 * Four threads: the loop, in which everything is but what waits for a disk; the
 * writer, which alone touches each struct log; the reader, which alone touches
 * each struct view; and one for what takes long.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "daemon/access.h"
#include "daemon/errand.h"
#include "daemon/worker.h"

struct backend;
struct helio;
struct helio_server;

enum {
	/* Of all logs, not on disk yet: above the first captures pause. */
	LOGGER_WAITING_BYTES_MAX = 16 * 1024 * 1024,
	LOGGER_WAITING_BYTES_LOW = 8 * 1024 * 1024,
};

struct logger {
	uv_loop_t *uv;
	struct helio *bus;
	struct backend *backend;
	const char *state; /* folder */
	struct worker writer;
	struct worker reader;
	struct worker carer; /* looks at whole logs */
	struct access access;
	struct helio_server *server; /* NULL before it is made */
	struct list keepers;         /* struct keeper, by name */
	struct list readers;         /* struct reader */
	struct errands errands;
	struct list consumers; /* struct consumer */
	struct list imports;   /* struct import */
	struct list queries;   /* struct query */
	struct list stirred;   /* those with something to store */
	uint64_t n_waiting_bytes;
	bool is_paused;
	void (*on_ready)(void *userdata); /* serving, and all logs settled */
	void *userdata;
	bool is_open;
	bool is_answered; /* whether it may serve */
	bool is_served;   /* it may, as was said last */
	bool was_ready;
	unsigned n_unsettled;
	uv_timer_t tick;
	unsigned n_ticks;
	uint64_t now_unix_ns; /* of this turn; 0: not asked yet */
};

/**
 * Open all logs below `state`, and serve them. The bus, the backend and the
 * loop are borrowed. Returns 0 or a negative errno; it can be deinitialised
 * either way.
 */
int logger_init(struct logger *logger, uv_loop_t *uv, struct helio *bus,
		struct backend *backend, const char *state);
/** Store what waits, and close everything. Blocks on the disk. */
void logger_deinit(struct logger *logger);

/** The time for records, the same for all of a turn. */
uint64_t logger_now_unix_ns(struct logger *logger);

/** More, or less if it is negative, waits to be stored. */
void logger_waiting(struct logger *logger, int64_t n_bytes);

/** The service is registered, or was refused. */
void logger_served(struct logger *logger, bool is_served);

/** Before each sleep of the loop. True: there is more to do at once. */
bool logger_turn(struct logger *logger);

/** The connection is lost: nobody is told any more of what came by it. */
void logger_lose(struct logger *logger);

/** What $check says: which logs have a fault. */
void logger_tell_health(struct logger *logger);

#endif
