/* SPDX-License-Identifier: MIT */

/*
 * helio bench: how fast is this bus, between two processes of ours?
 *
 * A child subscribes and serves; this process publishes and calls. Every few
 * thousand messages a call waits until the child has worked off what came
 * before, so that nothing overflows and what is measured is what arrived.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"

enum { WINDOW_MESSAGES = 4096, BODY_BYTES_MAX = 1 << 20, SUBJECT_BYTES = 300 };

struct bench {
	struct common common;
	const char *subject;
	uint64_t n_bytes;
	uint64_t n_messages;
	uint64_t n_requests;
};

struct numbers {
	double messages_per_s;
	double bytes_per_s;
	double requests_per_s;
	double p50_us;
	double p99_us;
	double max_us;
};

struct answerer {
	uint64_t n_seen;
};

static void on_message(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	struct answerer *answerer = userdata;

	answerer->n_seen++;
}

/* The answer tells how many messages have come before the request. */
static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	const struct answerer *answerer = userdata;

	helio_respond(request, &answerer->n_seen, sizeof(answerer->n_seen));
}

static void name_subject(const struct bench *bench, const char *what,
			 char subject[SUBJECT_BYTES])
{
	snprintf(subject, SUBJECT_BYTES, "%s.%s", bench->subject, what);
}

static int subscribe_and_serve(struct helio *bus, const struct bench *bench,
			       struct answerer *answerer)
{
	struct helio_subscription *subscription;
	struct helio_service *service;
	char subject[SUBJECT_BYTES];
	int timeout_ms = (int)bench->common.timeout_ms;
	int r;

	name_subject(bench, "message", subject);
	r = helio_subscribe_wait(bus, subject, NULL, on_message, answerer,
				 timeout_ms, &subscription);
	if (r < 0)
		return session_complain(subject, r, helio_error(bus));
	name_subject(bench, "request", subject);
	r = helio_serve_wait(bus, subject, NULL, on_request, answerer,
			     timeout_ms, &service);
	return r < 0 ? session_complain(subject, r, helio_error(bus)) : EXIT_OK;
}

/* The child's life: one byte to say that it is ready, then until it is ended.
 */
static int answer(const struct bench *bench, int ready_fd)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct answerer answerer = { 0 };
	int r = session_open(&session, &bench->common, false);

	if (r == EXIT_OK)
		r = subscribe_and_serve(session.bus, bench, &answerer);
	if (r != EXIT_OK)
		return r;
	if (write(ready_fd, "", 1) != 1)
		return EXIT_INTERNAL;
	while (r >= 0)
		r = helio_run(session.bus, -1);
	return EXIT_OK;
}

static int ask(struct helio *bus, const struct bench *bench, uint64_t *ret_seen)
{
	struct helio_call_options options = {
		.timeout_ms = bench->common.timeout_ms
	};
	struct helio_reply reply;
	char subject[SUBJECT_BYTES];
	int r;

	name_subject(bench, "request", subject);
	r = helio_call_wait(bus, subject, NULL, 0, &options, &reply);
	if (r < 0)
		return session_complain("request", r, helio_error(bus));
	if (reply.status != HELIO_OK)
		return session_complain("request", (int)reply.status,
					reply.reason);
	if (reply.message->n_body != sizeof(*ret_seen))
		return EXIT_INTERNAL;
	memcpy(ret_seen, reply.message->body, sizeof(*ret_seen));
	return EXIT_OK;
}

static int publish_window(struct helio *bus, const struct bench *bench,
			  const char *subject, const void *body, uint64_t n)
{
	int timeout_ms = (int)bench->common.timeout_ms;
	int r = 0;

	for (uint64_t i = 0; r >= 0 && i < n; i++) {
		r = helio_publish(bus, subject, body, bench->n_bytes, NULL);
		if (r == -EAGAIN)
			r = helio_publish_wait(bus, subject, body,
					       bench->n_bytes, NULL,
					       timeout_ms);
	}
	return r < 0 ? session_complain("publish", r, helio_error(bus))
		     : EXIT_OK;
}

static int measure_messages(struct helio *bus, const struct bench *bench,
			    struct numbers *numbers)
{
	_cleanup_(freep) void *body = calloc(1, bench->n_bytes + 1);
	uint64_t start_ns = clock_now_ns();
	char subject[SUBJECT_BYTES];
	uint64_t n_seen = 0;
	uint64_t n_left = bench->n_messages;
	double seconds;
	int r = body ? EXIT_OK : EXIT_INTERNAL;

	name_subject(bench, "message", subject);
	while (r == EXIT_OK && n_left > 0) {
		uint64_t n =
			n_left < WINDOW_MESSAGES ? n_left : WINDOW_MESSAGES;

		r = publish_window(bus, bench, subject, body, n);
		if (r == EXIT_OK)
			r = ask(bus, bench, &n_seen);
		n_left -= n;
	}
	seconds = (double)(clock_now_ns() - start_ns) / NS_PER_S;
	numbers->messages_per_s = (double)n_seen / seconds;
	numbers->bytes_per_s = numbers->messages_per_s * (double)bench->n_bytes;
	if (r == EXIT_OK && n_seen != bench->n_messages) {
		talk("only %llu of %llu messages arrived",
		     (unsigned long long)n_seen,
		     (unsigned long long)bench->n_messages);
		r = EXIT_NEGATIVE;
	}
	return r;
}

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int measure_requests(struct helio *bus, const struct bench *bench,
			    struct numbers *numbers)
{
	uint64_t n = bench->n_requests;
	_cleanup_(freep) uint64_t *times = calloc(n + 1, sizeof(*times));
	uint64_t n_seen, sum_ns = 0;
	int r = times ? EXIT_OK : EXIT_INTERNAL;

	for (uint64_t i = 0; r == EXIT_OK && i < n; i++) {
		uint64_t start_ns = clock_now_ns();

		r = ask(bus, bench, &n_seen);
		times[i] = clock_now_ns() - start_ns;
		sum_ns += times[i];
	}
	if (r != EXIT_OK || n == 0)
		return r;
	qsort(times, n, sizeof(*times), compare_times);
	numbers->requests_per_s = (double)n * NS_PER_S / (double)sum_ns;
	numbers->p50_us = (double)times[n / 2] / NS_PER_US;
	numbers->p99_us = (double)times[n * 99 / 100] / NS_PER_US;
	numbers->max_us = (double)times[n - 1] / NS_PER_US;
	return EXIT_OK;
}

static void show(const struct bench *bench, const struct numbers *numbers)
{
	const struct {
		const char *key;
		double value;
	} values[] = {
		{ "messages_per_s", numbers->messages_per_s },
		{ "bytes_per_s", numbers->bytes_per_s },
		{ "requests_per_s", numbers->requests_per_s },
		{ "request_p50_us", numbers->p50_us },
		{ "request_p99_us", numbers->p99_us },
		{ "request_max_us", numbers->max_us },
	};
	struct json json = { .out = stdout };

	if (bench->common.format != FORMAT_JSON) {
		printf("messages of %llu bytes: %.0f/s, %.1f MB/s\n"
		       "requests, one at a time: %.0f/s, p50 %.1f us, "
		       "p99 %.1f us, longest %.1f us\n",
		       (unsigned long long)bench->n_bytes,
		       numbers->messages_per_s, numbers->bytes_per_s / 1e6,
		       numbers->requests_per_s, numbers->p50_us,
		       numbers->p99_us, numbers->max_us);
		return;
	}
	json_open(&json, '{');
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		json_key(&json, values[i].key);
		json_real(&json, values[i].value);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int measure(const struct bench *bench)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct numbers numbers = { 0 };
	int r = session_open(&session, &bench->common, false);

	if (r == EXIT_OK)
		r = measure_messages(session.bus, bench, &numbers);
	if (r == EXIT_OK)
		r = measure_requests(session.bus, bench, &numbers);
	if (r == EXIT_OK)
		show(bench, &numbers);
	return r;
}

/* Forked before any connection is open: a connection belongs to one process. */
static int run_with_child(const struct bench *bench, int ends[2])
{
	pid_t parent = getpid();
	pid_t pid = fork();
	char byte;
	int status, r;

	if (pid < 0)
		return session_complain("fork", -errno, NULL);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		_exit(getppid() == parent ? answer(bench, ends[1])
					  : EXIT_INTERNAL);
	}
	close(ends[1]);
	ends[1] = -1;
	r = read(ends[0], &byte, 1) == 1 ? measure(bench) : EXIT_INTERNAL;
	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) != EXIT_OK)
		return WEXITSTATUS(status);
	return r;
}

static int run(const void *settings)
{
	const struct bench *bench = settings;
	_cleanup_(close_fdp) int read_end = -1;
	_cleanup_(close_fdp) int write_end = -1;
	int ends[2];
	int r;

	if (bench->n_bytes > BODY_BYTES_MAX) {
		talk("bench: --size is at most %d", BODY_BYTES_MAX);
		return EXIT_USAGE;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return session_complain("pipe", -errno, NULL);
	r = run_with_child(bench, ends);
	read_end = ends[0];
	write_end = ends[1];
	return r;
}

static const struct bench defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.subject = "helio.bench",
	.n_bytes = 128,
	.n_messages = 200000,
	.n_requests = 20000,
};

static const struct option options[] = {
	{ 0, "size", OPTION_NUMBER, offsetof(struct bench, n_bytes), "N",
	  "bytes of a message (128)" },
	{ 'n', "messages", OPTION_NUMBER, offsetof(struct bench, n_messages),
	  "N", "how many messages (200000)" },
	{ 0, "requests", OPTION_NUMBER, offsetof(struct bench, n_requests), "N",
	  "how many requests (20000)" },
	{ 0, "subject", OPTION_TEXT, offsetof(struct bench, subject), "SUBJECT",
	  "below which it is done (helio.bench)" },
	OPTION_ROW_TIMEOUT("how long any step may take (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

const struct command command_bench = {
	.name = "bench",
	.summary = "measure messages and requests between two processes",
	.description =
		"A quick look at this machine, this bus and its policy; "
		"`./dev bench` of the sources compares with other systems.",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct bench),
	.run = run,
};
