/* SPDX-License-Identifier: MIT */

/*
 * What a log does in many steps is stopped at each of them: the process ends
 * there, the disk is full there, it fails there, or there is no memory. What
 * was acknowledged before has to be there afterwards, and nothing besides but
 * the one append that was under way.
 *
 * The linker's --wrap sends the log's calls of the backend here.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/logger/world.h"

enum { BODY_BYTES = 1500, STEPS_MAX = 5000 };

/* What happens at a call of the backend. */
enum event { NOTHING, ENDS_BEFORE, ENDS_AFTER, FAILS };

static struct {
	enum event event;
	unsigned n_left; /* calls until then */
	unsigned n_fail; /* and so many fail */
	int error;
	bool was_hit;
} plan;

static bool comes(void)
{
	if (plan.event == NOTHING)
		return false;
	if (plan.n_left) {
		plan.n_left--;
		return false;
	}
	plan.was_hit = true;
	if (plan.event == ENDS_BEFORE)
		_exit(0);
	return true;
}

static bool fails(void)
{
	if (!comes() || plan.event != FAILS)
		return false;
	if (plan.n_fail && !--plan.n_fail)
		plan.event = NOTHING;
	return true;
}

/* After the call: the process ends when it was done. */
static int done(int r)
{
	if (plan.event == ENDS_AFTER && plan.was_hit)
		_exit(0);
	return r;
}

#pragma GCC visibility push(default)
#define WRAP(name, parameters, arguments)             \
	int __real_##name parameters;                 \
	int __wrap_##name parameters;                 \
	int __wrap_##name parameters                  \
	{                                             \
		if (fails())                          \
			return plan.error;            \
		return done(__real_##name arguments); \
	}

WRAP(store_open,
     (struct backend * backend, const char *path,
      const struct store_layout *layout, unsigned flags, struct store **ret),
     (backend, path, layout, flags, ret))
WRAP(store_unlink, (struct backend * backend, const char *path),
     (backend, path))
WRAP(store_begin, (struct store * store), (store))
WRAP(store_put,
     (struct store * store, unsigned table, const struct store_key *key,
      const struct store_piece *pieces, size_t n),
     (store, table, key, pieces, n))
WRAP(store_delete,
     (struct store * store, unsigned table, const struct store_key *key),
     (store, table, key))
WRAP(store_seal, (struct store * store), (store))

int __real_store_commit(struct store *store);
int __wrap_store_commit(struct store *store);
int __wrap_store_commit(struct store *store)
{
	if (fails()) {
		store_rollback(store);
		return plan.error;
	}
	return done(__real_store_commit(store));
}
#pragma GCC visibility pop

/* ---- what is done, and what must hold ---- */

static struct world world;
static char body[BODY_BYTES + 1];

/* Of the process that ends, seen by this one. */
static struct {
	uint64_t acked;
} * shared;

/* Over the end of a segment and further, with keys, and an expiry. */
static int work(unsigned n)
{
	char key[32];
	int r;

	for (unsigned i = 0; i < n; i++) {
		uint64_t number = log_status(world.log)->last + 1;

		snprintf(key, sizeof(key), "producer:%lu",
			 (unsigned long)number);
		world.now_ns += 1000000;
		world_add_by(&world, i % 2 ? "a.b" : "a.c", body, "writer",
			     key);
		r = world_append(&world);
		if (r)
			return r;
		assert_int_equal(world.n_verdicts, 0);
		assert_int_equal(world.first, number);
		shared->acked = number;
		if (i % 16)
			continue;
		r = log_state_put(world.log, "cursor/a", key, strlen(key));
		if (!r)
			r = log_state_commit(world.log);
		if (!r)
			r = log_expire(world.log, world.now_ns);
		if (r)
			return r;
	}
	return 0;
}

static void begin(bool is_sqlite)
{
	world_begin(&world, is_sqlite);
	memset(body, 'x', BODY_BYTES);
	/* Three or four segments, of which the oldest go. */
	world.limits.segment_bytes_max = 16 * 1024;
	world.limits.records_max = 20;
	world.limits.dedup_window_ns = 1;
	shared->acked = 0;
}

struct last {
	uint64_t sequence;
	unsigned n;
};

static void see(const struct run_record *record, void *userdata)
{
	struct last *last = userdata;

	if (last->n++)
		assert_int_equal(record->sequence, last->sequence + 1);
	last->sequence = record->sequence;
	assert_int_equal(record->n_body, BODY_BYTES);
	assert_memory_equal(record->body, body, BODY_BYTES);
}

/* Opened, read and verified; `acked` or one more is there. */
static void check(uint64_t acked)
{
	const struct log_status *status = log_status(world.log);
	struct last last = { 0 };
	struct log_finding finding;
	struct view *view;

	assert_true(status->last == acked || status->last == acked + 1);
	assert_int_equal(log_verify(world.backend, world.path, &finding), 0);
	if (!finding.is_good)
		fail_msg("%s: %s", finding.file, finding.fault);
	view = world_view(&world);
	assert_int_equal(view_status(view)->last, status->last);
	assert_int_equal(world_read(view, view_status(view)->first, see, &last),
			 0);
	if (last.n)
		assert_int_equal(last.sequence, status->last);
	view_close(view);
}

static void go_on(void)
{
	uint64_t last = log_status(world.log)->last;

	assert_int_equal(work(24), 0);
	assert_int_equal(log_status(world.log)->last, last + 24);
	check(last + 24);
	world_close(&world);
	world_open(&world);
	check(last + 24);
}

/* ---- the process ends ---- */

static bool ends_at(enum event event, unsigned step)
{
	int status;
	pid_t pid;

	shared->acked = 0;
	pid = fork();
	if (!pid) {
		plan.event = event;
		plan.n_left = step;
		world_open(&world);
		if (work(40))
			_exit(2);
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) < 2);
	return !WEXITSTATUS(status);
}

static void try_ends(enum event event)
{
	unsigned step;

	for (step = 0; step < STEPS_MAX; step++) {
		bool is_hit;

		begin(true);
		world_make(&world);
		world_close(&world);
		is_hit = ends_at(event, step * 17);
		world_open(&world);
		check(shared->acked);
		if (step % 4 == 0)
			go_on();
		world_end(&world);
		if (!is_hit)
			break;
	}
	assert_true(step > 10);
}

static void a_process_that_ends_loses_nothing(void **state)
{
	try_ends(ENDS_BEFORE);
}

/* ---- the backend fails ---- */

static void plan_failure(unsigned step, unsigned n_fail, int error)
{
	plan.event = FAILS;
	plan.n_left = step;
	plan.n_fail = n_fail;
	plan.error = error;
	plan.was_hit = false;
}

/* The log takes nothing for a while, and then goes on where it was. */
static void a_full_disk_stops_it_for_a_while(void **state)
{
	unsigned step;

	for (step = 0; step < STEPS_MAX; step++) {
		uint64_t acked;
		int r;

		begin(false);
		world_make(&world);
		plan_failure(step, 1 + step % 3, -ENOSPC);
		for (unsigned i = 0; i < 26; i++) {
			acked = shared->acked;
			r = work(1);
			assert_true(!r || r == -ENOSPC);
			assert_true(log_status(world.log)->last ==
				    shared->acked);
			assert_true(shared->acked <= acked + 1);
		}
		plan.event = NOTHING;
		check(shared->acked);
		assert_true(shared->acked > 20);
		/* What was put before it was full is said to be lost. */
		r = log_state_commit(world.log);
		assert_true(!r || r == -ENOSPC);
		if (step % 8 == 0)
			go_on();
		world_end(&world);
		if (!plan.was_hit)
			break;
	}
	assert_true(step > 100);
}

static void a_disk_that_fails_stops_it_until_it_is_opened(void **state)
{
	unsigned step;

	for (step = 0; step < STEPS_MAX; step++) {
		int r;

		begin(false);
		world_make(&world);
		plan_failure(step, 0, -EIO);
		r = work(26);
		assert_int_equal(r, plan.was_hit ? -EIO : 0);
		plan.event = NOTHING;
		if (r) {
			world_add(&world, "a.b", body);
			assert_int_equal(world_append(&world), -ESTALE);
		}
		world_close(&world);
		world_open(&world);
		check(shared->acked);
		if (step % 8 == 0)
			go_on();
		world_end(&world);
		if (!plan.was_hit)
			break;
	}
	assert_true(step > 100);
}

/* ---- no memory ---- */

static void no_memory_loses_nothing(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		int r;

		begin(false);
		world_make(&world);
		assert_int_equal(work(8), 0);
		fault_arm(n);
		r = work(20);
		fault_disarm();
		/* Without room for a table's slots it only gets slower. */
		assert_true(!r || (fault_hit() && r == -ENOMEM));
		world_close(&world);
		world_open(&world);
		check(shared->acked);
		world_end(&world);
	}
}

static void opening_survives_no_memory(void **state)
{
	struct log *log;
	struct view *view;
	int r;

	begin(false);
	world_make(&world);
	assert_int_equal(work(30), 0);
	world_close(&world);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		fault_arm(n);
		r = log_open(world.backend, world.path, false, &world.limits,
			     &log, NULL);
		fault_disarm();
		assert_true(!r || (fault_hit() && r == -ENOMEM));
		if (!r)
			log_close(log);
	}
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		uint64_t sequence;

		fault_arm(n);
		r = view_open(world.backend, world.path, &view, NULL);
		if (!r) {
			r = view_last_of(view, "a.b", &sequence);
			r = r < 0 ? r : view_seek_time(view, 1, &sequence);
			view_close(view);
		}
		fault_disarm();
		assert_true(!r || (fault_hit() && r == -ENOMEM));
	}
	world_open(&world);
	check(30);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_ends_loses_nothing),
		cmocka_unit_test(a_full_disk_stops_it_for_a_while),
		cmocka_unit_test(a_disk_that_fails_stops_it_until_it_is_opened),
		cmocka_unit_test(no_memory_loses_nothing),
		cmocka_unit_test(opening_survives_no_memory),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
