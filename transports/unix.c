/* SPDX-License-Identifier: MIT */

#include "transports/unix.h"

#include "base/cleanup.h"
#include "transports/channel.h"
#include "transports/shm.h"
#include "transports/stream.h"
#include "transports/unix_listener.h"
#include "transports/unix_socket.h"

static int unix_connect(struct poller *poller, const char *path,
			const struct transport_options *options,
			struct channel **ret_channel)
{
	struct channel_evidence nobody = { .kind = EVIDENCE_NONE };
	_cleanup_(close_fdp) int fd = -1;
	int r;

	r = unix_socket_connect(path, &fd);
	if (!r)
		r = stream_new(poller, fd, &nobody, ret_channel);
	if (!r)
		fd = -1;
	return r;
}

static int shm_connect(struct poller *poller, const char *path,
		       const struct transport_options *options,
		       struct channel **ret_channel)
{
	_cleanup_(close_fdp) int fd = -1;
	struct shm_setup setup;
	int r;

	r = shm_setup_of_bytes(options->ring_bytes, &setup);
	if (!r)
		r = unix_socket_connect(path, &fd);
	if (!r)
		r = shm_new_client(poller, fd, &setup, ret_channel);
	if (!r)
		fd = -1;
	return r;
}

const struct transport transport_unix = {
	.scheme = "unix",
	.connect = unix_connect,
	.listen = unix_listen,
};

const struct transport transport_shm = {
	.scheme = "shm",
	.connect = shm_connect,
	.listen = unix_listen,
};
