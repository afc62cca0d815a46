/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "storage/state/image.h"
#include "storage/state/queue_inside.h"
#include "tests/unit/storage/state/job_world.h"

#define WAITING   HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED    HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DONE      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define DEAD      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD
#define CANCELLED HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED

/* Snapshots that are taken while queues come and go, and what is no snapshot.
 */

enum { ROWS_BYTES_MAX = 1 << 24 };

/* A snapshot of what is committed. */
struct picture {
	struct image_cursor cursor;
	struct buffer rows;
	uint64_t begin;
	unsigned n_queues, n_jobs; /* rows that there are */
};

/* Up to this part. */
static void go_on(struct picture *picture, struct job_world *world, int part)
{
	world_commit(world);
	while ((int)picture->cursor.part < part)
		assert_int_equal(image_next(&world->state, &picture->cursor,
					    picture->rows.n + 1,
					    &picture->rows),
				 0);
}

static void begin(struct picture *picture, struct job_world *world)
{
	world_commit(world);
	*picture = (struct picture){ .begin = world->state.revision };
	buffer_init(&picture->rows, ROWS_BYTES_MAX);
	image_begin(&picture->cursor, &world->state, UINT64_MAX);
	go_on(picture, world, IMAGE_BUCKETS);
}

static void load_rows(struct picture *picture, struct state *state)
{
	struct record_reader reader = { (uint8_t *)picture->rows.bytes,
					picture->rows.n };
	const uint8_t *message;
	size_t n;

	while (record_next(&reader, &message, &n) > 0) {
		Helio__Store__V1__Row *row =
			helio__store__v1__row__unpack(NULL, n, message);

		assert_non_null(row);
		picture->n_queues +=
			row->what_case == HELIO__STORE__V1__ROW__WHAT_QUEUE;
		picture->n_jobs +=
			row->what_case == HELIO__STORE__V1__ROW__WHAT_JOB;
		assert_int_equal(image_load_row(state, row), 0);
		helio__store__v1__row__free_unpacked(row, NULL);
	}
}

static void load_steps(const struct picture *picture, struct state *state,
		       const struct job_world *world)
{
	for (size_t i = 0; i < world->n_steps; i++) {
		const struct world_step *at = &world->steps[i];
		Helio__Store__V1__Step *step =
			helio__store__v1__step__unpack(NULL, at->n, at->bytes);

		if (step->revision > picture->begin)
			assert_int_equal(image_load_step(state, step,
							 picture->begin,
							 world->state.revision),
					 0);
		helio__store__v1__step__free_unpacked(step, NULL);
	}
}

/* Take the rest, and read it back: it is what the world is. */
static void end(struct picture *picture, struct job_world *world,
		void (*look)(const struct state *state))
{
	char *text, *expected = NULL;
	struct state state;

	go_on(picture, world, IMAGE_END);
	assert_int_equal(state_init(&state, &world->state.limits), 0);
	load_rows(picture, &state);
	load_steps(picture, &state, world);
	assert_int_equal(image_loaded(&state, world->state.revision), 0);
	world_check(&state);
	text = world_dump(&state);
	expected = world_dump(&world->state);
	assert_string_equal(text, expected);
	if (look)
		look(&state);
	free(text);
	free(expected);
	buffer_deinit(&picture->rows);
	state_deinit(&state);
}

static void drop(struct job_world *world, const char *name)
{
	assert_int_equal(WORLD_DO(world, "owner", judge_queue_drop,
				  REQUEST(DropQueueRequest, drop_queue_request,
					  .name = TEXT(name))),
			 STATUS_OK);
}

/* ---- while queues come and go ---- */

static void has_no_past(const struct state *state)
{
	const struct queue *queue = queue_lookup(state, "q");

	assert_int_equal(queue->n_submitted, 0);
	assert_int_equal(queue->n_completed, 0);
	assert_int_equal(queue->n_failed, 0);
	assert_int_equal(queue->n_lapsed, 0);
}

static void do_some(struct job_world *world)
{
	uint64_t id;

	for (unsigned i = 0; i < 4; i++)
		assert_true(world_submit(world, "ann", "q", "body"));
	id = world_lease(world, "wim", "q");
	assert_int_equal(world_complete(world, id, world_token(world)),
			 STATUS_OK);
	id = world_lease(world, "wim", "q");
	assert_int_equal(world_fail(world, id, world_token(world), "it broke"),
			 STATUS_OK);
	assert_true(world_lease(world, "wim", "q"));
	world_pass(world, 30000, 100);
}

static void all_is_as_it_was(void **state)
{
	struct job_world *world = *state;
	struct picture picture;

	do_some(world);
	begin(&picture, world);
	do_some(world);
	end(&picture, world, has_no_past);
	assert_int_equal(picture.n_queues, 1);
	assert_int_equal(picture.n_jobs, 4);
}

/* They are in the steps: so a snapshot ends, however many come. */
static void what_is_made_meanwhile_is_no_row(void **state)
{
	struct job_world *world = *state;
	struct picture picture;

	world_submit(world, "ann", "q", "first");
	begin(&picture, world);
	for (int part = IMAGE_BUCKETS; part < IMAGE_END; part++) {
		world_submit(world, "ann", "q", "more");
		go_on(&picture, world, part);
	}
	end(&picture, world, NULL);
	assert_int_equal(picture.n_jobs, 1);
}

/* Nothing of it is left but that its number was used. */
static void a_number_is_not_used_again(void **state)
{
	struct job_world *world = *state;
	struct picture picture;

	begin(&picture, world);
	world_submit(world, "ann", "q", "gone");
	drop(world, "q");
	end(&picture, world, NULL);
	assert_int_equal(picture.n_queues, 0);
	assert_int_equal(world->state.next_job, 2);
}

static void a_queue_is_made_again_before_its_row(void **state)
{
	struct job_world *world = *state;
	struct picture picture;

	world_submit(world, "ann", "q", "old");
	begin(&picture, world);
	world_submit(world, "ann", "q", "old");
	drop(world, "q");
	world_queue(world, "q", CONFIG(HAS(keep_ms, 5)));
	world_submit(world, "ann", "q", "new");
	end(&picture, world, NULL);
}

/* Its row is the old one's, the jobs' are those of the new one. */
static void a_queue_is_made_again_after_its_row(void **state)
{
	struct job_world *world = *state;
	struct picture picture;

	world_submit(world, "ann", "q", "old");
	begin(&picture, world);
	go_on(&picture, world, IMAGE_KEYS);
	world_submit(world, "ann", "q", "old");
	drop(world, "q");
	world_queue(world, "q", CONFIG(HAS(keep_ms, 5)));
	do_some(world);
	end(&picture, world, NULL);
	assert_int_equal(picture.n_queues, 1);
}

/* Two of one order key are leased in the rows, for they are of two times. */
static void an_order_key_goes_on_between_two_rows(void **state)
{
	struct job_world *world = *state;
	uint64_t ids[3], token;
	struct picture picture;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
			world_ask(world, "ann", SUBMIT(.order_key = TEXT("o"))),
			STATUS_OK);
		ids[i] = world->out.number;
	}
	assert_int_equal(world_lease(world, "wim", "q"), ids[0]);
	token = world_token(world);
	begin(&picture, world);
	go_on(&picture, world, IMAGE_JOBS);
	while (picture.cursor.id != ids[0])
		assert_int_equal(image_next(&world->state, &picture.cursor,
					    picture.rows.n + 1, &picture.rows),
				 0);
	assert_int_equal(world_complete(world, ids[0], token), STATUS_OK);
	assert_int_equal(world_lease(world, "wim", "q"), ids[1]);
	end(&picture, world, NULL);
}

/* ---- what is no snapshot ---- */

#define JOB_ROW(...) REQUEST(Job, job, __VA_ARGS__)

static int load_job(struct state *state, Helio__Store__V1__Job *job)
{
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;

	if (!job->queue)
		job->queue = TEXT("q");
	if (!job->submitter_durable_id)
		job->submitter_durable_id = TEXT("ann");
	row.what_case = HELIO__STORE__V1__ROW__WHAT_JOB;
	row.job = job;
	return image_load_row(state, &row);
}

static void a_damaged_job_is_found(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Job *const bad[] = {
		JOB_ROW(.id = 5),
		JOB_ROW(.submitter = TEXT("ann")),
		JOB_ROW(.id = 7, .submitter = TEXT("ann"), HAS(state, 0)),
		JOB_ROW(.id = 7, .submitter = TEXT("ann"), HAS(state, 6)),
		JOB_ROW(.id = 7, .submitter = TEXT("ann"), HAS(state, LEASED)),
		JOB_ROW(.id = 7, .submitter = TEXT("ann"), .worker = TEXT("w")),
	};
	char *before = world_dump(&world->state), *after;
	Helio__Store__V1__Job *good =
		JOB_ROW(.id = 7, .submitter = TEXT("ann"));

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(load_job(&world->state, bad[i]), -EBADMSG);
	after = world_dump(&world->state);
	assert_string_equal(after, before);
	free(before);
	free(after);
	assert_int_equal(load_job(&world->state, good), 0);
	assert_int_equal(load_job(&world->state, good), -EBADMSG);
}

static void a_damaged_queue_is_found(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Queue *const bad[] = {
		REQUEST(Queue, queue, .owner = TEXT("o")),
		REQUEST(Queue, queue, .name = TEXT("..")),
		REQUEST(Queue, queue, .name = TEXT("q"), .owner = TEXT("o"),
			.owner_durable_id = TEXT("o")),
		REQUEST(Queue, queue, .name = TEXT("r"), .owner = TEXT("o")),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(queue_load(&world->state, bad[i]), -EBADMSG);
}

/* What a step is about must be there, once a snapshot is read. */
static void a_step_that_does_not_fit_is_found(void **state)
{
	struct job_world *world = *state;
	Helio__Store__V1__Step *step = REQUEST(Step, step, .revision = 2);
	Helio__Store__V1__JobGone *gone =
		REQUEST(JobGone, job_gone, .queue = TEXT("q"), .id = 9);
	Helio__Store__V1__Job *job = JOB_ROW(.queue = TEXT("q"), .id = 9);
	Helio__Store__V1__Queue *queue =
		REQUEST(Queue, queue, .name = TEXT(".."));

	assert_int_equal(queue_apply_gone(&world->state, step, gone), -EBADMSG);
	assert_int_equal(queue_apply_changed(&world->state, step, job),
			 -EBADMSG);
	assert_int_equal(queue_apply_drop(&world->state, step, "none"),
			 -EBADMSG);
	assert_int_equal(queue_apply_set(&world->state, step, queue), -EBADMSG);
	job->id = 0;
	assert_int_equal(queue_apply_job(&world->state, step, job), -EBADMSG);
	job->id = 9;
	job->queue = TEXT("none");
	assert_int_equal(queue_apply_job(&world->state, step, job), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(all_is_as_it_was),
		WORLD_TEST(what_is_made_meanwhile_is_no_row),
		WORLD_TEST(a_number_is_not_used_again),
		WORLD_TEST(a_queue_is_made_again_before_its_row),
		WORLD_TEST(a_queue_is_made_again_after_its_row),
		WORLD_TEST(an_order_key_goes_on_between_two_rows),
		WORLD_TEST(a_damaged_job_is_found),
		WORLD_TEST(a_damaged_queue_is_found),
		WORLD_TEST(a_step_that_does_not_fit_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
