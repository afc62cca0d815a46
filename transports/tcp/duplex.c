/* SPDX-License-Identifier: MIT */

#include "transports/tcp/duplex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"

enum {
	/*
	 * Consumption is told on its own when this much is untold, or, however
	 * little it is, when more than this much is on the way to us or unread
	 * as far as the other side knows. So it always gets to half a window.
	 */
	TELL_BYTES = DUPLEX_WINDOW_BYTES / 4,
	TELL_ALL_BYTES = DUPLEX_WINDOW_BYTES / 2,

	/* What is shown as room unless more is asked for: stays in the cache */
	ROOM_BYTES = 2 * DUPLEX_MESSAGE_BYTES,
};

static struct duplex *duplex_of(struct channel *channel)
{
	return container_of(channel, struct duplex, channel);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What has come and is not consumed. */
static size_t count_unread(const struct duplex *duplex)
{
	return duplex->n_written - duplex->n_read - duplex->channel.n_consumed;
}

/* What the window leaves after all that is sent, flushed or committed. */
static size_t count_room(const struct duplex *duplex)
{
	if (!duplex->is_connected)
		return 0;
	return DUPLEX_WINDOW_BYTES - (uint32_t)(duplex->sent - duplex->acked) -
	       (duplex->n_end - duplex->n_start) - duplex->channel.n_committed;
}

/* What came before an orderly end can still be read. */
static int get_error(const struct duplex *duplex)
{
	if (duplex->error == -EPIPE && count_unread(duplex))
		return 0;
	return duplex->error;
}

static void wake(struct duplex *duplex)
{
	duplex->wants_bytes = false;
	duplex->wants_room = false;
	duplex->ops->wake(duplex);
}

void duplex_fail(struct duplex *duplex, int error, const char *reason)
{
	if (duplex->error)
		return;
	duplex->error = error;
	duplex->channel.reason = reason;
	if (duplex->wants_bytes || duplex->wants_room)
		wake(duplex);
}

void duplex_connect(struct duplex *duplex)
{
	duplex->is_connected = true;
	if (duplex->wants_room)
		wake(duplex);
}

void duplex_encode(enum duplex_kind kind, uint32_t consumed,
		   uint8_t ret_header[DUPLEX_HEADER_BYTES])
{
	le32_store(ret_header, kind);
	le32_store(ret_header + 4, consumed);
}

static int send_message(struct duplex *duplex, enum duplex_kind kind,
			const uint8_t *bytes, size_t n)
{
	uint8_t header[DUPLEX_HEADER_BYTES];
	int r;

	duplex_encode(kind, duplex->consumed, header);
	r = duplex->ops->send(duplex, header, bytes, n);
	duplex->is_blocked = r == -EAGAIN;
	if (!r)
		duplex->told = duplex->consumed;
	else if (r != -EAGAIN)
		duplex_fail(duplex, r, NULL);
	return r;
}

static int send_bytes(struct duplex *duplex)
{
	while (duplex->n_start < duplex->n_end) {
		size_t n = min_size(duplex->n_end - duplex->n_start,
				    DUPLEX_MESSAGE_BYTES);
		int r = send_message(duplex, DUPLEX_BYTES,
				     duplex->buffer + duplex->n_start, n);

		if (r < 0)
			return r;
		duplex->n_start += n;
		duplex->sent += (uint32_t)n;
	}
	return 0;
}

static bool must_tell(const struct duplex *duplex)
{
	uint32_t untold = duplex->consumed - duplex->told;

	return untold >= TELL_BYTES ||
	       (untold && duplex->received - duplex->told > TELL_ALL_BYTES);
}

void duplex_send(struct duplex *duplex)
{
	if (duplex->error || send_bytes(duplex) < 0)
		return;
	if (must_tell(duplex))
		(void)send_message(duplex, DUPLEX_BYTES, NULL, 0);
}

void duplex_say_end(struct duplex *duplex)
{
	if (!duplex->is_connected || duplex->error == -EPIPE)
		return;
	if (!duplex->error && send_bytes(duplex) < 0)
		return;
	(void)send_message(duplex, DUPLEX_END, NULL, 0);
}

void duplex_probe(struct duplex *duplex)
{
	if (!duplex->error)
		(void)send_message(duplex, DUPLEX_BYTES, NULL, 0);
}

static int duplex_refill(struct channel *channel)
{
	struct duplex *duplex = duplex_of(channel);
	int r = get_error(duplex);

	if (r < 0)
		return r;
	if (duplex->n_read == duplex->n_written) {
		/* Starting over keeps a light user on few, warm pages. */
		duplex->n_read = 0;
		duplex->n_written = 0;
	}
	channel->n_in = count_unread(duplex);
	if (channel->n_in)
		channel->in = mirror_byte(&duplex->mirror,
					  duplex->n_read + channel->n_consumed);
	return 0;
}

/* Move what is not yet sent to the front of the buffer. */
static int make_buffer(struct duplex *duplex)
{
	size_t n =
		duplex->n_end - duplex->n_start + duplex->channel.n_committed;

	if (!duplex->buffer)
		duplex->buffer = malloc(DUPLEX_WINDOW_BYTES);
	if (!duplex->buffer)
		return -ENOMEM;
	if (duplex->n_start && n)
		memmove(duplex->buffer, duplex->buffer + duplex->n_start, n);
	duplex->n_end -= duplex->n_start;
	duplex->n_start = 0;
	return 0;
}

static int duplex_make_room(struct channel *channel, size_t n)
{
	struct duplex *duplex = duplex_of(channel);
	int r = get_error(duplex);

	if (r < 0)
		return r;
	if (n > channel->n_out_max)
		return -EMSGSIZE;
	r = make_buffer(duplex);
	if (r < 0) {
		duplex_fail(duplex, r, NULL);
		return r;
	}
	duplex->n_room_seen = count_room(duplex);
	channel->out = duplex->buffer + duplex->n_end + channel->n_committed;
	channel->n_out =
		min_size(duplex->n_room_seen, n > ROOM_BYTES ? n : ROOM_BYTES);
	return channel->n_out < n ? -EAGAIN : 0;
}

static int duplex_flush(struct channel *channel)
{
	struct duplex *duplex = duplex_of(channel);

	duplex->n_end += channel->n_committed;
	duplex->n_room_seen -=
		min_size(duplex->n_room_seen, channel->n_committed);
	channel->n_committed = 0;
	duplex->n_read += channel->n_consumed;
	duplex->consumed += (uint32_t)channel->n_consumed;
	channel->n_consumed = 0;

	duplex_send(duplex);
	return get_error(duplex);
}

static int duplex_arm(struct channel *channel, bool for_room)
{
	struct duplex *duplex = duplex_of(channel);
	int r;

	r = duplex_flush(channel);
	if (r < 0)
		return r;
	if (count_unread(duplex) > channel->n_in)
		return 1;
	if (duplex->error)
		return duplex->error;
	if (for_room && count_room(duplex) > duplex->n_room_seen)
		return 1;
	duplex->wants_bytes = true;
	duplex->wants_room = for_room;
	return 0;
}

static void duplex_free(struct channel *channel)
{
	struct duplex *duplex = duplex_of(channel);

	duplex->ops->free(duplex);
}

/* Where an empty window stands. */
static uint8_t nothing[1];

static const struct channel_ops channel_ops = {
	.name = "tcp",
	.refill = duplex_refill,
	.make_room = duplex_make_room,
	.flush = duplex_flush,
	.arm = duplex_arm,
	.free = duplex_free,
};

void duplex_init(struct duplex *duplex, const struct duplex_ops *ops)
{
	*duplex = (struct duplex){
		.channel = {
			.ops = &channel_ops,
			.in = nothing,
			.out = nothing,
			.n_in_max = DUPLEX_WINDOW_BYTES,
			.n_out_max = TELL_ALL_BYTES,
		},
		.ops = ops,
	};
	list_init(&duplex->ready);
}

void duplex_deinit(struct duplex *duplex)
{
	list_unlink(&duplex->ready);
	mirror_deinit(&duplex->mirror);
	free(duplex->buffer);
	duplex->buffer = NULL;
}

static void violate(struct duplex *duplex, const char *reason)
{
	duplex_fail(duplex, -EPROTO, reason);
}

static void take_acked(struct duplex *duplex, uint32_t acked)
{
	uint32_t n = acked - duplex->acked;

	if (n > duplex->sent - duplex->acked) {
		violate(duplex, "consumed what was never sent");
		return;
	}
	duplex->acked = acked;
	if (n && duplex->wants_room)
		wake(duplex);
}

static void take_bytes(struct duplex *duplex, const uint8_t *bytes, size_t n)
{
	int r = 0;

	if (n > DUPLEX_WINDOW_BYTES - (duplex->received - duplex->told)) {
		violate(duplex, "sent more than the window");
		return;
	}
	if (!duplex->mirror.at)
		r = mirror_init(&duplex->mirror, DUPLEX_WINDOW_BYTES);
	if (r < 0) {
		duplex_fail(duplex, r, NULL);
		return;
	}
	memcpy(mirror_byte(&duplex->mirror, duplex->n_written), bytes, n);
	duplex->n_written += n;
	duplex->received += (uint32_t)n;
	if (duplex->wants_bytes)
		wake(duplex);
}

void duplex_take(struct duplex *duplex, const uint8_t *message, size_t n)
{
	uint8_t kind = duplex_kind(message, n);
	const uint8_t *bytes = message + DUPLEX_HEADER_BYTES;

	if (duplex->error)
		return;
	if (!kind || message[1] || message[2] || message[3]) {
		violate(duplex, "a message without a proper header");
		return;
	}
	take_acked(duplex, le32_load(message + 4));
	n -= DUPLEX_HEADER_BYTES;

	if (kind == DUPLEX_BYTES && n)
		take_bytes(duplex, bytes, n);
	else if (kind == DUPLEX_END && !n)
		duplex_fail(duplex, -EPIPE, NULL);
	else if (kind != DUPLEX_BYTES)
		violate(duplex, "a message of an unknown kind");
}
