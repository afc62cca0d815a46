/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <libxenvchan.h>
#include <stdlib.h>
#include <time.h>

#include "tests/xen/lab/ends/end.h"

struct upstream {
	struct end end;
	struct libxenvchan *vchan;
};

static struct libxenvchan *vchan_of(struct end *end)
{
	return ((struct upstream *)end)->vchan;
}

static ssize_t upstream_read(struct end *end, void *bytes, size_t n)
{
	struct libxenvchan *vchan = vchan_of(end);
	int r = libxenvchan_read(vchan, bytes, n);

	/* It may have written between our two looks, and then gone. */
	if (r < 0 && libxenvchan_data_ready(vchan) > 0)
		r = libxenvchan_read(vchan, bytes, n);
	return r < 0 ? -EPIPE : r;
}

static ssize_t upstream_write(struct end *end, const void *bytes, size_t n)
{
	int r = libxenvchan_write(vchan_of(end), bytes, n);

	return r < 0 ? -EPIPE : r;
}

/* A read or write that found nothing has already asked to be told. */
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
	.read = upstream_read,
	.write = upstream_write,
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
	struct upstream *upstream = malloc(sizeof(*upstream));

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
