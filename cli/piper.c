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

/* What ends us ends the command, whose last words are still taken. */
static void on_signal(struct piper *piper, int number)
{
	if (number == SIGCHLD) {
		pipe_command_look(&piper->command);
		return;
	}
	piper->is_interrupted = true;
	if (pipe_command_is_running(&piper->command))
		kill(piper->command.pid, number);
	else if (piper->command.pid == 0)
		close_sources(piper);
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

static int wait_and_read(struct piper *piper)
{
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
		 smaller(helio_timeout_ms(bus), left_ms(piper))) < 0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; r == 0 && i < PIPER_SOURCES; i++)
		if (fds[2 + i].revents)
			r = pipe_source_read(&piper->sources[i]);
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
			piper->end_ns = clock_now_ns() +
					settings->common.timeout_ms * NS_PER_MS;
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

void piper_end(struct piper *piper)
{
	close_sources(piper);
	pipe_command_wait(&piper->command);
}
