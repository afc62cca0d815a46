/* SPDX-License-Identifier: MIT */
/*
 * lab-end IMPLEMENTATION ROLE DOMID PATH READ WRITE WORK [ARG...]: one end of a
 * vchan, doing WORK with one that does the same at the other end.
 *
 * READ and WRITE are the least sizes of a server's rings. WORK is one of
 *
 * exchange N [READ-STEP]: send N bytes in odd pieces and check N bytes that
 *	come, both at a time; fails unless all of them are right.
 * hold: connect, then do nothing until killed.
 *
 * Its exit status is 0, or it says why not on stderr. SIGALRM ends it after a
 * minute.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/xen/lab/ends/end.h"

enum { BOUND_S = 60, PIECE_MAX = 16384 };

/* Byte `at` of what the server, or the client, sends. */
static uint8_t byte_at(uint64_t at, bool is_server)
{
	uint32_t mixed = (uint32_t)at * 2654435761U;

	return (uint8_t)(mixed >> 24) ^ (uint8_t)(at >> 8) ^
	       (is_server ? 0x55 : 0);
}

/* Sizes that fit no ring's end: small ones mostly. */
static size_t odd_size(uint32_t *random)
{
	*random = *random * 1664525U + 1013904223U;
	return (*random >> 8) % 7 ? 1 + (*random >> 12) % 300
				  : 1 + (*random >> 12) % PIECE_MAX;
}

struct stream {
	uint64_t n; /* bytes each way */
	uint64_t sent;
	uint64_t received;
	uint32_t random;
	bool is_server;
};

/* Returns whether bytes were sent, or -EPIPE. */
static int send_some(struct end *end, struct stream *stream)
{
	uint8_t piece[PIECE_MAX];
	size_t n = odd_size(&stream->random);
	ssize_t r;
	size_t i;

	if (n > stream->n - stream->sent)
		n = stream->n - stream->sent;
	if (n == 0)
		return 0;
	for (i = 0; i < n; i++)
		piece[i] = byte_at(stream->sent + i, stream->is_server);
	r = end->ops->write(end, piece, n);
	if (r < 0)
		return (int)r;
	stream->sent += (uint64_t)r;
	return r > 0;
}

/* Returns whether bytes came, -EPIPE, or -EBADMSG when one was not right. */
static int receive_some(struct end *end, struct stream *stream)
{
	uint8_t piece[PIECE_MAX];
	ssize_t r = end->ops->read(end, piece, odd_size(&stream->random));
	ssize_t i;

	for (i = 0; i < r; i++) {
		if (piece[i] !=
		    byte_at(stream->received + (uint64_t)i, !stream->is_server))
			return -EBADMSG;
	}
	if (r <= 0)
		return (int)r;
	stream->received += (uint64_t)r;
	return 1;
}

static int exchange(struct end *end, struct stream *stream)
{
	int sent, received;

	while (stream->sent < stream->n || stream->received < stream->n) {
		sent = send_some(end, stream);
		if (sent < 0)
			return sent;
		received = 0;
		if (stream->received < stream->n)
			received = receive_some(end, stream);
		if (received < 0)
			return received;
		if (!sent && !received)
			end->ops->wait(end, stream->sent < stream->n);
	}
	return 0;
}

/* The other side ends when it has all; then this one may go. */
static int until_gone(struct end *end)
{
	uint8_t byte;
	ssize_t r;

	for (;;) {
		r = end->ops->read(end, &byte, 1);
		if (r == -EPIPE)
			return 0;
		if (r > 0)
			return -EBADMSG;
		end->ops->wait(end, false);
	}
}

static int do_exchange(struct end *end, bool is_server, uint64_t n)
{
	struct stream stream = { .n = n,
				 .random = (uint32_t)n,
				 .is_server = is_server };
	int r = exchange(end, &stream);

	if (!r && is_server)
		r = until_gone(end);
	printf("sent %" PRIu64 " received %" PRIu64 " notified %" PRIu64 "\n",
	       stream.sent, stream.received, n_notifications());
	return r;
}

static int usage(void)
{
	fprintf(stderr, "lab-end IMPLEMENTATION ROLE DOMID PATH READ WRITE "
			"WORK [ARG...]\n");
	return 2;
}

static struct end *open_end(char **argv, struct end_place *ret_place)
{
	*ret_place = (struct end_place){
		.is_server = strcmp(argv[2], "server") == 0,
		.domid = (int)strtol(argv[3], NULL, 10),
		.path = argv[4],
		.read_bytes = (uint32_t)strtoul(argv[5], NULL, 10),
		.write_bytes = (uint32_t)strtoul(argv[6], NULL, 10),
	};
	return upstream_open(ret_place);
}

int main(int argc, char **argv)
{
	struct end_place place;
	struct end *end;
	int r = 0;

	if (argc < 8)
		return usage();
	alarm(BOUND_S);
	end = open_end(argv, &place);
	if (!end) {
		fprintf(stderr, "lab-end: cannot open: %s\n", strerror(errno));
		return 1;
	}
	if (strcmp(argv[7], "exchange") == 0 && argc > 8)
		r = do_exchange(end, place.is_server,
				strtoull(argv[8], NULL, 10));
	else if (strcmp(argv[7], "hold") == 0)
		pause();
	else
		r = -EINVAL;
	end->ops->close(end);
	if (r < 0)
		fprintf(stderr, "lab-end: %s\n", strerror(-r));
	return r < 0;
}
