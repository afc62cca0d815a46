/* SPDX-License-Identifier: MIT */

#include "tests/unit/transports/unix_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "transports/unix.h"
#include "transports/unix_socket.h"

enum { TEST_MAX_S = 30 };

static int adopt(struct listener *listener, struct channel *channel)
{
	struct world *world = listener->owner;

	if (world->n_channels == N_CHANNELS_MAX)
		return -ENOBUFS;
	world->channels[world->n_channels++] = channel;
	return 0;
}

int world_listen(struct world *world, const struct transport_options *options)
{
	int r;

	r = transport_unix.listen(&world->poller, world->path, options,
				  &world->listener);
	if (r < 0)
		return r;
	world->listener->owner = world;
	world->listener->on_channel = adopt;
	return 0;
}

void world_init(struct world *world)
{
	alarm(TEST_MAX_S);
	*world = (struct world){ .folder = "/tmp/helio-test-XXXXXX" };
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/socket", world->folder);
	assert_int_equal(poller_init(&world->poller), 0);
}

void world_deinit(struct world *world)
{
	for (unsigned i = 0; i < world->n_channels; i++)
		channel_free(world->channels[i]);
	listener_free(world->listener);
	poller_deinit(&world->poller);
	assert_int_equal(rmdir(world->folder), 0);
}

int call_in(struct world *world)
{
	int fd;

	assert_int_equal(unix_socket_connect(world->path, &fd), 0);
	return fd;
}
