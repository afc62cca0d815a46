/* SPDX-License-Identifier: MIT */

/*
 * The asking side: keeps `depth` requests in flight and times each. Also the
 * hog, which is there to be in its way.
 */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "bench/clients/board.h"
#include "bench/clients/payload.h"
#include "bench/clients/roles.h"

enum {
	TURN_MS = 100,
};

struct requester {
	struct intake intake; /* first, so that it is found from there */
	const struct bench *bench;
	struct client *client;
	struct payload_filler filler;
	uint64_t n_sent;
	uint64_t n_received;
	uint64_t sent_ns[BOARD_DEPTH_MAX];
};

static int requester_ask(struct requester *requester)
{
	const struct bench *bench = requester->bench;
	uint8_t body[PAYLOAD_MAX];
	uint64_t number = requester->n_sent;

	payload_write(body, bench->plan->n_body, number, &requester->filler);
	requester->sent_ns[number % BOARD_DEPTH_MAX] = clock_now_ns();
	requester->n_sent++;
	return bench->ops->request(requester->client, body,
				   bench->plan->n_body);
}

static void requester_sample(struct requester *requester)
{
	struct board *board = requester->bench->board;
	uint64_t number = requester->n_received;
	uint64_t took_ns;

	if (board_phase(board) != PHASE_MEASURE ||
	    board->n_samples == BOARD_SAMPLES_MAX)
		return;
	took_ns = clock_now_ns() - requester->sent_ns[number % BOARD_DEPTH_MAX];
	board->samples_ns[board->n_samples++] =
		took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
}

static void requester_take(struct intake *intake, const uint8_t *body,
			   size_t n_body)
{
	struct requester *requester = (struct requester *)intake;
	const struct bench *bench = requester->bench;
	int r = 0;

	if (n_body != bench->plan->n_body || !payload_is_whole(body, n_body) ||
	    payload_word(body, 0) != requester->n_received) {
		board_fail(bench->board, "%s: a reply is not what was asked",
			   bench->ops->name);
		return;
	}
	requester_sample(requester);
	requester->n_received++;
	if (board_phase(bench->board) <= PHASE_MEASURE)
		r = requester_ask(requester);
	if (r < 0)
		board_fail(bench->board, "%s requester: %s", bench->ops->name,
			   strerror(-r));
}

static int requester_turn(struct requester *requester)
{
	const struct bench *bench = requester->bench;
	int r;

	r = bench->ops->turn(requester->client, TURN_MS);
	board_receive(bench->board, 0, requester->n_received);
	return r;
}

/* The first answer shows that the responder is reached. */
static int requester_work(struct requester *requester)
{
	struct board *board = requester->bench->board;
	bool is_ready = false;
	int r = 0;

	for (unsigned i = 0; i < requester->bench->plan->depth && !r; i++)
		r = requester_ask(requester);
	if (!r)
		r = requester->bench->ops->flush(requester->client);
	while (!r && !board->has_failed &&
	       (board_phase(board) <= PHASE_MEASURE ||
		requester->n_received < requester->n_sent)) {
		r = requester_turn(requester);
		if (!is_ready && requester->n_received > 0) {
			is_ready = true;
			board_count(board, &board->n_ready);
		}
	}
	if (!r)
		board_count(board, &board->n_done);
	return r;
}

int requester_run(const struct bench *bench)
{
	struct requester requester = {
		.intake.take = requester_take,
		.bench = bench,
	};
	int r;

	payload_filler_init(&requester.filler);
	r = bench->ops->open(bench->plan, ROLE_REQUESTER, &requester.intake,
			     &requester.client);
	if (!r) {
		r = requester_work(&requester);
		bench->ops->close(requester.client);
	}
	if (r < 0)
		board_fail(bench->board, "%s requester: %s", bench->ops->name,
			   strerror(-r));
	return r;
}

int hog_run(const struct bench *bench)
{
	while (board_phase(bench->board) < PHASE_DRAIN &&
	       !bench->board->has_failed)
		;
	return 0;
}
