/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_STREAM_H
#define BENCH_CLIENTS_STREAM_H

/**
 * A blocking socket with a buffer each way, for the clients that speak their
 * system's protocol by hand: one system call moves as many messages as there
 * are.
 */

#include <stddef.h>
#include <stdint.h>

enum { STREAM_BYTES = 256 * 1024 };

struct stream {
	int fd;
	size_t n_out;    /* gathered in `out` */
	size_t in_begin; /* not yet consumed: in[in_begin] to in[in_end] */
	size_t in_end;
	uint8_t *in;
	uint8_t *out;
};

/**
 * `unix:PATH` or `tcp:ADDRESS:PORT`, numeric. Returns 0 or a negative errno;
 * *ret_stream needs stream_deinit() only after 0.
 */
int stream_init(struct stream *ret_stream, const char *address);
void stream_deinit(struct stream *stream);

/** Send all that has gathered; blocks. */
int stream_flush(struct stream *stream);

/** Room for `n` bytes, at most STREAM_BYTES; may flush. */
int stream_reserve(struct stream *stream, size_t n, uint8_t **ret_room);

static inline void stream_commit(struct stream *stream, size_t n)
{
	stream->n_out += n;
}

int stream_write(struct stream *stream, const void *bytes, size_t n);

/**
 * Read what is there into `in`; if nothing is and `timeout_ms` is not 0, wait
 * for about a tenth of a second. Returns 0, also when nothing came; -EPIPE at
 * the end of the stream; -ENOBUFS when `in` is full.
 */
int stream_fill(struct stream *stream, int timeout_ms);

/** Read until a line is there, and take it: for handshakes. */
int stream_read_line(struct stream *stream, char *ret_line, size_t n_line);

#endif
