/* SPDX-License-Identifier: MIT */

/*
 * Commits of a log, one ahead of the loop. When the writer does something, and
 * when the loop hears of it, is said here: the linker's --wrap brings tasks,
 * batches and answers.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logger/capture.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"
#include "tests/held_writer.h"
#include "tests/unit/logger/world.h"

enum { PATTERN_BYTES = 8 };

static struct {
	struct world world;
	struct logger logger;
	struct keeper *keeper;
	struct capture *capture;
	struct held_writer writer;
	int r_next;          /* of the next batch; 0: what the log says */
	unsigned n_appended; /* batches */
	char told[256];      /* "STATUS:SEQUENCE " for each answer */
	unsigned n_kept;     /* keepings of which the loop heard */
	bool is_gone;
} desk;

static char a_subscription;

void __wrap_worker_push(struct worker *worker, struct task *task);
void __real_batch_append(struct batch *batch, struct log *log);
void __wrap_batch_append(struct batch *batch, struct log *log);
int __wrap_helio_stored(struct helio_subscription *subscription,
			uint32_t n_records, unsigned status, uint64_t sequence,
			bool is_duplicate);
void __wrap_helio_unsubscribe(struct helio_subscription *subscription);

/* What the reader's thread does is done at once. */
void __wrap_worker_push(struct worker *worker, struct task *task)
{
	if (worker == &desk.logger.writer) {
		held_writer_push(&desk.writer, task);
		return;
	}
	list_init(&task->link);
	task->run(task);
	task->done(task);
}

void __wrap_batch_append(struct batch *batch, struct log *log)
{
	desk.n_appended++;
	if (desk.r_next)
		batch->r = desk.r_next;
	else
		__real_batch_append(batch, log);
	desk.r_next = 0;
}

int __wrap_helio_stored(struct helio_subscription *subscription,
			uint32_t n_records, unsigned status, uint64_t sequence,
			bool is_duplicate)
{
	size_t n = strlen(desk.told);

	(void)subscription;
	(void)is_duplicate;
	for (uint32_t i = 0; i < n_records; i++)
		n += (size_t)snprintf(
			desk.told + n, sizeof(desk.told) - n, "%u:%llu ",
			status, status ? 0 : (unsigned long long)sequence + i);
	return 0;
}

void __wrap_helio_unsubscribe(struct helio_subscription *subscription)
{
	(void)subscription;
}

static void settle(void)
{
	unsigned n = 0;

	while (!held_writer_is_idle(&desk.writer)) {
		held_writer_catch_up(&desk.writer);
		if (!desk.is_gone)
			keeper_commit(desk.keeper);
		assert_in_range(++n, 1, 16);
	}
}

/* ---- a log ---- */

static void add_capture(void)
{
	struct capture *capture = calloc(1, sizeof(*capture) + PATTERN_BYTES);

	assert_non_null(capture);
	capture->keeper = desk.keeper;
	capture->is_answered = true;
	capture->subscription = (void *)&a_subscription;
	snprintf(capture->pattern, PATTERN_BYTES, "lab.x");
	list_push_back(&desk.keeper->captures, &capture->link);
	desk.capture = capture;
}

static int set_up(void **state)
{
	static const Helio__Log__V1__Config nothing =
		HELIO__LOG__V1__CONFIG__INIT;
	struct config config;

	(void)state;
	memset(&desk, 0, sizeof(desk));
	held_writer_init(&desk.writer);
	list_init(&desk.logger.keepers);
	list_init(&desk.logger.stirred);
	world_begin(&desk.world, false);
	desk.logger.backend = desk.world.backend;
	desk.logger.state = desk.world.folder;
	desk.logger.is_open = true;
	assert_int_equal(config_copy(&nothing, &config), 0);
	assert_int_equal(keeper_new(&desk.logger, "log", &config, NULL, NULL,
				    &desk.keeper),
			 0);
	settle();
	assert_int_equal(desk.keeper->state, KEEPER_OPEN);
	add_capture();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!desk.is_gone) {
		desk.keeper->view = view_close(desk.keeper->view);
		desk.keeper->log = log_close(desk.keeper->log);
		keeper_free(desk.keeper);
	}
	world_end(&desk.world);
	return 0;
}

static void take(bool is_plain)
{
	const struct helio_message message = {
		.subject = "lab.x",
		.body = "body",
		.n_body = 4,
		.source = "uid:7",
		.durable_id = "uid:7/web",
		.is_ack_stored = !is_plain,
	};

	desk.capture->n_waiting++;
	keeper_take(desk.keeper, desk.capture, &message);
}

/* A turn in which one message came. */
static void turn(bool is_plain)
{
	take(is_plain);
	keeper_commit(desk.keeper);
}

static void the_writer_goes_on_by_himself(void **state)
{
	(void)state;
	turn(false);
	turn(false);
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_appended, 2);
	assert_string_equal(desk.told, "");
	held_writer_tell_one(&desk.writer);
	assert_string_equal(desk.told, "0:1 ");
	held_writer_tell_one(&desk.writer);
	assert_string_equal(desk.told, "0:1 0:2 ");
	assert_int_equal(desk.keeper->status.last, 2);
}

static void what_is_offered_fills_on(void **state)
{
	(void)state;
	turn(false);
	turn(false);
	turn(false);
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_appended, 2);
	turn(false);
	assert_true(list_is_empty(&desk.writer.to_do));
	held_writer_tell_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_appended, 3);
	settle();
	assert_string_equal(desk.told, "0:1 0:2 0:3 0:4 ");
}

/* Of the gap is number 1; and of what failed nobody is told twice. */
static void lose_and_go_on(int r)
{
	turn(true);
	turn(false);
	desk.r_next = r;
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_appended, 1);
	turn(false);
	held_writer_tell_one(&desk.writer);
	turn(false);
	assert_int_equal(desk.n_appended, 1);
	settle();
	assert_int_equal(desk.keeper->status.last, 4);
}

static void after_a_full_disk_a_gap_comes_first(void **state)
{
	(void)state;
	lose_and_go_on(-ENOSPC);
	assert_string_equal(desk.told, "8:0 0:2 0:3 0:4 ");
}

static void after_a_fault_a_gap_comes_first(void **state)
{
	(void)state;
	lose_and_go_on(-EIO);
	assert_string_equal(desk.told, "14:0 0:2 0:3 0:4 ");
}

/* Nobody is told of a gap, and what waits is not offered for ever. */
static void after_a_failure_the_loop_begins(void **state)
{
	(void)state;
	turn(false);
	turn(false);
	desk.r_next = -ENOSPC;
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	held_writer_tell_one(&desk.writer);
	assert_true(list_is_empty(&desk.writer.to_do));
	settle();
	assert_string_equal(desk.told, "8:0 0:1 ");
}

static void one_ahead_may_fail(void **state)
{
	(void)state;
	turn(true);
	turn(true);
	held_writer_run_one(&desk.writer);
	desk.r_next = -ENOSPC;
	held_writer_run_one(&desk.writer);
	turn(false);
	held_writer_tell_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_appended, 2);
	settle();
	assert_string_equal(desk.told, "0:1 8:0 0:3 ");
}

static void keep(const char *key, void (*on_kept)(struct keeping *, int))
{
	struct keeping *keeping = keeping_new();

	assert_non_null(keeping);
	snprintf(keeping->key, sizeof(keeping->key), "%s", key);
	assert_non_null(keeping_add_value(keeping, 0));
	keeping->on_kept = on_kept;
	keeper_keep(desk.keeper, keeping);
}

/* Something else is to be done first: what was offered waits for the loop. */
static void what_is_kept_goes_before_what_is_offered(void **state)
{
	(void)state;
	turn(false);
	turn(false);
	keep("cursor/x", NULL);
	keeper_commit(desk.keeper);
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	assert_int_equal(desk.n_appended, 1);
	settle();
	assert_string_equal(desk.told, "0:1 0:2 ");
	assert_true(list_is_empty(&desk.keeper->keepings));
}

/* The writer has stopped: what is pushed is done at once. */
static void answers_keep_their_order_at_the_end(void **state)
{
	(void)state;
	turn(false);
	turn(false);
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	turn(false);
	desk.logger.is_open = false;
	keeper_commit(desk.keeper);
	desk.writer.is_stopped = true;
	settle();
	assert_string_equal(desk.told, "0:1 0:2 0:3 ");
	assert_int_equal(desk.keeper->status.last, 3);
}

static void on_gone(struct keeper *keeper, unsigned status, const char *reason,
		    void *userdata)
{
	(void)keeper;
	(void)reason;
	(void)userdata;
	assert_int_equal(status, HELIO_OK);
	desk.is_gone = true;
}

static void what_is_offered_is_stored_before_it_closes(void **state)
{
	(void)state;
	turn(false);
	turn(false);
	held_writer_run_one(&desk.writer);
	held_writer_run_one(&desk.writer);
	turn(false);
	keeper_close(desk.keeper, false, on_gone, NULL);
	settle();
	assert_true(desk.is_gone);
	assert_int_equal(desk.n_appended, 3);
}

static void close_it(struct keeping *keeping, int r)
{
	(void)keeping;
	(void)r;
	desk.n_kept++;
	keeper_close(desk.keeper, false, on_gone, NULL);
}

static void count_it(struct keeping *keeping, int r)
{
	(void)keeping;
	assert_int_equal(r, 0);
	desk.n_kept++;
}

/* As when a new log is not made after all: more of this commit is to be told.
 */
static void it_may_be_closed_while_a_commit_is_told(void **state)
{
	(void)state;
	keep("cursor/x", close_it);
	keep("cursor/y", count_it);
	keeper_commit(desk.keeper);
	take(false);
	held_writer_run_one(&desk.writer);
	held_writer_tell_one(&desk.writer);
	assert_int_equal(desk.n_kept, 2);
	settle();
	assert_true(desk.is_gone);
	assert_int_equal(desk.n_appended, 1);
}

/* The logger ends before it is written: LeakSanitizer looks. */
static void what_comes_last_is_let_go(void **state)
{
	(void)state;
	keep("cursor/x", count_it);
	assert_int_equal(desk.n_kept, 0);
	assert_false(list_is_empty(&desk.keeper->keepings));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_writer_goes_on_by_himself),
		TEST(what_is_offered_fills_on),
		TEST(after_a_full_disk_a_gap_comes_first),
		TEST(after_a_fault_a_gap_comes_first),
		TEST(after_a_failure_the_loop_begins),
		TEST(one_ahead_may_fail),
		TEST(what_is_kept_goes_before_what_is_offered),
		TEST(answers_keep_their_order_at_the_end),
		TEST(what_is_offered_is_stored_before_it_closes),
		TEST(it_may_be_closed_while_a_commit_is_told),
		TEST(what_comes_last_is_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
