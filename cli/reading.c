/* SPDX-License-Identifier: MIT */

#include "cli/reading.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/logs.h"
#include "cli/output.h"

DEFINE_CLEANUP(struct helio_log_reader *, helio_log_reader_free);

static void on_expired(struct helio_log_reader *reader, uint64_t sequence,
		       void *userdata)
{
	struct reading *reading = userdata;
	struct json json = { .out = stdout };

	talk("records before %s:%" PRIu64 " are not kept any more",
	     reading->logs->name, sequence);
	if (!reading->is_json)
		return;
	json_open(&json, '{');
	json_key(&json, "expired_to");
	json_number(&json, sequence);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void on_interrupted(struct helio_log_reader *reader, unsigned status,
			   const char *reason, void *userdata)
{
	talk("the logger is away (%s); waiting for it", reason);
}

/* 1: one was taken; 0: there is none now; 2: enough; or a negative errno. */
static int take_one(struct reading *reading, struct helio_log_reader *reader)
{
	const struct helio_log_record *record;
	const void *run;
	size_t n;
	int r;

	if (reading->take_run) {
		r = helio_log_next_run(reader, &run, &n);
		if (r > 0 && !reading->take_run(run, n, reading->userdata))
			return 2;
		return r;
	}
	r = helio_log_next(reader, &record);
	if (r > 0 && !reading->take(record, reading->userdata))
		return 2;
	return r;
}

static int take_all(struct reading *reading, struct helio_log_reader *reader)
{
	int r;

	do {
		r = take_one(reading, reader);
	} while (r == 1);
	return r;
}

/* Returns 1 when a signal came. */
static int wait_for_more(struct helio *bus, int signals)
{
	struct pollfd fds[2] = { { .fd = signals, .events = POLLIN },
				 { .fd = helio_fd(bus), .events = POLLIN } };

	struct signalfd_siginfo info;

	fflush(stdout);
	if (poll(fds, 2, helio_timeout_ms(bus)) < 0)
		return errno == EINTR ? 0 : -errno;
	/* It is taken, so that it does not end us when it is no more blocked.
	 */
	return read(signals, &info, sizeof(info)) == sizeof(info);
}

static int take_until_end(struct reading *reading,
			  struct helio_log_reader *reader, int signals)
{
	struct helio *bus = reading->logs->session.bus;
	int r;

	for (;;) {
		r = take_all(reading, reader);
		if (r != 0 || helio_log_is_over(reader, NULL, NULL))
			return r;
		/* What a dispatch brings is taken before there is a wait. */
		r = helio_dispatch(bus);
		if (r > 0 || helio_log_is_over(reader, NULL, NULL))
			continue;
		if (r == 0)
			r = wait_for_more(bus, signals);
		if (r < 0)
			return r;
		if (r == 1) {
			reading->is_interrupted = true;
			return 0;
		}
	}
}

static int code_of_end(struct reading *reading,
		       const struct helio_log_reader *reader, int r)
{
	const char *reason;
	unsigned status;

	reading->position = helio_log_position(reader);
	if (r < 0)
		return session_complain(
			reading->logs->name, r,
			helio_error(reading->logs->session.bus));
	if (r == 2 || reading->is_interrupted ||
	    !helio_log_is_over(reader, &status, &reason) || status == HELIO_OK)
		return EXIT_OK;
	return session_complain(reading->logs->name, (int)status, reason);
}

/* ^C comes as something to read while records are read. */
static int catch_signals(sigset_t *ret_before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, ret_before);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int reading_run(struct reading *reading,
		const struct helio_log_read_options *options)
{
	_cleanup_(helio_log_reader_freep) struct helio_log_reader *reader =
		NULL;
	struct helio_log_read_options all = *options;
	_cleanup_(close_fdp) int signals = -1;
	sigset_t before;
	int r;

	all.on_expired = on_expired;
	all.on_interrupted = on_interrupted;
	r = helio_log_read(reading->logs->session.bus, reading->logs->name,
			   &all, reading, &reader);
	if (r < 0)
		return session_complain("log", r, NULL);
	signals = catch_signals(&before);
	r = signals < 0 ? -errno : take_until_end(reading, reader, signals);
	r = code_of_end(reading, reader, r);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
