/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LOGGER_WORLD_H
#define TESTS_UNIT_LOGGER_WORLD_H

/** A folder for one log, on SQLite or in memory, and records to put in it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/log.h"
#include "storage/backend/backend.h"

#define WORLD_NS UINT64_C(1700000000000000000)

struct world {
	struct backend *backend;
	char folder[64]; /* in which "log" is */
	char path[80];
	bool is_sqlite;
	struct log_limits limits;
	struct log *log;
	struct run_builder builder;
	struct log_condition conditions[64];
	size_t n_conditions;
	struct {
		char key[64];
		char durable_id[32];
	} texts[64];
	uint64_t now_ns;
	/* Of the last append. */
	uint64_t first;
	const struct log_verdict *verdicts;
	size_t n_verdicts;
};

void world_begin(struct world *world, bool is_sqlite);
void world_end(struct world *world);

/** Make the log, open it, close it: they must succeed. */
void world_make(struct world *world);
void world_open(struct world *world);
void world_close(struct world *world);

/** Add a record to what world_append() will store. */
void world_add(struct world *world, const char *subject, const char *body);
/** The same, by this durable id, with this key, or NULL. */
void world_add_by(struct world *world, const char *subject, const char *body,
		  const char *durable_id, const char *key);
/** The last one that was added expects this. */
void world_expect(struct world *world, uint64_t last);
int world_append(struct world *world);
/** One record, which must be stored. Returns its sequence. */
uint64_t world_store(struct world *world, const char *subject,
		     const char *body);

/** A view, which must open. */
struct view *world_view(struct world *world);
/**
 * Read all that `view` serves from `sequence` on, and call back for each
 * record. Returns the first error of view_read() but -ENOENT, which is 0.
 */
int world_read(struct view *view, uint64_t sequence,
	       void (*on_record)(const struct run_record *record,
				 void *userdata),
	       void *userdata);
/** How many records there are from `sequence` on; they must be readable. */
unsigned world_count(struct view *view, uint64_t sequence);

#endif
