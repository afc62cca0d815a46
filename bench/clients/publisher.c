/* SPDX-License-Identifier: MIT */

/*
 * The publisher's side. It sends in runs, and looks at the others' counters
 * only when what it knew of them is used up.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bench/clients/board.h"
#include "bench/clients/payload.h"
#include "bench/clients/roles.h"

enum {
	RUN_MESSAGES = 256, /* between two looks at the phase */
	PROBE_MS = 2,
	PROBES_MAX = 2500,
	DRAIN_MS = 10000,
	TURN_MS = 100,
};

struct publisher {
	const struct bench *bench;
	struct client *client;
	struct intake intake;
	struct payload_filler filler;
	uint64_t n_sent;
	uint64_t n_allowed; /* n_sent may come to this before the next look */
	uint64_t random;
};

static void publisher_take(struct intake *intake, const uint8_t *body,
			   size_t n_body)
{
	/* Nothing is subscribed here: what a system says to a publisher is
	 * its own business. */
}

static int publisher_fail(const struct publisher *publisher, int r)
{
	board_fail(publisher->bench->board, "%s publisher: %s",
		   publisher->bench->ops->name, strerror(-r));
	return r;
}

static const struct subject *publisher_draw_subject(struct publisher *publisher)
{
	const struct plan *plan = publisher->bench->plan;

	if (plan->n_subjects == 1)
		return plan->subjects;
	publisher->random ^= publisher->random << 13;
	publisher->random ^= publisher->random >> 7;
	publisher->random ^= publisher->random << 17;
	return plan->subjects +
	       ((publisher->random >> 32) * plan->n_subjects >> 32);
}

static int publish(struct publisher *publisher, uint64_t number)
{
	const struct client_ops *ops = publisher->bench->ops;
	const struct subject *subject = publisher_draw_subject(publisher);
	size_t n_body = publisher->bench->plan->n_body;
	void *body;
	int r;

	while ((r = ops->begin(publisher->client, subject, n_body, &body)) ==
	       -EAGAIN) {
		r = ops->turn(publisher->client, TURN_MS);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	payload_write(body, n_body, number, &publisher->filler);
	return ops->end(publisher->client, n_body);
}

/* Sleep, with the client's own work done meanwhile, until `fd` is readable. */
static int publisher_sleep(struct publisher *publisher, int fd, int timeout_ms)
{
	const struct client_ops *ops = publisher->bench->ops;
	struct pollfd polled[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = ops->fd(publisher->client), .events = POLLIN },
	};
	uint64_t count;
	int r;

	if (poll(polled, 2, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	if (polled[0].revents && read(fd, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN)
		return -errno;
	if (polled[1].revents) {
		r = ops->turn(publisher->client, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Wait until half of the window is free again. */
static int publisher_await_window(struct publisher *publisher)
{
	struct board *board = publisher->bench->board;
	uint64_t window = publisher->bench->plan->n_window;
	uint64_t wanted = publisher->n_sent - window / 2;
	int r;

	publisher->n_allowed = board_min_received(board) + window;
	if (publisher->n_allowed > publisher->n_sent)
		return 0;

	r = publisher->bench->ops->flush(publisher->client);
	if (r < 0)
		return r;
	while (board_min_received(board) < wanted &&
	       board_phase(board) <= PHASE_MEASURE) {
		if (!board_want(board, wanted))
			break;
		r = publisher_sleep(publisher, board->wake_fd, TURN_MS);
		if (r < 0)
			return r;
	}
	publisher->n_allowed = board_min_received(board) + window;
	return 0;
}

static int publisher_run_some(struct publisher *publisher)
{
	uint64_t end = publisher->n_sent + RUN_MESSAGES;
	int r = 0;

	if (publisher->n_sent >= publisher->n_allowed) {
		r = publisher_await_window(publisher);
		if (r < 0)
			return r;
	}
	if (end > publisher->n_allowed)
		end = publisher->n_allowed;
	while (publisher->n_sent < end && !r) {
		r = publish(publisher, publisher->n_sent);
		publisher->n_sent++;
	}
	return r;
}

/*
 * A subscription may be on its way still when subscribing returns; only what
 * comes out at the other end proves that it is there.
 */
static int publisher_probe(struct publisher *publisher)
{
	const struct bench *bench = publisher->bench;
	struct board *board = bench->board;
	int r;

	for (unsigned i = 0; i < PROBES_MAX; i++) {
		r = publish(publisher, PAYLOAD_PROBE);
		if (!r)
			r = bench->ops->flush(publisher->client);
		if (!r)
			r = bench->ops->turn(publisher->client, 0);
		if (r)
			return r;
		r = board_await(board, &board->n_probed, board->n_lanes,
				PROBE_MS);
		if (r != -ETIMEDOUT)
			return r;
	}
	return -ETIMEDOUT;
}

/* All that was sent has to arrive. */
static int publisher_drain(struct publisher *publisher)
{
	struct board *board = publisher->bench->board;
	int r;

	r = publisher->bench->ops->flush(publisher->client);
	for (int waited_ms = 0; !r; waited_ms += TURN_MS) {
		if (!board_want(board, publisher->n_sent))
			return 0;
		if (waited_ms >= DRAIN_MS)
			return -ETIMEDOUT;
		r = publisher_sleep(publisher, board->wake_fd, TURN_MS);
	}
	return r;
}

static int publisher_work(struct publisher *publisher)
{
	struct board *board = publisher->bench->board;
	int r;

	r = publisher_probe(publisher);
	if (r < 0)
		return r;
	board_count(board, &board->n_ready);
	r = board_await(board, &board->phase, PHASE_RUN, DRAIN_MS);
	while (!r && board_phase(board) <= PHASE_MEASURE)
		r = publisher_run_some(publisher);
	if (!r)
		r = publisher_drain(publisher);
	if (!r)
		board_count(board, &board->n_done);
	return r;
}

int publisher_run(const struct bench *bench)
{
	struct publisher publisher = {
		.bench = bench,
		.intake.take = publisher_take,
		.n_allowed = bench->plan->n_window,
		.random = 2463534242u,
	};
	int r;

	payload_filler_init(&publisher.filler);
	r = bench->ops->open(bench->plan, ROLE_PUBLISHER, &publisher.intake,
			     &publisher.client);
	if (r < 0)
		return publisher_fail(&publisher, r);
	r = publisher_work(&publisher);
	if (r < 0)
		publisher_fail(&publisher, r);
	bench->ops->close(publisher.client);
	return r;
}
