/* SPDX-License-Identifier: MIT */

#include "tests/unit/logger/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { READ_BYTES = 1 << 20 };

void world_begin(struct world *world, bool is_sqlite)
{
	*world = (struct world){ .is_sqlite = is_sqlite, .now_ns = WORLD_NS };
	if (is_sqlite) {
		/* In memory, if it may be: nothing here cuts the power. */
		snprintf(world->folder, sizeof(world->folder),
			 "%s/test_log.XXXXXX",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
		assert_non_null(mkdtemp(world->folder));
		world->backend = backend_sqlite();
	} else {
		strncpy(world->folder, "memory", sizeof(world->folder) - 1);
		assert_int_equal(backend_memory_new(&world->backend), 0);
	}
	snprintf(world->path, sizeof(world->path), "%s/log", world->folder);
	/* Small segments: their ends are what is worth trying. */
	world->limits.segment_bytes_max = 64 * 1024;
	assert_int_equal(run_builder_init(&world->builder), 0);
}

void world_end(struct world *world)
{
	world_close(world);
	run_builder_deinit(&world->builder);
	assert_int_equal(log_delete(world->backend, world->path), 0);
	if (world->is_sqlite)
		assert_int_equal(rmdir(world->folder), 0);
	backend_free(world->backend);
}

static void open_it(struct world *world, bool create)
{
	char *why = NULL;
	int r;

	r = log_open(world->backend, world->path, create, &world->limits,
		     &world->log, &why);
	if (r)
		fail_msg("log_open: %d, %s", r, why ? why : "");
}

void world_make(struct world *world)
{
	open_it(world, true);
}

void world_open(struct world *world)
{
	open_it(world, false);
}

void world_close(struct world *world)
{
	world->log = log_close(world->log);
}

void world_add_by(struct world *world, const char *subject, const char *body,
		  const char *durable_id, const char *key)
{
	const struct run_record record = {
		.time_ns = world->now_ns,
		.kind = RUN_MESSAGE,
		.flags = key ? RUN_HAS_KEY : 0,
		.subject = subject,
		.n_subject = strlen(subject),
		.source = { .principal = durable_id,
			    .n_principal = strlen(durable_id),
			    .durable_id = durable_id,
			    .n_durable_id = strlen(durable_id),
			    .incarnation = 7 },
		.body = body,
		.n_body = strlen(body),
	};

	if (key) {
		size_t i = world->n_conditions++;

		assert_true(i < 64);
		snprintf(world->texts[i].key, 64, "%s", key);
		snprintf(world->texts[i].durable_id, 32, "%s", durable_id);
		world->conditions[i] = (struct log_condition){
			.place = world->builder.n_records,
			.key = world->texts[i].key,
			.durable_id = world->texts[i].durable_id,
		};
	}
	assert_int_equal(run_builder_add(&world->builder, &record), 0);
}

void world_add(struct world *world, const char *subject, const char *body)
{
	world_add_by(world, subject, body, "writer", NULL);
}

void world_expect(struct world *world, uint64_t last)
{
	uint32_t place = world->builder.n_records - 1;
	struct log_condition *condition;

	if (!world->n_conditions ||
	    world->conditions[world->n_conditions - 1].place != place)
		world->conditions[world->n_conditions++] =
			(struct log_condition){ .place = place,
						.durable_id = "writer" };
	condition = &world->conditions[world->n_conditions - 1];
	condition->has_expected = true;
	condition->expected = last;
}

int world_append(struct world *world)
{
	int r;

	r = log_append(world->log, &world->builder, world->conditions,
		       world->n_conditions, &world->first, &world->verdicts,
		       &world->n_verdicts);
	run_builder_clear(&world->builder);
	world->n_conditions = 0;
	return r;
}

uint64_t world_store(struct world *world, const char *subject, const char *body)
{
	world_add(world, subject, body);
	assert_int_equal(world_append(world), 0);
	assert_int_equal(world->n_verdicts, 0);
	return world->first;
}

struct view *world_view(struct world *world)
{
	struct view *view;
	char *why = NULL;
	int r;

	r = view_open(world->backend, world->path, &view, &why);
	if (r)
		fail_msg("view_open: %d, %s", r, why ? why : "");
	return view;
}

/* The records of all runs in the buffer, from `sequence` on. */
static int read_runs(const uint8_t *buffer, size_t n, uint64_t sequence,
		     void (*on_record)(const struct run_record *record,
				       void *userdata),
		     void *userdata)
{
	struct run_reader reader = { 0 };
	struct run_record record;
	int r = 0;

	while (!r && n) {
		r = run_reader_begin(&reader, buffer, n);
		while (!r && (r = run_reader_next(&reader, &record)) > 0) {
			if (record.sequence >= sequence)
				on_record(&record, userdata);
			r = 0;
		}
		buffer += reader.head.n_bytes;
		n -= reader.head.n_bytes;
	}
	run_reader_deinit(&reader);
	return r;
}

int world_read(struct view *view, uint64_t sequence,
	       void (*on_record)(const struct run_record *record,
				 void *userdata),
	       void *userdata)
{
	uint8_t *buffer = malloc(READ_BYTES);
	uint64_t next;
	size_t n;
	int r;

	for (;;) {
		r = view_read(view, sequence, buffer, READ_BYTES, &n, &next);
		if (!r)
			r = read_runs(buffer, n, sequence, on_record, userdata);
		if (r)
			break;
		assert_true(next > sequence);
		sequence = next;
	}
	free(buffer);
	return r == -ENOENT ? 0 : r;
}

static void count(const struct run_record *record, void *userdata)
{
	++*(unsigned *)userdata;
}

unsigned world_count(struct view *view, uint64_t sequence)
{
	unsigned n = 0;

	assert_int_equal(world_read(view, sequence, count, &n), 0);
	return n;
}
