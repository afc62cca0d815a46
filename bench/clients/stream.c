/* SPDX-License-Identifier: MIT */

#include "bench/clients/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	RECEIVE_TIMEOUT_US = 100000,
	LINE_TRIES = 50,
};

static int connect_unix(const char *path)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(fd);
}

static int parse_inet(const char *text, struct sockaddr_in *ret_address)
{
	const char *colon = strchr(text, ':');
	char host[INET_ADDRSTRLEN] = "";

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	*ret_address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
	};
	return inet_pton(AF_INET, host, &ret_address->sin_addr) == 1 ? 0
								     : -EINVAL;
}

static int connect_tcp(const char *text)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_in address;
	int on = 1;
	int r;

	r = parse_inet(text, &address);
	if (r < 0)
		return r;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return -errno;
	return take_fd(fd);
}

static int connect_address(const char *address)
{
	if (!strncmp(address, "unix:", 5))
		return connect_unix(address + 5);
	if (!strncmp(address, "tcp:", 4))
		return connect_tcp(address + 4);
	return -EINVAL;
}

int stream_init(struct stream *ret_stream, const char *address)
{
	_cleanup_(close_fdp) int fd = -1;
	struct timeval timeout = { .tv_usec = RECEIVE_TIMEOUT_US };
	uint8_t *buffers;

	fd = connect_address(address);
	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
	    0)
		return -errno;
	buffers = malloc((size_t)2 * STREAM_BYTES);
	if (!buffers)
		return -ENOMEM;
	*ret_stream = (struct stream){
		.fd = take_fd(fd),
		.in = buffers,
		.out = buffers + STREAM_BYTES,
	};
	return 0;
}

void stream_deinit(struct stream *stream)
{
	close(stream->fd);
	free(stream->in);
}

int stream_flush(struct stream *stream)
{
	size_t n_sent = 0;

	while (n_sent < stream->n_out) {
		ssize_t n = send(stream->fd, stream->out + n_sent,
				 stream->n_out - n_sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			n_sent += (size_t)n;
	}
	stream->n_out = 0;
	return 0;
}

int stream_reserve(struct stream *stream, size_t n, uint8_t **ret_room)
{
	int r;

	if (stream->n_out + n > STREAM_BYTES) {
		r = stream_flush(stream);
		if (r < 0)
			return r;
	}
	*ret_room = stream->out + stream->n_out;
	return 0;
}

int stream_write(struct stream *stream, const void *bytes, size_t n)
{
	uint8_t *room;
	int r;

	r = stream_reserve(stream, n, &room);
	if (r < 0)
		return r;
	memcpy(room, bytes, n);
	stream_commit(stream, n);
	return 0;
}

/* Moved only when the rest is short of room, so seldom and little. */
static void stream_make_room(struct stream *stream)
{
	size_t n = stream->in_end - stream->in_begin;

	if (n && stream->in_end < STREAM_BYTES / 2)
		return;
	memmove(stream->in, stream->in + stream->in_begin, n);
	stream->in_begin = 0;
	stream->in_end = n;
}

int stream_fill(struct stream *stream, int timeout_ms)
{
	ssize_t n;

	stream_make_room(stream);
	if (stream->in_end == STREAM_BYTES)
		return -ENOBUFS;
	n = recv(stream->fd, stream->in + stream->in_end,
		 STREAM_BYTES - stream->in_end, timeout_ms ? 0 : MSG_DONTWAIT);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	stream->in_end += (size_t)n;
	return 0;
}

static bool stream_take_line(struct stream *stream, char *ret_line,
			     size_t n_line)
{
	uint8_t *begin = stream->in + stream->in_begin;
	uint8_t *end = memchr(begin, '\n', stream->in_end - stream->in_begin);
	size_t n;

	if (!end)
		return false;
	n = (size_t)(end - begin);
	stream->in_begin += n + 1;
	if (n >= n_line)
		n = n_line - 1;
	memcpy(ret_line, begin, n);
	ret_line[n] = '\0';
	return true;
}

int stream_read_line(struct stream *stream, char *ret_line, size_t n_line)
{
	for (unsigned i = 0; i < LINE_TRIES; i++) {
		int r;

		if (stream_take_line(stream, ret_line, n_line))
			return 0;
		r = stream_fill(stream, 1);
		if (r < 0)
			return r;
	}
	return -ETIMEDOUT;
}
