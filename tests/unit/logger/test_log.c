/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "logger/ledger.h"
#include "tests/unit/logger/world.h"

/* Each test runs on both backends. */
static struct world world;

static int begin_sqlite(void **state)
{
	world_begin(&world, true);
	return 0;
}

static int begin_memory(void **state)
{
	world_begin(&world, false);
	return 0;
}

static int end(void **state)
{
	world_end(&world);
	return 0;
}

static void a_new_log_is_empty(void **state)
{
	struct view *view;

	world_make(&world);
	assert_int_equal(log_status(world.log)->first, 1);
	assert_int_equal(log_status(world.log)->last, 0);
	view = world_view(&world);
	assert_int_equal(view_status(view)->first, 1);
	assert_int_equal(view_status(view)->last, 0);
	assert_int_equal(world_count(view, 1), 0);
	view_close(view);
	world_close(&world);
	world_open(&world);
	assert_int_equal(log_status(world.log)->last, 0);
}

static void there_is_no_log_where_none_was_made(void **state)
{
	struct log *log;
	char *why = NULL;

	assert_int_equal(log_open(world.backend, world.path, false,
				  &world.limits, &log, &why),
			 -ENOENT);
	free(why);
	world_make(&world);
	assert_int_equal(log_open(world.backend, world.path, true,
				  &world.limits, &log, NULL),
			 -EEXIST);
}

struct seen {
	uint64_t next;
	char last_body[1100];
	unsigned n;
};

static void see(const struct run_record *record, void *userdata)
{
	struct seen *seen = userdata;

	assert_int_equal(record->sequence, seen->next);
	seen->next++;
	seen->n++;
	assert_true(record->n_body < sizeof(seen->last_body));
	memcpy(seen->last_body, record->body, record->n_body);
	seen->last_body[record->n_body] = '\0';
}

static void what_is_stored_is_read(void **state)
{
	struct seen seen = { .next = 1 };
	struct view *view;

	world_make(&world);
	view = world_view(&world);
	assert_int_equal(world_store(&world, "a.b", "one"), 1);
	world_add(&world, "a.b", "two");
	world_add(&world, "a.c", "three");
	assert_int_equal(world_append(&world), 0);
	assert_int_equal(world.first, 2);
	assert_int_equal(log_status(world.log)->last, 3);
	assert_int_equal(view_status(view)->last, 0);
	assert_int_equal(view_refresh(view), 0);
	assert_int_equal(view_status(view)->last, 3);
	assert_int_equal(world_read(view, 1, see, &seen), 0);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.last_body, "three");
	assert_int_equal(world_count(view, 3), 1);
	view_close(view);
}

/* From then on it is damaged if it is empty. */
static void each_segment_with_records_is_told(void **state)
{
	const struct segment_row *last;
	struct ledger ledger;
	struct fault fault;

	world.limits.segment_bytes_max = 8192;
	world_make(&world);
	for (unsigned number = 1; number <= 3; number++) {
		do {
			world_store(&world, "a.b", "one");
		} while (log_status(world.log)->n_segments < number);
		assert_int_equal(ledger_open(&ledger, world.backend, world.path,
					     STORE_READ_ONLY, &fault),
				 0);
		last = ledger_last(&ledger);
		assert_int_equal(last->number, number);
		assert_int_equal(last->state, SEGMENT_ACTIVE);
		ledger_close(&ledger);
	}
}

static void it_is_there_after_opening_again(void **state)
{
	struct seen seen = { .next = 1 };
	struct view *view;
	char body[1100];

	world_make(&world);
	for (unsigned i = 1; i <= 400; i++) {
		snprintf(body, sizeof(body), "%01000u", i);
		assert_int_equal(world_store(&world, "a.b", body), i);
		if (i % 90)
			continue;
		world_close(&world);
		world_open(&world);
		assert_int_equal(log_status(world.log)->last, i);
	}
	assert_true(log_status(world.log)->n_segments > 3);
	view = world_view(&world);
	assert_int_equal(world_read(view, 1, see, &seen), 0);
	assert_int_equal(seen.n, 400);
	view_close(view);
}

static void a_view_follows_over_segments(void **state)
{
	struct seen seen = { .next = 1 };
	struct view *view;
	char body[1001];

	memset(body, 'x', sizeof(body));
	body[1000] = '\0';
	world_make(&world);
	view = world_view(&world);
	for (unsigned i = 1; i <= 400; i++) {
		world_store(&world, "a.b", body);
		if (i % 20)
			continue;
		assert_int_equal(view_refresh(view), 0);
		assert_int_equal(view_checkpoint(view), 0);
		assert_int_equal(world_read(view, seen.next, see, &seen), 0);
		assert_int_equal(seen.n, i);
		assert_int_equal(log_expire(world.log, world.now_ns), 0);
	}
	assert_true(view_status(view)->n_segments > 3);
	view_close(view);
}

static void time_does_not_run_backwards(void **state)
{
	uint64_t sequence;
	struct view *view;

	world_make(&world);
	world_store(&world, "a.b", "one");
	world.now_ns -= 3600 * UINT64_C(1000000000);
	world_store(&world, "a.b", "two");
	assert_int_equal(log_status(world.log)->last_ns, WORLD_NS);
	world.now_ns = WORLD_NS + 5000;
	world_store(&world, "a.b", "three");
	assert_int_equal(log_status(world.log)->last_ns, WORLD_NS + 5000);
	view = world_view(&world);
	assert_int_equal(view_seek_time(view, WORLD_NS + 1, &sequence), 0);
	assert_int_equal(sequence, 3);
	assert_int_equal(view_seek_time(view, WORLD_NS, &sequence), 0);
	assert_int_equal(sequence, 1);
	assert_int_equal(view_seek_time(view, WORLD_NS + 5001, &sequence), 0);
	assert_int_equal(sequence, 4);
	view_close(view);
}

static void small_things_are_kept(void **state)
{
	world_make(&world);
	assert_int_equal(log_state_put(world.log, "cursor/a", "x", 1), 0);
	assert_int_equal(log_state_put(world.log, "cursor/b", "", 0), 0);
	assert_int_equal(log_state_put(world.log, "schema/a", "y", 1), 0);
	assert_int_equal(log_state_commit(world.log), 0);
	assert_int_equal(log_state_delete(world.log, "cursor/b"), 0);
	assert_int_equal(log_state_commit(world.log), 0);
	assert_int_equal(log_state_put(world.log, "cursor/c", "z", 1), 0);
	world_close(&world);
	world_open(&world);
}

struct things {
	char text[128];
};

static int add_thing(const char *key, const void *value, size_t n,
		     void *userdata)
{
	struct things *things = userdata;
	size_t at = strlen(things->text);

	snprintf(things->text + at, sizeof(things->text) - at, "%s=%.*s ", key,
		 (int)n, (const char *)value);
	return 0;
}

static void and_what_was_not_committed_is_not(void **state)
{
	struct things things = { 0 };

	small_things_are_kept(state);
	assert_int_equal(
		log_state_each(world.log, "cursor/", add_thing, &things), 0);
	assert_string_equal(things.text, "cursor/a=x ");
	assert_int_equal(log_state_each(world.log, "", add_thing, &things), 0);
	assert_string_equal(things.text, "cursor/a=x cursor/a=x schema/a=y ");
}

static void a_view_finds_small_things(void **state)
{
	struct view *view;
	void *value;
	size_t n;

	small_things_are_kept(state);
	view = world_view(&world);
	assert_int_equal(view_thing(view, "schema/a", &value, &n), 1);
	assert_int_equal(n, 1);
	assert_memory_equal(value, "y", n);
	free(value);
	assert_int_equal(view_thing(view, "schema/", &value, &n), 0);
	assert_int_equal(view_thing(view, "cursor/c", &value, &n), 0);
	view_close(view);
}

static void a_run_from_elsewhere_keeps_its_sequences(void **state)
{
	static const uint64_t sequences[] = { 100, 101, 105 };
	const void *pieces[2];
	size_t lengths[2];
	struct view *view;
	uint8_t run[1024];

	world_make(&world);
	for (unsigned i = 0; i < 3; i++) {
		const struct run_record record = {
			.sequence = sequences[i],
			.time_ns = WORLD_NS,
			.kind = RUN_MESSAGE,
			.subject = "a.b",
			.n_subject = 3,
		};

		assert_int_equal(run_builder_add(&world.builder, &record), 0);
	}
	assert_int_equal(
		run_builder_finish(&world.builder, 100, pieces, lengths), 0);
	memcpy(run, pieces[0], lengths[0]);
	memcpy(run + lengths[0], pieces[1], lengths[1]);
	run_builder_clear(&world.builder);
	assert_int_equal(log_import(world.log, run, lengths[0] + lengths[1]),
			 0);
	assert_int_equal(log_import(world.log, run, lengths[0] + lengths[1]),
			 -EINVAL);
	run[20] ^= 1;
	assert_int_equal(log_import(world.log, run, lengths[0] + lengths[1]),
			 -EBADMSG);
	assert_int_equal(log_status(world.log)->first, 100);
	assert_int_equal(world_store(&world, "a.b", "next"), 106);
	view = world_view(&world);
	assert_int_equal(world_count(view, 100), 4);
	assert_int_equal(world_count(view, 103), 2);
	view_close(view);
}

/* More room than it is long: so a file system may have it at any time. */
static void give_room(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat before, after;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(
		fallocate(fd, FALLOC_FL_KEEP_SIZE, before.st_size, 1 << 16), 0);
	assert_int_equal(fstat(fd, &after), 0);
	assert_true(after.st_size == before.st_size);
	assert_true(after.st_blocks > before.st_blocks);
	close(fd);
}

/* A copy of it, say, has as many bytes, and takes another room. */
static void what_it_takes_on_a_disk_may_change(void **state)
{
	struct log_finding finding;
	char pattern[128];
	glob_t found;

	world.limits.segment_bytes_max = 8192;
	world_make(&world);
	while (log_status(world.log)->n_segments < 4)
		world_store(&world, "a.b", "one");
	world_close(&world);
	snprintf(pattern, sizeof(pattern), "%s/*.seg", world.path);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 4);
	for (size_t i = 0; i < found.gl_pathc; i++)
		give_room(found.gl_pathv[i]);
	globfree(&found);
	world_open(&world);
	world_close(&world);
	assert_int_equal(log_verify(world.backend, world.path, &finding), 0);
	assert_true(finding.is_good);
}

static void leave(const char *name, char ret_path[160])
{
	int fd;

	snprintf(ret_path, 160, "%s/%s", world.path, name);
	fd = open(ret_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

#define BEGUN "0000000000000002-0000000000000001.seg"

/* What was begun, or lay beside what is gone. */
static void what_crashes_leave_is_removed(void **state)
{
	const char *const names[] = { BEGUN STORE_MAKING_SUFFIX, BEGUN "-wal",
				      BEGUN "-shm" };
	char paths[3][160];

	world_make(&world);
	world_store(&world, "a.b", "one");
	for (size_t i = 0; i < 3; i++)
		leave(names[i], paths[i]);
	world_close(&world);
	world_open(&world);
	assert_int_equal(log_status(world.log)->last, 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(access(paths[i], F_OK), -1);
}

static void what_was_begun_goes_with_its_log(void **state)
{
	char path[160];

	world_make(&world);
	world_store(&world, "a.b", "one");
	world_close(&world);
	leave(BEGUN STORE_MAKING_SUFFIX, path);
	assert_int_equal(log_delete(world.backend, world.path), 0);
	assert_int_equal(access(world.path, F_OK), -1);
}

#define BOTH(test)                                                \
	cmocka_unit_test_setup_teardown(test, begin_sqlite, end), \
		cmocka_unit_test_setup_teardown(test, begin_memory, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_new_log_is_empty),
		BOTH(there_is_no_log_where_none_was_made),
		BOTH(what_is_stored_is_read),
		BOTH(each_segment_with_records_is_told),
		BOTH(it_is_there_after_opening_again),
		BOTH(a_view_follows_over_segments),
		BOTH(time_does_not_run_backwards),
		BOTH(small_things_are_kept),
		BOTH(and_what_was_not_committed_is_not),
		BOTH(a_view_finds_small_things),
		BOTH(a_run_from_elsewhere_keeps_its_sequences),
		cmocka_unit_test_setup_teardown(
			what_it_takes_on_a_disk_may_change, begin_sqlite, end),
		cmocka_unit_test_setup_teardown(what_crashes_leave_is_removed,
						begin_sqlite, end),
		cmocka_unit_test_setup_teardown(
			what_was_begun_goes_with_its_log, begin_sqlite, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
