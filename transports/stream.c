/* SPDX-License-Identifier: MIT */

#include "transports/stream.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "transports/channel.h"
#include "transports/mirror.h"
#include "transports/poller.h"

enum {
	EVENTS_QUIET = EPOLLIN | EPOLLRDHUP | EPOLLET,
	EVENTS_BLOCKED = EVENTS_QUIET | EPOLLOUT,
	EVENTS_HANG_UP = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

/* Bytes from `head` up to `tail`; both run freely until it is empty. */
struct buffer {
	struct mirror mirror;
	size_t head;
	size_t tail;
};

struct stream {
	struct channel channel;
	struct poller *poller;
	struct poll_source source; /* owns the socket */
	struct buffer in;          /* received, and not yet consumed */
	struct buffer out;         /* flushed, and not yet sent */
	bool is_readable;          /* since the socket last said EAGAIN */
	bool is_hung_up;           /* there is an end to be read ... */
	bool is_ended;             /* ... and it was: nothing more will come */
	bool is_blocked; /* the socket takes no more: EPOLLOUT tells */
	bool is_broken;  /* nobody takes what we send */
	bool wants_room;
	int error;
};

/* Where a window without a buffer stands. */
static uint8_t nothing[1];

static struct stream *stream_of(struct channel *channel)
{
	return container_of(channel, struct stream, channel);
}

static int fail(struct stream *stream, int error)
{
	stream->error = error;
	stream->channel.n_in = 0;
	stream->channel.n_out = 0;
	return error;
}

/* Memory for a buffer when it is first needed. */
static int buffer_open(struct buffer *buffer)
{
	if (buffer->mirror.at)
		return 0;
	return mirror_init(&buffer->mirror, STREAM_BUFFER_BYTES);
}

static size_t buffer_count(const struct buffer *buffer)
{
	return buffer->tail - buffer->head;
}

static size_t buffer_room(const struct buffer *buffer)
{
	return STREAM_BUFFER_BYTES - buffer_count(buffer);
}

/*
 * An empty buffer starts again at its front, where the cache is warm. Only
 * where no window of it is open: the window's bytes would be in front of it.
 */
static void buffer_rewind(struct buffer *buffer)
{
	if (buffer->head == buffer->tail)
		buffer->head = buffer->tail = 0;
}

/* A peer that went away without our help is no error of its own. */
static bool is_hang_up(int error)
{
	return error == ECONNRESET || error == EPIPE || error == ETIMEDOUT;
}

/*
 * A read that came back short has emptied the socket, see epoll(7); but the
 * end is a read of its own, and the poller told of it only once.
 */
static int receive(struct stream *stream)
{
	struct buffer *in = &stream->in;
	size_t room = buffer_room(in);
	ssize_t n;
	int r;

	r = buffer_open(in);
	if (r < 0)
		return fail(stream, r);
	n = recv(stream->source.fd, mirror_byte(&in->mirror, in->tail), room,
		 MSG_DONTWAIT);
	if (n > 0) {
		in->tail += (size_t)n;
		stream->is_readable = (size_t)n == room || stream->is_hung_up;
	} else if (n == 0 || is_hang_up(errno)) {
		stream->is_ended = true;
		stream->is_readable = false;
	} else if (errno == EAGAIN) {
		stream->is_readable = false;
	} else if (errno != EINTR) {
		return fail(stream, -errno);
	}
	return 0;
}

static void take_consumed(struct stream *stream)
{
	stream->in.head += stream->channel.n_consumed;
	stream->channel.n_consumed = 0;
	buffer_rewind(&stream->in);
}

static void show_bytes(struct stream *stream)
{
	if (!stream->in.mirror.at)
		return;
	stream->channel.in = mirror_byte(&stream->in.mirror, stream->in.head);
	stream->channel.n_in = buffer_count(&stream->in);
}

static int stream_refill(struct channel *channel)
{
	struct stream *stream = stream_of(channel);
	int r = 0;

	if (stream->error)
		return stream->error;
	take_consumed(stream);
	if (stream->is_readable && buffer_room(&stream->in))
		r = receive(stream);
	if (r < 0)
		return r;
	show_bytes(stream);
	if (!channel->n_in && stream->is_ended)
		return fail(stream, -EPIPE);
	return 0;
}

/* What is left after a broken pipe goes nowhere, as on any dead channel. */
static void break_off(struct stream *stream)
{
	stream->is_broken = true;
	stream->out.head = stream->out.tail;
}

static void transmit(struct stream *stream)
{
	struct buffer *out = &stream->out;
	ssize_t n;

	while (buffer_count(out) && !stream->is_broken) {
		n = send(stream->source.fd,
			 mirror_byte(&out->mirror, out->head),
			 buffer_count(out), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0)
			out->head += (size_t)n;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			break_off(stream);
	}
}

static int await_writable(struct stream *stream)
{
	int r;

	r = poller_modify(stream->poller, &stream->source, EVENTS_BLOCKED);
	if (r < 0)
		return fail(stream, r);
	stream->is_blocked = true;
	return 0;
}

/* Committed bytes join those that wait; a blocked socket is left in peace. */
static int stream_flush(struct channel *channel)
{
	struct stream *stream = stream_of(channel);

	if (stream->error)
		return stream->error;
	take_consumed(stream);
	if (!channel->n_committed)
		return 0;
	stream->out.tail += channel->n_committed;
	channel->n_committed = 0;
	channel->n_out = 0;
	if (stream->is_blocked)
		return 0;
	transmit(stream);
	buffer_rewind(&stream->out);
	return buffer_count(&stream->out) ? await_writable(stream) : 0;
}

static void show_room(struct stream *stream)
{
	size_t n_waiting =
		buffer_count(&stream->out) + stream->channel.n_committed;

	stream->channel.out =
		mirror_byte(&stream->out.mirror,
			    stream->out.tail + stream->channel.n_committed);
	stream->channel.n_out = STREAM_BUFFER_BYTES - n_waiting;
}

static int stream_make_room(struct channel *channel, size_t n)
{
	struct stream *stream = stream_of(channel);
	int r;

	if (stream->error)
		return stream->error;
	if (n > channel->n_out_max)
		return -EMSGSIZE;
	r = buffer_open(&stream->out);
	if (r < 0)
		return fail(stream, r);
	show_room(stream);
	if (channel->n_out >= n)
		return 0;
	if (stream->is_ended && !buffer_count(&stream->in))
		return fail(stream, -EPIPE);
	return -EAGAIN;
}

/* The poller tells of what comes from now on; look for what came before. */
static int stream_arm(struct channel *channel, bool for_room)
{
	struct stream *stream = stream_of(channel);
	size_t n_out = channel->n_out;
	size_t n_shown = channel->n_in;
	int r;

	r = stream_flush(channel);
	if (r < 0)
		return r;
	if (stream->is_readable && buffer_room(&stream->in)) {
		r = stream_refill(channel);
		if (r < 0)
			return r;
		if (channel->n_in > n_shown)
			return 1;
	}
	if (stream->is_ended)
		return fail(stream, -EPIPE);
	if (for_room && buffer_room(&stream->out) > n_out)
		return 1;
	stream->wants_room = for_room;
	return 0;
}

/* Goes on sending what the socket did not take. Returns whether it did. */
static bool resume(struct stream *stream)
{
	size_t n_before = buffer_count(&stream->out);
	int r;

	transmit(stream);
	if (!buffer_count(&stream->out)) {
		stream->is_blocked = false;
		r = poller_modify(stream->poller, &stream->source,
				  EVENTS_QUIET);
		if (r < 0)
			fail(stream, r);
	}
	return buffer_count(&stream->out) < n_before;
}

static void stream_ready(struct poll_source *source, uint32_t events)
{
	struct stream *stream = container_of(source, struct stream, source);
	bool is_news = false;

	if (events & ~(uint32_t)EPOLLOUT) {
		stream->is_readable = true;
		stream->is_hung_up |= (events & EVENTS_HANG_UP) != 0;
		is_news = true;
	}
	if (stream->is_blocked && resume(stream))
		is_news |= stream->wants_room;
	if ((is_news || stream->error) && stream->channel.on_ready)
		stream->channel.on_ready(&stream->channel);
}

static void stream_free(struct channel *channel)
{
	struct stream *stream = stream_of(channel);

	poller_remove(stream->poller, &stream->source);
	close(stream->source.fd);
	mirror_deinit(&stream->in.mirror);
	mirror_deinit(&stream->out.mirror);
	free(stream);
}

static const struct channel_ops stream_ops = {
	.name = "unix",
	.refill = stream_refill,
	.make_room = stream_make_room,
	.flush = stream_flush,
	.arm = stream_arm,
	.free = stream_free,
};

/* Bytes that are already there are told of by the poller like all others. */
int stream_new(struct poller *poller, int fd,
	       const struct channel_evidence *evidence,
	       struct channel **ret_channel)
{
	struct stream *stream;
	int r;

	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;

	stream->channel = (struct channel){
		.ops = &stream_ops,
		.in = nothing,
		.out = nothing,
		.n_in_max = STREAM_BUFFER_BYTES,
		.n_out_max = STREAM_BUFFER_BYTES,
		.evidence = *evidence,
	};
	stream->poller = poller;
	stream->source =
		(struct poll_source){ .fd = fd, .ready = stream_ready };
	r = poller_add(poller, &stream->source, EVENTS_QUIET);
	if (r < 0) {
		free(stream);
		return r;
	}
	*ret_channel = &stream->channel;
	return 0;
}
