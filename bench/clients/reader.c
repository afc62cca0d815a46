/* SPDX-License-Identifier: MIT */

/* Reads a log from its first record on, and checks each of them. */

#include <errno.h>
#include <string.h>

#include "bench/clients/board.h"
#include "bench/clients/payload.h"
#include "bench/clients/roles.h"

enum { TURN_MS = 100, DRAIN_MS = 10000 };

struct reader {
	struct intake intake; /* first, so that it is found from there */
	const struct bench *bench;
	uint64_t n_received;
};

static void reader_take(struct intake *intake, const uint8_t *body,
			size_t n_body)
{
	struct reader *reader = (struct reader *)intake;
	const struct bench *bench = reader->bench;

	if (n_body != bench->plan->n_body || !payload_is_whole(body, n_body) ||
	    payload_word(body, 0) != reader->n_received)
		board_fail(bench->board,
			   "%s: record %llu is not what was stored",
			   bench->ops->name,
			   (unsigned long long)reader->n_received);
	reader->n_received++;
}

static int reader_work(struct reader *reader, struct client *client)
{
	const struct bench *bench = reader->bench;
	struct board *board = bench->board;
	int r;

	board_count(board, &board->n_ready);
	r = board_await(board, &board->phase, PHASE_MEASURE, DRAIN_MS);
	if (!r)
		r = bench->ops->replay(client);
	while (!r && !board->has_failed &&
	       reader->n_received < bench->plan->n_records)
		r = bench->ops->turn(client, TURN_MS);
	board_receive(board, 0, reader->n_received);
	if (!r)
		board_count(board, &board->n_done);
	return r;
}

int reader_run(const struct bench *bench)
{
	struct reader reader = { .intake.take = reader_take, .bench = bench };
	struct client *client;
	int r = -EOPNOTSUPP;

	if (bench->ops->replay && bench->plan->n_records)
		r = bench->ops->open(bench->plan, ROLE_READER, &reader.intake,
				     &client);
	if (!r) {
		r = reader_work(&reader, client);
		bench->ops->close(client);
	}
	if (r < 0)
		board_fail(bench->board, "%s reader: %s", bench->ops->name,
			   strerror(-r));
	return r;
}
