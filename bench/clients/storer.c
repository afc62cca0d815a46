/* SPDX-License-Identifier: MIT */

/*
 * Publishing with acks, or whatever else is answered: several connections in
 * one process, each of which keeps `depth` of them unanswered and times how
 * long each is.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/clients/board.h"
#include "bench/clients/payload.h"
#include "bench/clients/roles.h"

enum { TURN_MS = 100 };

struct storer;

struct line {
	struct intake intake; /* first, so that it is found from there */
	struct storer *storer;
	struct client *client;
	uint64_t n_sent;
	uint64_t n_stored;
	uint64_t *sent_ns; /* of BOARD_DEPTH_MAX */
	bool is_open;
};

struct storer {
	const struct bench *bench;
	struct payload_filler filler;
	struct line lines[BOARD_LANES_MAX];
	struct pollfd polled[BOARD_LANES_MAX];
	unsigned n_lines;
	uint64_t n_sent, n_stored; /* of all */
};

static bool is_over(const struct storer *storer)
{
	const struct plan *plan = storer->bench->plan;

	if (plan->n_records)
		return storer->n_sent >= plan->n_records;
	return board_phase(storer->bench->board) > PHASE_MEASURE;
}

/* Each in its turn, but none beside the one before. */
static const struct subject *next_subject(const struct storer *storer)
{
	const struct plan *plan = storer->bench->plan;

	return &plan->subjects[storer->n_sent * 7919 % plan->n_subjects];
}

static int line_store(struct line *line)
{
	struct storer *storer = line->storer;
	const struct bench *bench = storer->bench;
	const struct subject *subject = next_subject(storer);
	uint8_t body[PAYLOAD_MAX];

	payload_write(body, bench->plan->n_body, storer->n_sent,
		      &storer->filler);
	line->sent_ns[line->n_sent++ % BOARD_DEPTH_MAX] = clock_now_ns();
	storer->n_sent++;
	return bench->ops->store(line->client, subject, body,
				 bench->plan->n_body);
}

static void line_sample(struct line *line)
{
	struct board *board = line->storer->bench->board;
	uint64_t took_ns;

	if (board_phase(board) != PHASE_MEASURE ||
	    board->n_samples == BOARD_SAMPLES_MAX)
		return;
	took_ns = clock_now_ns() -
		  line->sent_ns[line->n_stored % BOARD_DEPTH_MAX];
	board->samples_ns[board->n_samples++] =
		took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
}

static void line_take(struct intake *intake, const uint8_t *body, size_t n_body)
{
	struct line *line = (struct line *)intake;

	if (line->n_stored == line->n_sent) {
		board_fail(line->storer->bench->board, "%s: an ack for nothing",
			   line->storer->bench->ops->name);
		return;
	}
	line_sample(line);
	line->n_stored++;
	line->storer->n_stored++;
}

static bool has_room(const struct line *line)
{
	return line->n_sent - line->n_stored <
		       line->storer->bench->plan->depth &&
	       !is_over(line->storer);
}

/* As many as there is room for; to flush may take in answers already. */
static int line_fill(struct line *line)
{
	const struct bench *bench = line->storer->bench;
	bool is_new = false;
	int r = 0;

	while (!r && has_room(line)) {
		r = line_store(line);
		is_new = true;
	}
	return r || !is_new ? r : bench->ops->flush(line->client);
}

/*
 * Whoever has several connections waits for all of them at once; what cannot be
 * polled, a turn of one does for all.
 */
static int storer_wait(struct storer *storer, int timeout_ms)
{
	const struct client_ops *ops = storer->bench->ops;
	int r = 0;

	if (storer->n_lines == 1 || ops->fd(storer->lines[0].client) < 0)
		return ops->turn(storer->lines[0].client, timeout_ms);
	for (unsigned i = 0; i < storer->n_lines; i++)
		storer->polled[i] =
			(struct pollfd){ ops->fd(storer->lines[i].client),
					 POLLIN, 0 };
	if (poll(storer->polled, storer->n_lines, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	for (unsigned i = 0; i < storer->n_lines && !r; i++)
		if (storer->polled[i].revents)
			r = ops->turn(storer->lines[i].client, 0);
	return r;
}

static int storer_turn(struct storer *storer)
{
	int timeout_ms = TURN_MS;
	int r = 0;

	for (unsigned i = 0; i < storer->n_lines && !r; i++) {
		r = line_fill(&storer->lines[i]);
		if (has_room(&storer->lines[i]))
			timeout_ms = 0;
	}
	if (!r)
		r = storer_wait(storer, timeout_ms);
	board_receive(storer->bench->board, 0, storer->n_stored);
	return r;
}

/* A number of records is counted from when all are ready. */
static int storer_await_start(struct storer *storer)
{
	struct board *board = storer->bench->board;

	if (!storer->bench->plan->n_records) {
		/* Every connection has been answered once before. */
		while (storer->n_stored < storer->n_lines) {
			int r = storer_turn(storer);

			if (r < 0 || board->has_failed)
				return r < 0 ? r : -ECANCELED;
		}
	}
	board_count(board, &board->n_ready);
	return 0;
}

static int storer_work(struct storer *storer)
{
	struct board *board = storer->bench->board;
	int r = storer_await_start(storer);

	while (!r && !board->has_failed &&
	       (!is_over(storer) || storer->n_stored < storer->n_sent))
		r = storer_turn(storer);
	if (!r)
		board_count(board, &board->n_done);
	return r;
}

static int storer_open(struct storer *storer)
{
	const struct bench *bench = storer->bench;
	int r = 0;

	for (unsigned i = 0; i < bench->plan->n_publishers && !r; i++) {
		struct line *line = &storer->lines[i];

		*line = (struct line){ .intake.take = line_take,
				       .storer = storer };
		line->sent_ns = calloc(BOARD_DEPTH_MAX, sizeof(uint64_t));
		if (!line->sent_ns)
			return -ENOMEM;
		r = bench->ops->open(bench->plan, ROLE_STORER, &line->intake,
				     &line->client);
		line->is_open = !r;
		storer->n_lines++;
	}
	return r;
}

static void storer_close(struct storer *storer)
{
	for (unsigned i = 0; i < storer->n_lines; i++) {
		if (storer->lines[i].is_open)
			storer->bench->ops->close(storer->lines[i].client);
		free(storer->lines[i].sent_ns);
	}
}

int storer_run(const struct bench *bench)
{
	static struct storer storer;
	int r;

	storer = (struct storer){ .bench = bench };
	payload_filler_init(&storer.filler);
	r = bench->ops->store ? storer_open(&storer) : -EOPNOTSUPP;
	if (!r)
		r = storer_work(&storer);
	if (r < 0)
		board_fail(bench->board, "%s storer: %s", bench->ops->name,
			   strerror(-r));
	storer_close(&storer);
	return r;
}
