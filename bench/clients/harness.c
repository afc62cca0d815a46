/* SPDX-License-Identifier: MIT */

/*
 * The controller: starts the processes of a measurement, opens and closes the
 * window, and says what happened in it.
 */

#include "bench/clients/harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/clients/board.h"
#include "bench/clients/roles.h"

enum {
	SETUP_MS = 10000,
	WARM_MS = 150,
	END_MS = 12000,
	ALL_MS = 280000, /* for a number of records */
	/* A process that outlives this ends by itself, whatever happened. */
	LIFE_S = 300,
	PROCESSES_MAX = BOARD_LANES_MAX + 20,
};

struct crew {
	pid_t pids[PROCESSES_MAX];
	unsigned n;
};

struct result {
	double seconds;
	uint64_t n_received; /* by the slowest, in the window */
};

typedef int (*role_fn)(const struct bench *bench);

/* Returns true in the child. The child dies with the controller. */
static bool crew_fork(struct crew *crew, const struct bench *bench)
{
	pid_t controller = getpid();
	pid_t pid = fork();

	if (pid > 0)
		crew->pids[crew->n++] = pid;
	else if (pid < 0)
		board_fail(bench->board, "fork: %m");
	if (pid)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != controller)
		_exit(EXIT_FAILURE);
	alarm(LIFE_S);
	return true;
}

static void crew_add(struct crew *crew, const struct bench *bench, role_fn run)
{
	if (crew_fork(crew, bench))
		_exit(run(bench) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int crew_await_ready(struct crew *crew, const struct bench *bench,
			    uint32_t n)
{
	int r = board_await(bench->board, &bench->board->n_ready, n, SETUP_MS);

	if (r == -ETIMEDOUT)
		board_fail(bench->board, "%s: %u of %u processes are ready",
			   bench->ops->name, bench->board->n_ready, n);
	return r;
}

static role_fn sender_of(enum work work)
{
	static const role_fn SENDERS[] = {
		[WORK_PUBSUB] = publisher_run, [WORK_REQUEST] = requester_run,
		[WORK_STORE] = storer_run,     [WORK_REPLAY] = reader_run,
		[WORK_PUT] = storer_run,       [WORK_GET] = storer_run,
		[WORK_JOB] = storer_run,
	};

	return SENDERS[work];
}

/* Receivers first: whoever sends may rely on them. */
static int crew_start(struct crew *crew, const struct bench *bench)
{
	const struct plan *plan = bench->plan;
	int r;

	if (plan->work == WORK_REQUEST)
		crew_add(crew, bench, responder_run);
	for (unsigned i = 0;
	     plan->work == WORK_PUBSUB && i < plan->n_subscribers; i++)
		if (crew_fork(crew, bench))
			_exit(subscriber_run(bench, i) < 0);
	r = crew_await_ready(crew, bench, crew->n);
	if (r < 0)
		return r;
	crew_add(crew, bench, sender_of(plan->work));
	r = crew_await_ready(crew, bench, crew->n);
	for (unsigned i = 0; !r && i < plan->n_hogs; i++)
		crew_add(crew, bench, hog_run);
	return r;
}

static void sleep_seconds(double seconds)
{
	struct timespec left = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

/* A number of records instead of a window. */
static int crew_measure_all(const struct bench *bench,
			    struct result *ret_result)
{
	struct board *board = bench->board;
	uint64_t begin_ns = clock_now_ns();
	int r;

	board_set_phase(board, PHASE_MEASURE);
	r = board_await(board, &board->n_done, 1, ALL_MS);
	*ret_result = (struct result){
		.seconds = (double)(clock_now_ns() - begin_ns) / 1e9,
		.n_received = board_min_received(board),
	};
	return r;
}

static int crew_measure(const struct bench *bench, struct result *ret_result)
{
	struct board *board = bench->board;
	uint64_t begin_ns, n_begin, end_ns, n_end;

	board_set_phase(board, PHASE_RUN);
	sleep_seconds(WARM_MS / 1e3);
	n_begin = board_min_received(board);
	begin_ns = clock_now_ns();
	board_set_phase(board, PHASE_MEASURE);
	sleep_seconds(bench->plan->seconds);
	n_end = board_min_received(board);
	end_ns = clock_now_ns();
	board_set_phase(board, PHASE_DRAIN);
	*ret_result = (struct result){
		.seconds = (double)(end_ns - begin_ns) / 1e9,
		.n_received = n_end - n_begin,
	};
	return board_await(board, &board->n_done, 1, END_MS);
}

static void crew_end(struct crew *crew, const struct bench *bench, bool is_good)
{
	board_set_phase(bench->board, PHASE_END);
	for (unsigned i = 0; i < crew->n; i++) {
		if (!is_good)
			kill(crew->pids[i], SIGKILL);
		waitpid(crew->pids[i], NULL, 0);
	}
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double sample_us(const struct board *board, unsigned percent)
{
	return board->samples_ns[(uint64_t)board->n_samples * percent / 100] /
	       1e3;
}

static void print_result(const struct bench *bench, const struct result *result)
{
	struct board *board = bench->board;

	printf("{\"rate\": %.0f", (double)result->n_received / result->seconds);
	if (board->n_samples) {
		qsort(board->samples_ns, board->n_samples,
		      sizeof(board->samples_ns[0]), compare_samples);
		printf(", \"p50_us\": %.2f, \"p99_us\": %.2f",
		       sample_us(board, 50), sample_us(board, 99));
	}
	if (bench->plan->work == WORK_STORE)
		printf(", \"stored\": %llu",
		       (unsigned long long)board_min_received(board));
	printf("}\n");
}

static int bench_run(const struct bench *bench)
{
	struct crew crew = { .n = 0 };
	struct result result = { 0 };
	int r;

	r = crew_start(&crew, bench);
	if (!r && bench->plan->n_records)
		r = crew_measure_all(bench, &result);
	else if (!r)
		r = crew_measure(bench, &result);
	crew_end(&crew, bench, !r);
	if (r < 0 || bench->board->has_failed) {
		fprintf(stderr, "%s\n",
			bench->board->has_failed ? bench->board->failure
						 : strerror(-r));
		return r < 0 ? r : -EPROTO;
	}
	print_result(bench, &result);
	return 0;
}

int harness_main(int argc, char **argv, const struct client_ops *ops)
{
	struct plan plan = { 0 };
	struct bench bench = { .ops = ops, .plan = &plan };
	int r;

	if (plan_init(&plan, argc, argv) < 0)
		return 2;
	bench.board =
		board_new(plan.work == WORK_PUBSUB ? plan.n_subscribers : 1);
	r = bench.board ? bench_run(&bench) : -ENOMEM;
	board_free(bench.board);
	plan_deinit(&plan);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
