/* SPDX-License-Identifier: MIT */

/*
 * The receiving sides that only receive: the subscriber, which checks and
 * counts, and the responder, whose client answers by itself.
 */

#include <string.h>

#include "bench/clients/board.h"
#include "bench/clients/payload.h"
#include "bench/clients/roles.h"

enum {
	TURN_MS = 100,
	/* Counting each message on the shared page would cost more than
	 * receiving it. */
	COUNT_EVERY = 256,
};

struct subscriber {
	struct intake intake; /* first, so that it is found from there */
	const struct bench *bench;
	unsigned lane;
	uint64_t n_received;
	bool has_seen_probe;
};

static void subscriber_take_probe(struct subscriber *subscriber)
{
	struct board *board = subscriber->bench->board;

	if (subscriber->has_seen_probe)
		return;
	subscriber->has_seen_probe = true;
	board_count(board, &board->n_probed);
}

static void subscriber_take(struct intake *intake, const uint8_t *body,
			    size_t n_body)
{
	struct subscriber *subscriber = (struct subscriber *)intake;
	const struct bench *bench = subscriber->bench;
	uint64_t number;

	if (n_body != bench->plan->n_body || !payload_is_whole(body, n_body)) {
		board_fail(bench->board, "%s: a body of %zu bytes is not whole",
			   bench->ops->name, n_body);
		return;
	}
	number = payload_word(body, 0);
	if (number == PAYLOAD_PROBE) {
		subscriber_take_probe(subscriber);
		return;
	}
	if (number != subscriber->n_received)
		board_fail(bench->board, "%s: message %llu instead of %llu",
			   bench->ops->name, (unsigned long long)number,
			   (unsigned long long)subscriber->n_received);
	subscriber->n_received++;
	if (subscriber->n_received % COUNT_EVERY == 0)
		board_receive(bench->board, subscriber->lane,
			      subscriber->n_received);
}

static int receive_until_end(struct subscriber *subscriber,
			     struct client *client)
{
	const struct bench *bench = subscriber->bench;
	int r = 0;

	while (!r && board_phase(bench->board) < PHASE_END) {
		r = bench->ops->turn(client, TURN_MS);
		board_receive(bench->board, subscriber->lane,
			      subscriber->n_received);
	}
	return r;
}

static int receiver_run(struct subscriber *subscriber, enum role role)
{
	const struct bench *bench = subscriber->bench;
	struct client *client;
	int r;

	r = bench->ops->open(bench->plan, role, &subscriber->intake, &client);
	if (!r) {
		board_count(bench->board, &bench->board->n_ready);
		r = receive_until_end(subscriber, client);
		bench->ops->close(client);
	}
	if (r < 0)
		board_fail(bench->board, "%s receiver: %s", bench->ops->name,
			   strerror(-r));
	return r;
}

int subscriber_run(const struct bench *bench, unsigned lane)
{
	struct subscriber subscriber = {
		.intake.take = subscriber_take,
		.bench = bench,
		.lane = lane,
	};

	return receiver_run(&subscriber, ROLE_SUBSCRIBER);
}

static void responder_take(struct intake *intake, const uint8_t *body,
			   size_t n_body)
{
	struct subscriber *responder = (struct subscriber *)intake;

	if (!payload_is_whole(body, n_body))
		board_fail(responder->bench->board,
			   "%s: a request is not whole",
			   responder->bench->ops->name);
}

/* Its lane is one that nobody looks at: requests are counted when answered. */
int responder_run(const struct bench *bench)
{
	struct subscriber responder = {
		.intake.take = responder_take,
		.bench = bench,
		.lane = BOARD_LANES_MAX - 1,
	};

	return receiver_run(&responder, ROLE_RESPONDER);
}
