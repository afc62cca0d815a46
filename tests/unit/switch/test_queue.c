/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "switch/queue.h"
#include "tests/fault.h"

static struct queue_pool pool;

static int set_up(void **state)
{
	queue_pool_init(&pool);
	return 0;
}

static int tear_down(void **state)
{
	queue_pool_deinit(&pool);
	return 0;
}

/* The bytes of frame `number`: its length and look follow from that. */
static size_t length_of(unsigned number)
{
	return 1 + number * 7919U % 65536;
}

static void push(struct queue *queue, unsigned number)
{
	size_t n = length_of(number);
	uint8_t *room;

	assert_int_equal(queue_push(queue, n, &room), 0);
	memset(room, (int)(number & 0xff), n);
}

static void pop(struct queue *queue, unsigned number)
{
	const uint8_t *frame;
	size_t n;

	frame = queue_peek(queue, &n);
	assert_non_null(frame);
	assert_int_equal(n, length_of(number));
	assert_int_equal(frame[0], number & 0xff);
	assert_int_equal(frame[n - 1], number & 0xff);
	queue_pop(queue);
}

static void frames_come_out_as_they_went_in(void **state)
{
	struct queue queue;
	unsigned first = 0;
	unsigned next = 0;
	size_t n_bytes = 0;
	size_t n;

	queue_init(&queue, &pool);
	for (unsigned i = 0; i < 5000; i++) {
		/* Grows in the first half and shrinks in the second. */
		if (first == next || random() % 100 < (i < 2500 ? 55 : 45)) {
			n_bytes += length_of(next);
			push(&queue, next++);
		} else {
			n_bytes -= length_of(first);
			pop(&queue, first++);
		}
		assert_int_equal(queue.n_frames, next - first);
		assert_int_equal(queue.n_bytes, n_bytes);
	}
	while (first < next)
		pop(&queue, first++);
	assert_null(queue_peek(&queue, &n));
	assert_int_equal(queue.n_bytes, 0);
	queue_deinit(&queue);
}

static void chunks_go_back_to_the_pool(void **state)
{
	struct queue queue;
	uint8_t *room;

	queue_init(&queue, &pool);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(queue_push(&queue, QUEUE_CHUNK_BYTES, &room),
				 0);
	queue_deinit(&queue);
	assert_int_equal(pool.n_free, 64);
	fault_arm(0);
	assert_int_equal(queue_push(&queue, 1, &room), 0);
	fault_disarm();
	assert_false(fault_hit());
	assert_int_equal(pool.n_free, 63);
	queue_pop(&queue);
	assert_int_equal(pool.n_free, 64);
	queue_deinit(&queue);
}

static void without_memory_nothing_changes(void **state)
{
	struct queue queue;
	uint8_t *room;

	queue_init(&queue, &pool);
	push(&queue, 1);
	fault_arm(0);
	assert_int_equal(queue_push(&queue, QUEUE_CHUNK_BYTES, &room), -ENOMEM);
	fault_disarm();
	assert_int_equal(queue.n_frames, 1);
	assert_int_equal(queue.n_bytes, length_of(1));
	pop(&queue, 1);
	queue_deinit(&queue);
}

enum { N_LANES = 3, N_MODEL = 20000 };

/* What a plain list of all that was ever pushed says must come out. */
struct model {
	struct lane lanes[N_LANES];
	uint8_t lane_of[N_MODEL];
	bool may_be_dropped[N_MODEL];
	bool is_lost[N_MODEL];
	unsigned first;
	unsigned next;
};

static void model_push(struct model *model, struct queue *queue, size_t n)
{
	unsigned lane = (unsigned)(random() % N_LANES);
	bool may_be_dropped = random() % 8;
	uint8_t *room;

	assert_int_equal(queue_push_in(queue, &model->lanes[lane],
				       may_be_dropped, n, &room),
			 0);
	memset(room, (int)(model->next & 0xff), n);
	memcpy(room, &model->next, sizeof(model->next));
	model->lane_of[model->next] = (uint8_t)lane;
	model->may_be_dropped[model->next++] = may_be_dropped;
}

/* The oldest of a lane is lost where it stands. */
static void model_drop(struct model *model, struct queue *queue, unsigned lane)
{
	unsigned oldest = model->first;
	const uint8_t *frame;
	size_t n;

	while (oldest < model->next &&
	       (model->lane_of[oldest] != lane || model->is_lost[oldest] ||
		!model->may_be_dropped[oldest]))
		oldest++;
	frame = lane_peek(&model->lanes[lane], &n);
	if (oldest == model->next) {
		assert_null(frame);
		return;
	}
	assert_memory_equal(frame, &oldest, sizeof(oldest));
	queue_drop(queue, &model->lanes[lane]);
	model->is_lost[oldest] = true;
}

static void model_pop(struct model *model, struct queue *queue)
{
	uint64_t n_lost = 0;
	const uint8_t *frame;
	size_t n;

	for (; model->first < model->next && model->is_lost[model->first];
	     model->first++)
		n_lost++;
	assert_int_equal(queue->n_lost, n_lost);
	queue->n_lost = 0;
	frame = queue_peek(queue, &n);
	if (model->first == model->next) {
		assert_null(frame);
		return;
	}
	assert_memory_equal(frame, &model->first, sizeof(model->first));
	assert_int_equal(frame[n - 1], model->first & 0xff);
	assert_ptr_equal(queue_lane(queue),
			 &model->lanes[model->lane_of[model->first]]);
	queue_pop(queue);
	model->first++;
}

static void gaps_stand_where_frames_were_dropped(void **state)
{
	static struct model model;
	struct queue queue;

	queue_init(&queue, &pool);
	while (model.next < N_MODEL) {
		long dice = random() % 100;

		if (dice < 50)
			model_push(&model, &queue, 8 + random() % 3000);
		else if (dice < 97)
			model_drop(&model, &queue,
				   (unsigned)(random() % N_LANES));
		else
			model_pop(&model, &queue);
	}
	while (model.first < model.next)
		model_pop(&model, &queue);
	for (unsigned i = 0; i < N_LANES; i++)
		assert_null(model.lanes[i].first);
	assert_int_equal(queue.n_gap_bytes, 0);
	assert_true(list_is_empty(&queue.chunks));
	queue_deinit(&queue);
}

static size_t n_chunks(const struct queue *queue)
{
	const struct list *link;
	size_t n = 0;

	list_for_each (link, &queue->chunks)
		n++;
	return n;
}

/* One that stands still in front, and a flood behind it. */
static void gaps_do_not_gather(void **state)
{
	struct lane still = { 0 };
	struct lane flood = { 0 };
	struct queue queue;
	uint8_t *room;

	queue_init(&queue, &pool);
	assert_int_equal(queue_push_in(&queue, &still, true, 9, &room), 0);
	for (unsigned i = 0; i < 10000; i++) {
		assert_int_equal(
			queue_push_in(&queue, &flood, true, 999, &room), 0);
		if (i % 100 == 0)
			assert_int_equal(
				queue_push_in(&queue, &still, true, 9, &room),
				0);
		if (i >= 10)
			queue_drop(&queue, &flood);
		assert_in_range(n_chunks(&queue), 1, 4);
	}
	assert_int_equal(queue.n_frames, 10 + 101);
	queue_deinit(&queue);
}

static void a_gap_without_memory_is_told_so(void **state)
{
	struct queue queue;
	uint8_t *room;

	queue_init(&queue, &pool);
	assert_int_equal(queue_push_gap(&queue, 3), 0);
	assert_int_equal(queue.n_lost, 3);
	assert_int_equal(queue_push(&queue, QUEUE_CHUNK_BYTES, &room), 0);
	fault_arm(0);
	assert_int_equal(queue_push_gap(&queue, 4), -ENOMEM);
	fault_disarm();
	queue_pop(&queue);
	assert_int_equal(queue.n_lost, 3);
	queue_deinit(&queue);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_come_out_as_they_went_in),
		TEST(chunks_go_back_to_the_pool),
		TEST(without_memory_nothing_changes),
		TEST(gaps_stand_where_frames_were_dropped),
		TEST(gaps_do_not_gather),
		TEST(a_gap_without_memory_is_told_so),
	};

	srandom(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
