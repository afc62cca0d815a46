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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_come_out_as_they_went_in),
		TEST(chunks_go_back_to_the_pool),
		TEST(without_memory_nothing_changes),
	};

	srandom(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
