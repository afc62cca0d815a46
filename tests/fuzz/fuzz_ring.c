/* SPDX-License-Identifier: MIT */

/*
 * A ring whose other side is the input. It writes what it likes to the control
 * page between our operations, and whatever that is, our windows stay inside
 * the ring, our indices are ours, and an error is for ever.
 */

#include <stdatomic.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "transports/mirror.h"
#include "transports/ring.h"

enum { ORDER_MAX = 13, N_WORDS = 4, N_SHARED_BYTES = 24 };

enum step {
	STEP_POKE_BYTE,
	STEP_POKE_WORD,
	STEP_MOVE_WORD, /* by little, as an honest peer would */
	STEP_TAKE,
	STEP_PUT,
	STEP_FLUSH,
	STEP_ARM,
	STEP_HANG_UP,
	N_STEPS,
};

struct input {
	const uint8_t *bytes;
	size_t n;
};

/* The pages outlive an input: mapping them anew would be all that is timed. */
static _Alignas(RING_PAGE_BYTES) uint8_t page_bytes[RING_PAGE_BYTES];
static struct mirror left[ORDER_MAX + 1];
static struct mirror right[ORDER_MAX + 1];
static _Alignas(RING_PAGE_BYTES) uint8_t left_once[1 << ORDER_MAX];
static _Alignas(RING_PAGE_BYTES) uint8_t right_once[1 << ORDER_MAX];
static unsigned n_wakes;

static void count_wake(struct ring *ring)
{
	n_wakes++;
}

static uint32_t take(struct input *input, size_t n)
{
	uint32_t value = 0;

	for (; n && input->n; n--, input->n--)
		value = value << 8 | *input->bytes++;
	return value;
}

static void map_once(struct mirror *mirror, unsigned order)
{
	if (!mirror->at)
		FUZZ_CHECK(mirror_init(mirror, (size_t)1 << order) == 0);
}

static void map(struct ring_config *config, bool is_mapped_twice)
{
	unsigned left_order = config->left_order;
	unsigned right_order = config->right_order;

	config->is_mapped_twice = is_mapped_twice;
	if (!is_mapped_twice) {
		/* Each ends where its array does. */
		config->left = left_once + sizeof(left_once) -
			       ((size_t)1 << left_order);
		config->right = right_once + sizeof(right_once) -
				((size_t)1 << right_order);
		return;
	}
	map_once(&left[left_order], left_order);
	map_once(&right[right_order], right_order);
	config->left = left[left_order].at;
	config->right = right[right_order].at;
}

static int start(struct ring *ring, struct input *input)
{
	unsigned left_order = RING_ORDER_MIN + take(input, 1) % 4;
	unsigned right_order = RING_ORDER_MIN + take(input, 1) % 4;
	uint32_t mode = take(input, 1);
	struct ring_config config = {
		.role = mode % 2 ? RING_CLIENT : RING_SERVER,
		.left_order = left_order,
		.right_order = right_order,
		.page = (struct ring_page *)(void *)page_bytes,
		.notify = count_wake,
	};

	if (!ring_orders_are_legal(left_order, right_order))
		return -EINVAL;
	map(&config, !(mode & 2));
	memset(page_bytes, 0, sizeof(page_bytes));
	return ring_init(ring, &config);
}

static bool stands_in(const uint8_t *at, size_t n, const uint8_t *memory,
		      size_t n_memory)
{
	return at >= memory && at + n <= memory + n_memory;
}

static void check_window(const uint8_t *at, size_t n,
			 const struct ring_flow *flow)
{
	size_t n_bytes = flow->n_bytes;

	FUZZ_CHECK(n <= n_bytes);
	if (!n)
		return;
	if (flow->seam)
		FUZZ_CHECK(stands_in(at, n, flow->bytes, n_bytes) ||
			   stands_in(at, n, flow->seam->bytes,
				     (size_t)flow->seam->n_side * 2));
	else
		FUZZ_CHECK(stands_in(at, n, flow->bytes, 2 * n_bytes));
}

static void check(struct ring *ring, int r)
{
	struct channel *channel = &ring->channel;

	check_window(channel->in, channel->n_in, &ring->in);
	check_window(channel->out, channel->n_out, &ring->out);
	if (r == -EPROTO || r == -EPIPE) {
		FUZZ_CHECK((r == -EPROTO) == (channel->reason != NULL));
		FUZZ_CHECK(ring_refill(channel) == r);
		FUZZ_CHECK(ring_make_room(channel, 1) == r);
		FUZZ_CHECK(ring_flush(channel) == r);
		FUZZ_CHECK(ring_arm(channel, true) == r);
	} else {
		FUZZ_CHECK(r == 0 || r == 1 || r == -EAGAIN || r == -EMSGSIZE);
	}
}

static int take_bytes(struct channel *channel, size_t n)
{
	int r = ring_refill(channel);

	if (r < 0)
		return r;
	if (n > channel->n_in)
		n = channel->n_in;
	channel_consume(channel, n);
	return 0;
}

static int put_bytes(struct channel *channel, size_t n)
{
	uint8_t *room;
	int r = channel->n_out < n ? ring_make_room(channel, n) : 0;

	if (r < 0)
		return r;
	room = channel->out;
	if (n)
		memset(room, 0x5a, n);
	channel_commit(channel, n);
	return 0;
}

static int flush(struct ring *ring)
{
	unsigned n_before = n_wakes;
	int r = ring_flush(&ring->channel);

	FUZZ_CHECK(n_wakes - n_before <= 1);
	return r;
}

static void poke(struct input *input, enum step step)
{
	uint8_t where = (uint8_t)take(input, 1);
	uint32_t *word = (uint32_t *)(void *)page_bytes + where % N_WORDS;

	if (step == STEP_POKE_BYTE)
		page_bytes[where % N_SHARED_BYTES] = (uint8_t)take(input, 1);
	else if (step == STEP_POKE_WORD)
		*word = take(input, 4);
	else
		*word += take(input, 1);
}

static int do_step(struct ring *ring, struct input *input, enum step step)
{
	switch (step) {
	case STEP_TAKE:
		return take_bytes(&ring->channel, take(input, 2));
	case STEP_PUT:
		return put_bytes(&ring->channel, take(input, 2));
	case STEP_FLUSH:
		return flush(ring);
	case STEP_ARM:
		return ring_arm(&ring->channel, take(input, 1) % 2);
	case STEP_HANG_UP:
		ring_hang_up(ring);
		return 0;
	default:
		poke(input, step);
		return 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input input = { .bytes = bytes, .n = n };
	struct ring ring = { 0 };
	int r = 0;

	if (start(&ring, &input) < 0)
		return 0;
	while (input.n && r != -EPROTO && r != -EPIPE) {
		r = do_step(&ring, &input, take(&input, 1) % N_STEPS);
		check(&ring, r);
	}
	ring_deinit(&ring);
	return 0;
}
