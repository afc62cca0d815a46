/* SPDX-License-Identifier: MIT */

/**
 * A process that speaks vchan by upstream's library.
 *
 *   xen-upstream server|client DOMID PATH MODE [KEY=NUMBER...]
 *
 * MODE: echo    send back what comes, until the other side is gone
 *       stream  send and expect pseudo-random bytes, both at once
 *       turns   likewise, blocking, the server first
 *       packets likewise, blocking, in whole packets
 *       idle    only wait for the other side to go
 *
 * KEY:  left, right  sizes of the rings, of a server
 *       persist      a server stays open for the next client
 *       send, seed, expect, expected_seed, step (most bytes at once)
 *
 * It says "ready" when it is connected or waits to be, "done" when all was
 * sent and came as expected, and "gone" when the other side went.
 */

#include <errno.h>
#include <libxenvchan.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xen/pattern.h"

enum { BUFFER_BYTES = 1 << 20 };

struct traffic {
	struct libxenvchan *vchan;
	uint64_t send;
	uint64_t n_sent;
	uint64_t seed;
	uint64_t expect;
	uint64_t n_got;
	uint64_t expected_seed;
	size_t step;
	uint8_t buffer[BUFFER_BYTES];
};

static struct traffic traffic;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "xen-upstream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
}

static size_t least(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

static size_t next_piece(struct traffic *t)
{
	size_t n = least(pattern_step(t->seed, t->n_sent, t->step),
			 t->send - t->n_sent);

	pattern_fill(t->seed, t->n_sent, t->buffer, n);
	return n;
}

static void check(struct traffic *t, int n)
{
	if (!pattern_is_at(t->expected_seed, t->n_got, t->buffer, (size_t)n))
		fail("other bytes than expected");
	t->n_got += (uint64_t)n;
}

static bool send_some(struct traffic *t)
{
	int n;

	if (t->n_sent == t->send)
		return false;
	n = libxenvchan_write(t->vchan, t->buffer, next_piece(t));
	if (n < 0)
		fail("write");
	t->n_sent += (uint64_t)n;
	return n > 0;
}

static bool receive_some(struct traffic *t)
{
	size_t max = pattern_step(t->seed ^ 1, t->n_got, t->step);
	int n;

	if (t->n_got == t->expect)
		return false;
	n = libxenvchan_read(t->vchan, t->buffer,
			     least(max, t->expect - t->n_got));
	if (n < 0)
		fail("read");
	check(t, n);
	return n > 0;
}

static void stream(struct traffic *t)
{
	while (t->n_sent < t->send || t->n_got < t->expect) {
		bool has_sent = send_some(t);

		if (!receive_some(t) && !has_sent &&
		    libxenvchan_wait(t->vchan) < 0)
			fail("wait");
	}
}

static void take_turns(struct traffic *t, bool is_receiving)
{
	t->vchan->blocking = 1;
	for (int i = 0; i < 2; i++, is_receiving = !is_receiving) {
		if (is_receiving)
			while (receive_some(t))
				;
		else
			while (send_some(t))
				;
	}
}

/* Packets are of a size that both ends know: a step of the sender's seed. */
static void send_packets(struct traffic *t)
{
	while (t->n_sent < t->send) {
		size_t n = next_piece(t);

		if (libxenvchan_send(t->vchan, t->buffer, n) != (int)n)
			fail("send");
		t->n_sent += n;
	}
}

static void receive_packets(struct traffic *t)
{
	while (t->n_got < t->expect) {
		size_t n =
			least(pattern_step(t->expected_seed, t->n_got, t->step),
			      t->expect - t->n_got);

		if (libxenvchan_recv(t->vchan, t->buffer, n) != (int)n)
			fail("recv");
		check(t, (int)n);
	}
}

static void exchange_packets(struct traffic *t, bool is_receiving)
{
	t->vchan->blocking = 1;
	for (int i = 0; i < 2; i++, is_receiving = !is_receiving) {
		if (is_receiving)
			receive_packets(t);
		else
			send_packets(t);
	}
}

static void echo(struct traffic *t)
{
	t->vchan->blocking = 1;
	for (;;) {
		int n = libxenvchan_read(t->vchan, t->buffer, BUFFER_BYTES);

		if (n <= 0 ||
		    libxenvchan_write(t->vchan, t->buffer, (size_t)n) < n)
			return;
	}
}

static void idle(struct traffic *t)
{
	while (libxenvchan_is_open(t->vchan))
		if (libxenvchan_wait(t->vchan) < 0)
			fail("wait");
}

static uint64_t number(int argc, char **argv, const char *key,
		       uint64_t otherwise)
{
	size_t n = strlen(key);

	for (int i = 5; i < argc; i++)
		if (strncmp(argv[i], key, n) == 0 && argv[i][n] == '=')
			return strtoull(argv[i] + n + 1, NULL, 0);
	return otherwise;
}

/* The library leaves both flags to its callers, as malloc() had them. */
static struct libxenvchan *open_vchan(int argc, char **argv)
{
	int domid = (int)strtol(argv[2], NULL, 10);
	struct libxenvchan *vchan;

	if (strcmp(argv[1], "client") == 0)
		vchan = libxenvchan_client_init(NULL, domid, argv[3]);
	else
		vchan = libxenvchan_server_init(
			NULL, domid, argv[3], number(argc, argv, "left", 4096),
			number(argc, argv, "right", 4096));
	if (vchan) {
		vchan->blocking = 0;
		vchan->server_persist =
			number(argc, argv, "persist", 0) ? 1 : 0;
	}
	return vchan;
}

static void run(struct traffic *t, const char *mode, bool is_client)
{
	if (strcmp(mode, "stream") == 0)
		stream(t);
	else if (strcmp(mode, "turns") == 0)
		take_turns(t, is_client);
	else if (strcmp(mode, "packets") == 0)
		exchange_packets(t, is_client);
	else if (strcmp(mode, "echo") == 0)
		echo(t);
	else
		idle(t);
	say(strcmp(mode, "echo") == 0 || strcmp(mode, "idle") == 0 ? "gone"
								   : "done");
}

int main(int argc, char **argv)
{
	struct traffic *t = &traffic;

	if (argc < 5) {
		fputs("usage: xen-upstream server|client DOMID PATH MODE "
		      "[KEY=NUMBER...]\n",
		      stderr);
		return 2;
	}
	t->send = number(argc, argv, "send", 0);
	t->seed = number(argc, argv, "seed", 1);
	t->expect = number(argc, argv, "expect", 0);
	t->expected_seed = number(argc, argv, "expected_seed", 2);
	t->step = least(BUFFER_BYTES, number(argc, argv, "step", 3000));
	t->vchan = open_vchan(argc, argv);
	if (!t->vchan)
		fail("cannot open");
	say("ready");
	run(t, argv[4], strcmp(argv[1], "client") == 0);
	libxenvchan_close(t->vchan);
	return 0;
}
