/* SPDX-License-Identifier: MIT */

#include "cli/piper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* For a command to see that its output is closed, and to heed SIGTERM. */
#define GRACE_NS NS_PER_S

static void close_sources(struct piper *piper)
{
	for (size_t i = 0; i < PIPER_SOURCES; i++)
		pipe_source_close(&piper->sources[i]);
}

void piper_deinit(struct piper *piper)
{
	close_sources(piper);
	close_fdp(&piper->signals);
	session_close(&piper->session);
	shipper_deinit(&piper->shipper);
	free(piper->tag);
}

int piper_catch_signals(struct piper *piper)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	piper->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return piper->signals < 0 ? -errno : 0;
}

/* ---- running ---- */

/* A line that did not end is one, too. */
static int finish_sources(struct piper *piper)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < PIPER_SOURCES; i++)
		if (piper->sources[i].fd >= 0)
			r = pipe_source_finish(&piper->sources[i]);
	return r;
}

static void set_end(struct piper *piper, uint64_t after_ns)
{
	piper->end_ns = clock_now_ns() + after_ns;
}

/*
 * What ends us ends the command, whose last words are still taken, but not
 * forever; who asks twice does not wait for them.
 */
static void on_signal(struct piper *piper, int number)
{
	if (number == SIGCHLD) {
		pipe_command_look(&piper->command);
		return;
	}
	if (piper->is_interrupted)
		set_end(piper, 0);
	else if (piper->end_ns == 0)
		set_end(piper, piper->settings->common.timeout_ms * NS_PER_MS);
	piper->is_interrupted = true;
	if (pipe_command_is_running(&piper->command))
		kill(piper->command.pid, number);
	else if (piper->command.pid == 0)
		(void)finish_sources(piper);
}

static void read_signals(struct piper *piper)
{
	struct signalfd_siginfo info;

	while (read(piper->signals, &info, sizeof(info)) == sizeof(info))
		on_signal(piper, (int)info.ssi_signo);
}

static bool has_sources(const struct piper *piper)
{
	return piper->sources[0].fd >= 0 || piper->sources[1].fd >= 0 ||
	       pipe_command_is_running(&piper->command);
}

static int smaller(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static int left_ms(const struct piper *piper)
{
	uint64_t now_ns = clock_now_ns();

	if (piper->end_ns == 0)
		return -1;
	if (now_ns >= piper->end_ns)
		return 0;
	return (int)((piper->end_ns - now_ns) / NS_PER_MS) + 1;
}

/* While nothing more can be kept, nothing is read: the program waits. */
static bool wants_input(const struct piper *piper)
{
	return piper->settings->is_dropping ||
	       !shipper_is_full(&piper->shipper);
}

/*
 * It was to end, and did. What it started may have its output yet, and is not
 * waited for: only what is there is taken.
 */
static bool takes_the_rest(const struct piper *piper)
{
	return piper->is_interrupted && has_sources(piper) &&
	       !pipe_command_is_running(&piper->command) && wants_input(piper);
}

static int wait_and_read(struct piper *piper)
{
	bool is_rest = takes_the_rest(piper);
	bool is_anything = false;
	struct helio *bus = piper->session.bus;
	struct pollfd fds[2 + PIPER_SOURCES] = {
		{ .fd = helio_fd(bus), .events = POLLIN },
		{ .fd = piper->signals, .events = POLLIN },
	};
	int r = 0;

	for (size_t i = 0; i < PIPER_SOURCES; i++)
		fds[2 + i] = (struct pollfd){
			.fd = wants_input(piper) ? piper->sources[i].fd : -1,
			.events = POLLIN,
		};
	if (poll(fds, 2 + PIPER_SOURCES,
		 is_rest ? 0 : smaller(helio_timeout_ms(bus), left_ms(piper))) <
	    0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; r == 0 && i < PIPER_SOURCES; i++)
		if (fds[2 + i].revents) {
			r = pipe_source_read(&piper->sources[i]);
			is_anything = true;
		}
	if (is_rest && !is_anything)
		r = finish_sources(piper);
	if (fds[1].revents)
		read_signals(piper);
	return r;
}

int piper_ship(struct piper *piper)
{
	const struct pipe_settings *settings = piper->settings;
	int r = 0;

	while (r >= 0 && !piper->shipper.is_over) {
		if (!has_sources(piper) && shipper_is_empty(&piper->shipper))
			return 0;
		if (!has_sources(piper) && piper->end_ns == 0)
			set_end(piper, settings->common.timeout_ms * NS_PER_MS);
		if (piper->end_ns && clock_now_ns() >= piper->end_ns)
			return -ETIMEDOUT;
		r = helio_dispatch(piper->session.bus);
		if (r < 0)
			break;
		shipper_send(&piper->shipper);
		/* What came may have been the last that was awaited. */
		if (r > 0)
			continue;
		r = wait_and_read(piper);
		shipper_send(&piper->shipper);
	}
	return r;
}

/* Returns whether it has exited. */
static bool wait_for_command(struct piper *piper, uint64_t ns)
{
	struct pollfd fd = { .fd = piper->signals, .events = POLLIN };

	set_end(piper, ns);
	while (pipe_command_is_running(&piper->command) && left_ms(piper) > 0) {
		struct signalfd_siginfo info;

		(void)poll(&fd, 1, left_ms(piper));
		while (read(piper->signals, &info, sizeof(info)) ==
		       sizeof(info))
			pipe_command_look(&piper->command);
	}
	return !pipe_command_is_running(&piper->command);
}

void piper_end(struct piper *piper)
{
	close_sources(piper);
	if (wait_for_command(piper, GRACE_NS))
		return;
	kill(piper->command.pid, SIGTERM);
	if (wait_for_command(piper, GRACE_NS))
		return;
	kill(piper->command.pid, SIGKILL);
	pipe_command_wait(&piper->command);
}
