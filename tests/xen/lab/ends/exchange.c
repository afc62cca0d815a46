/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tests/xen/lab/ends/end.h"

/* Pieces in a row before the turn is over. */
enum { PIECE_MAX = 16384, TURN_PIECES = 16 };

struct stream {
	uint64_t n; /* bytes each way */
	uint64_t sent;
	uint64_t received;
	uint32_t random;
	bool is_server;
};

/* Byte `at` of what the server, or the client, sends. */
static uint8_t byte_at(uint64_t at, bool is_server)
{
	uint32_t mixed = (uint32_t)at * 2654435761U;

	return (uint8_t)((mixed >> 24) ^ (at >> 8) ^ (is_server ? 0x55 : 0));
}

/* Sizes that fit no ring's end: small ones mostly. */
static size_t odd_size(uint32_t *random)
{
	*random = *random * 1664525U + 1013904223U;
	return (*random >> 8) % 7 ? 1 + (*random >> 12) % 300
				  : 1 + (*random >> 12) % PIECE_MAX;
}

/* Returns whether bytes were sent, or -EPIPE. */
static int send_some(struct end *end, struct stream *stream)
{
	uint8_t piece[PIECE_MAX];
	size_t n = odd_size(&stream->random);
	ssize_t r;

	if (n > stream->n - stream->sent)
		n = stream->n - stream->sent;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
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
	size_t n = odd_size(&stream->random);
	const uint8_t *bytes;
	ssize_t r;

	if (stream->received == stream->n)
		return 0;
	r = end->ops->look(end, &bytes);
	if (r <= 0)
		return (int)r;
	if (n > (size_t)r)
		n = (size_t)r;
	if (n > stream->n - stream->received)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		if (bytes[i] !=
		    byte_at(stream->received + i, !stream->is_server))
			return -EBADMSG;
	end->ops->take(end, n);
	stream->received += n;
	return 1;
}

/* Returns whether anything was done, or a negative errno. */
static int exchange_turn(struct end *end, struct stream *stream)
{
	int n_done = 0;

	for (int i = 0; i < TURN_PIECES; i++) {
		int sent = send_some(end, stream);
		int received = sent < 0 ? sent : receive_some(end, stream);

		if (received < 0)
			return received;
		if (!sent && !received)
			break;
		n_done++;
	}
	return n_done;
}

static int exchange_all(struct end *end, struct stream *stream)
{
	while (stream->sent < stream->n || stream->received < stream->n) {
		int r = exchange_turn(end, stream);

		if (r < 0)
			return r;
		if (r > 0)
			r = end->ops->turn(end);
		else
			end->ops->wait(end, stream->sent < stream->n);
		if (r < 0)
			return r;
	}
	return end->ops->turn(end);
}

/* The other side ends when it has all; then this one may go. */
static int until_gone(struct end *end)
{
	const uint8_t *bytes;
	ssize_t r;

	while ((r = end->ops->look(end, &bytes)) == 0)
		end->ops->wait(end, false);
	return r == -EPIPE ? 0 : -EBADMSG;
}

int exchange(struct end *end, bool is_server, uint64_t n)
{
	struct stream stream = {
		.n = n,
		.random = (uint32_t)n,
		.is_server = is_server,
	};
	int r = exchange_all(end, &stream);

	if (!r && is_server)
		r = until_gone(end);
	printf("sent %" PRIu64 " received %" PRIu64 " notified %" PRIu64 "\n",
	       stream.sent, stream.received, n_notifications());
	return r;
}
