/* SPDX-License-Identifier: MIT */

/*
 * Commits of the store, one ahead of the loop. When the writer does something,
 * and when the loop hears of it, is said here: the linker's --wrap brings
 * tasks, commits of the journal and answers.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage/backend/backend.h"
#include "storage/service.h"
#include "storage/state/judge.h"
#include "storage/wish.h"
#include "tests/held_writer.h"

enum { WISHES = 20 };

static struct {
	struct backend *backend;
	struct service service;
	struct held_writer writer;
	int r_next;         /* of the next commit; 0: what the journal says */
	unsigned n_commits; /* of the journal */
	uint64_t last;      /* revision on disk */
	struct wish wishes[WISHES];
	unsigned n_wishes;
	char told[256]; /* "NUMBER:STATUS " for each wish, as it was settled */
} desk;

void __wrap_worker_push(struct worker *worker, struct task *task);
int __real_journal_commit(struct journal *journal,
			  const struct journal_batch *batch);
int __wrap_journal_commit(struct journal *journal,
			  const struct journal_batch *batch);
void __wrap_wish_settle(struct wish *wish, unsigned status, const char *reason);

/* The carer does nothing. */
void __wrap_worker_push(struct worker *worker, struct task *task)
{
	list_init(&task->link);
	if (worker == &desk.service.writer)
		held_writer_push(&desk.writer, task);
}

int __wrap_journal_commit(struct journal *journal,
			  const struct journal_batch *batch)
{
	int r = desk.r_next;

	desk.r_next = 0;
	desk.n_commits++;
	if (r)
		return r;
	r = __real_journal_commit(journal, batch);
	if (r >= 0 && batch->first) {
		assert_int_equal(batch->first, desk.last + 1);
		desk.last = batch->last;
	}
	/* A piece of a snapshot has what is on disk with it, and no more. */
	if (r >= 0 && batch->rows)
		assert_int_equal(batch->snapshot_end, desk.last);
	return r;
}

void __wrap_wish_settle(struct wish *wish, unsigned status, const char *reason)
{
	size_t n = strlen(desk.told);

	(void)reason;
	list_unlink(&wish->link);
	snprintf(desk.told + n, sizeof(desk.told) - n, "%u:%u ",
		 (unsigned)(wish - desk.wishes), status);
}

static void settle(void)
{
	unsigned n = 0;

	while (!held_writer_is_idle(&desk.writer)) {
		held_writer_catch_up(&desk.writer);
		assert_in_range(++n, 1, 64);
	}
}

/* ---- a store ---- */

static int set_up(void **state)
{
	static const struct service_options options;

	(void)state;
	memset(&desk, 0, sizeof(desk));
	held_writer_init(&desk.writer);
	assert_int_equal(backend_memory_new(&desk.backend), 0);
	assert_int_equal(
		service_open(&desk.service, desk.backend, "memory", &options),
		0);
	desk.service.is_open = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	settle();
	service_deinit(&desk.service);
	backend_free(desk.backend);
	return 0;
}

/* A bucket is made, and somebody waits for it. */
static void step(void)
{
	struct wish *wish = &desk.wishes[desk.n_wishes];
	Helio__Store__V1__CreateBucketRequest in =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	struct judgement out;
	struct draft draft;
	char name[16];

	snprintf(name, sizeof(name), "bucket-%u", desk.n_wishes++);
	in.name = name;
	list_init(&wish->link);
	draft_init(&draft, &desk.service.state, 1000, &service_nobody);
	assert_int_equal(judge_bucket_create(&draft, &in, &out), 0);
	assert_int_equal(commit_step(&desk.service, &draft), 0);
	commit_wait(&desk.service, wish, draft.step.revision);
	draft_deinit(&draft);
}

/* A turn in which one step was taken. */
static void turn(void)
{
	step();
	commit_begin(&desk.service);
}

static void the_writer_goes_on_by_himself(void **state)
{
	(void)state;
	turn();
	turn();
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_commits, 2);
	assert_int_equal(desk.service.state.committed, 0);
	held_writer_tell_one(&desk.writer);
	assert_int_equal(desk.service.state.committed, 1);
	assert_string_equal(desk.told, "0:0 ");
	held_writer_tell_one(&desk.writer);
	assert_int_equal(desk.service.state.committed, 2);
	assert_string_equal(desk.told, "0:0 1:0 ");
}

static void what_is_offered_fills_on(void **state)
{
	(void)state;
	turn();
	turn();
	turn();
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_commits, 2);
	turn();
	assert_true(list_is_empty(&desk.writer.to_do));
	held_writer_tell_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_commits, 3);
	settle();
	assert_string_equal(desk.told, "0:0 1:0 2:0 3:0 ");
	assert_int_equal(desk.last, 4);
}

/* Steps that were taken back are not written; who waits for them is told. */
static void fail_and_go_on(int r)
{
	turn();
	turn();
	desk.r_next = r;
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_commits, 1);
	turn();
	held_writer_tell_one(&desk.writer);
	assert_int_equal(desk.service.state.revision, 0);
	turn();
	assert_int_equal(desk.n_commits, 1);
	held_writer_tell_one(&desk.writer);
	turn();
	settle();
	assert_int_equal(desk.last, 2);
	assert_int_equal(desk.service.state.committed, 2);
}

static void after_a_full_disk_all_is_taken_back(void **state)
{
	(void)state;
	fail_and_go_on(-ENOSPC);
	assert_string_equal(desk.told, "0:8 1:8 2:8 3:0 4:0 ");
}

static void after_a_fault_all_is_taken_back(void **state)
{
	(void)state;
	fail_and_go_on(-EIO);
	assert_string_equal(desk.told, "0:14 1:14 2:14 3:0 4:0 ");
}

static void one_ahead_may_fail(void **state)
{
	(void)state;
	turn();
	turn();
	held_writer_run_one(&desk.writer);
	desk.r_next = -ENOSPC;
	held_writer_run_one(&desk.writer);
	turn();
	held_writer_tell_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_commits, 2);
	held_writer_tell_one(&desk.writer);
	assert_int_equal(desk.service.state.revision, 1);
	turn();
	settle();
	assert_string_equal(desk.told, "0:0 1:8 2:8 3:0 ");
	assert_int_equal(desk.last, 2);
}

/* The writer has stopped: what is pushed is done at once. */
static void answers_keep_their_order_at_the_end(void **state)
{
	(void)state;
	turn();
	turn();
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	turn();
	desk.service.is_open = false;
	commit_begin(&desk.service);
	desk.writer.is_stopped = true;
	settle();
	assert_string_equal(desk.told, "0:0 1:0 2:0 ");
	assert_int_equal(desk.service.state.committed, 3);
}

/* Whenever the loop hears of one, steps wait: pieces have their turn. */
static void a_snapshot_comes_to_its_end(void **state)
{
	struct snapshot *snapshot = &desk.service.commits.snapshot;

	(void)state;
	snapshot->journal_bytes = 64;
	snapshot->times = 0;
	snapshot->piece_bytes = 1;
	turn();
	while (desk.n_wishes + 2 <= WISHES) {
		turn();
		held_writer_run_one(&desk.writer);
		step();
		held_writer_tell_one(&desk.writer);
	}
	assert_true(snapshot->is_running);
	settle();
	assert_false(snapshot->is_running);
	assert_true(desk.service.commits.size.n_snapshot_bytes > 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_writer_goes_on_by_himself),
		TEST(what_is_offered_fills_on),
		TEST(after_a_full_disk_all_is_taken_back),
		TEST(after_a_fault_all_is_taken_back),
		TEST(one_ahead_may_fail),
		TEST(answers_keep_their_order_at_the_end),
		TEST(a_snapshot_comes_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
