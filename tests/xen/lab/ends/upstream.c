/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <libxenvchan.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/xen/lab/ends/end.h"

enum { BUFFER_BYTES = 65536 };

struct upstream {
	struct end end;
	struct libxenvchan *vchan;
	size_t n_taken; /* of the buffer */
	size_t n_read;
	uint8_t buffer[BUFFER_BYTES];
};

static struct libxenvchan *vchan_of(struct end *end)
{
	return ((struct upstream *)end)->vchan;
}

/* What is left of the last look comes first. */
static void make_room(struct upstream *upstream)
{
	upstream->n_read -= upstream->n_taken;
	memmove(upstream->buffer, upstream->buffer + upstream->n_taken,
		upstream->n_read);
	upstream->n_taken = 0;
}

static ssize_t upstream_look(struct end *end, const uint8_t **ret_bytes)
{
	struct upstream *upstream = (struct upstream *)end;
	struct libxenvchan *vchan = upstream->vchan;
	uint8_t *free_bytes;
	size_t n_free;
	int r;

	make_room(upstream);
	free_bytes = upstream->buffer + upstream->n_read;
	n_free = BUFFER_BYTES - upstream->n_read;
	r = libxenvchan_read(vchan, free_bytes, n_free);
	/* It may have written between two looks of this, and gone. */
	if (r < 0 && libxenvchan_data_ready(vchan) > 0)
		r = libxenvchan_read(vchan, free_bytes, n_free);
	if (r < 0 && !upstream->n_read)
		return -EPIPE;
	upstream->n_read += r < 0 ? 0 : (size_t)r;
	*ret_bytes = upstream->buffer;
	return (ssize_t)upstream->n_read;
}

static void upstream_take(struct end *end, size_t n)
{
	((struct upstream *)end)->n_taken += n;
}

static ssize_t upstream_write(struct end *end, const void *bytes, size_t n)
{
	int r = libxenvchan_write(vchan_of(end), bytes, n);

	return r < 0 ? -EPIPE : r;
}

static ssize_t upstream_send(struct end *end, const void *bytes, size_t n)
{
	int r = libxenvchan_send(vchan_of(end), bytes, n);

	return r < 0 ? -EPIPE : r;
}

static int upstream_turn(struct end *end)
{
	return 0;
}

/* Who found nothing has already asked to be told. */
static void upstream_wait(struct end *end, bool for_room)
{
	(void)libxenvchan_wait(vchan_of(end));
}

static void upstream_close(struct end *end)
{
	libxenvchan_close(vchan_of(end));
	free(end);
}

static const struct end_ops upstream_ops = {
	.look = upstream_look,
	.take = upstream_take,
	.write = upstream_write,
	.send = upstream_send,
	.turn = upstream_turn,
	.wait = upstream_wait,
	.close = upstream_close,
};

/* The server's keys come when it is ready; until then ENOENT or EACCES. */
static struct libxenvchan *connect_patiently(const struct end_place *place)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct libxenvchan *vchan = NULL;
	int i;

	for (i = 0; !vchan && i < 500; i++) {
		vchan = libxenvchan_client_init(NULL, place->domid,
						place->path);
		if (!vchan)
			nanosleep(&pause, NULL);
	}
	return vchan;
}

struct end *upstream_open(const struct end_place *place)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));

	if (!upstream)
		return NULL;
	upstream->end.ops = &upstream_ops;
	upstream->vchan = place->is_server
				  ? libxenvchan_server_init(NULL, place->domid,
							    place->path,
							    place->read_bytes,
							    place->write_bytes)
				  : connect_patiently(place);
	if (!upstream->vchan) {
		free(upstream);
		return NULL;
	}
	return &upstream->end;
}
