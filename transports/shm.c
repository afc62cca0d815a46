/* SPDX-License-Identifier: MIT */

#include "transports/shm.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/ring.h"

enum { EVENTS_DEATH = EPOLLRDHUP | EPOLLET };

struct shm {
	struct ring ring; /* its channel is ours */
	struct poller *poller;
	struct shm_pages pages;    /* mapped once it is set up */
	struct poll_source socket; /* owns the socket */
	struct poll_source event;  /* owns the eventfd that wakes the switch */
	struct shm_setup asked;    /* client: until the answer has come */
};

static struct shm *shm_of(struct channel *channel)
{
	return container_of(channel, struct shm, ring.channel);
}

static void tell_owner(struct shm *shm)
{
	if (shm->ring.channel.on_ready)
		shm->ring.channel.on_ready(&shm->ring.channel);
}

/* What the socket does not take is a wake-up that is already under way. */
static void wake_client(struct ring *ring)
{
	struct shm *shm = container_of(ring, struct shm, ring);

	(void)send(shm->socket.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void wake_server(struct ring *ring)
{
	struct shm *shm = container_of(ring, struct shm, ring);

	(void)eventfd_write(shm->event.fd, 1);
}

static void shm_free(struct channel *channel)
{
	struct shm *shm = shm_of(channel);

	if (shm->pages.page)
		ring_deinit(&shm->ring);
	shm_pages_unmap(&shm->pages);
	poller_remove(shm->poller, &shm->socket);
	poller_remove(shm->poller, &shm->event);
	close_fdp(&shm->event.fd);
	close_fdp(&shm->socket.fd);
	free(shm);
}

static const struct channel_ops shm_ops = {
	.name = "shm",
	.refill = ring_refill,
	.make_room = ring_make_room,
	.flush = ring_flush,
	.arm = ring_arm,
	.free = shm_free,
};

static int start_ring(struct shm *shm, enum ring_role role, int memory_fd,
		      const struct shm_setup *setup)
{
	struct ring_config config = {
		.role = role,
		.left_order = setup->left_order,
		.right_order = setup->right_order,
		.is_mapped_twice = true,
		.notify = role == RING_CLIENT ? wake_server : wake_client,
	};
	int r;

	r = shm_pages_map(&shm->pages, memory_fd, role, setup);
	if (r < 0)
		return r;
	config.page = shm->pages.page;
	config.left = shm->pages.left.at;
	config.right = shm->pages.right.at;
	r = ring_init(&shm->ring, &config);
	if (r < 0)
		shm_pages_unmap(&shm->pages);
	return r;
}

/* The end of the socket is all that the switch listens for on it. */
static void server_socket_ready(struct poll_source *source, uint32_t events)
{
	struct shm *shm = container_of(source, struct shm, socket);

	ring_hang_up(&shm->ring);
	tell_owner(shm);
}

static void server_event_ready(struct poll_source *source, uint32_t events)
{
	tell_owner(container_of(source, struct shm, event));
}

static struct shm *shm_new(struct poller *poller, int fd)
{
	struct shm *shm;

	shm = calloc(1, sizeof(*shm));
	if (!shm)
		return NULL;
	shm->poller = poller;
	shm->socket.fd = fd;
	shm->event.fd = -1;
	return shm;
}

/* Free it, but leave the socket to the caller, who gave it in vain. */
static void abandon(struct shm *shm)
{
	poller_remove(shm->poller, &shm->socket);
	shm->socket.fd = -1;
	shm_free(&shm->ring.channel);
}

static int start_server(struct shm *shm, const struct shm_setup *setup)
{
	_cleanup_(close_fdp) int memory_fd = -1;
	int r;

	r = shm_memory_new(setup, &memory_fd);
	if (r < 0)
		return r;
	r = start_ring(shm, RING_SERVER, memory_fd, setup);
	if (r < 0)
		return r;
	shm->event.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shm->event.fd < 0)
		return -errno;
	r = poller_add(shm->poller, &shm->event, EPOLLIN | EPOLLET);
	if (r < 0)
		return r;
	r = poller_add(shm->poller, &shm->socket, EVENTS_DEATH);
	if (r < 0)
		return r;
	return shm_setup_send(shm->socket.fd, setup, memory_fd, shm->event.fd);
}

int shm_new_server(struct poller *poller, int fd, const struct shm_setup *setup,
		   const struct channel_evidence *evidence,
		   struct channel **ret_channel)
{
	struct shm *shm;
	int r;

	shm = shm_new(poller, fd);
	if (!shm)
		return -ENOMEM;
	shm->ring.channel.ops = &shm_ops;
	shm->ring.channel.evidence = *evidence;
	shm->socket.ready = server_socket_ready;
	shm->event.ready = server_event_ready;
	r = start_server(shm, setup);
	if (r < 0) {
		abandon(shm);
		return r;
	}
	*ret_channel = &shm->ring.channel;
	return 0;
}

static int finish_client(struct shm *shm)
{
	_cleanup_(close_fdp) int memory_fd = -1;
	struct shm_setup given;
	int r;

	r = shm_setup_recv(shm->socket.fd, &shm->asked, &given, &memory_fd,
			   &shm->event.fd);
	if (r < 0)
		return r;
	return start_ring(shm, RING_CLIENT, memory_fd, &given);
}

/* Wake-ups say nothing but that they came; nobody counts them. */
static void drain(struct shm *shm)
{
	char bytes[64];

	(void)recv(shm->socket.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
}

static void client_ready(struct poll_source *source, uint32_t events)
{
	struct shm *shm = container_of(source, struct shm, socket);

	if (events & EPOLLIN)
		drain(shm);
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		ring_hang_up(&shm->ring);
	tell_owner(shm);
}

static void connecting_ready(struct poll_source *source, uint32_t events)
{
	struct shm *shm = container_of(source, struct shm, socket);
	struct ring *ring = &shm->ring;
	int r;

	if (ring->error)
		return;
	r = finish_client(shm);
	if (r == -EAGAIN)
		return;
	if (r < 0) {
		ring->error = r;
		ring->channel.reason =
			r == -EPROTO ? "the listener set up no rings" : NULL;
	} else {
		ring->channel.ops = &shm_ops;
		source->ready = client_ready;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		ring_hang_up(ring);
	tell_owner(shm);
}

/* While it is connecting, a channel has neither bytes nor room. */
static int connecting_wait(struct channel *channel)
{
	return shm_of(channel)->ring.error;
}

static int connecting_make_room(struct channel *channel, size_t n)
{
	int r = shm_of(channel)->ring.error;

	return r < 0 ? r : -EAGAIN;
}

static int connecting_arm(struct channel *channel, bool for_room)
{
	return shm_of(channel)->ring.error;
}

/* Where a window without a ring stands. */
static uint8_t nothing[1];

static const struct channel_ops connecting_ops = {
	.name = "shm",
	.refill = connecting_wait,
	.make_room = connecting_make_room,
	.flush = connecting_wait,
	.arm = connecting_arm,
	.free = shm_free,
};

static int start_client(struct shm *shm)
{
	uint8_t bytes[SHM_SETUP_BYTES];
	ssize_t n;

	shm_setup_encode(&shm->asked, bytes);
	n = send(shm->socket.fd, bytes, sizeof(bytes),
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EPIPE ? -ECONNREFUSED : -errno;
	return poller_add(shm->poller, &shm->socket, EPOLLIN | EVENTS_DEATH);
}

int shm_new_client(struct poller *poller, int fd, const struct shm_setup *setup,
		   struct channel **ret_channel)
{
	struct shm *shm;
	int r;

	shm = shm_new(poller, fd);
	if (!shm)
		return -ENOMEM;
	shm->ring.channel.ops = &connecting_ops;
	shm->ring.channel.in = nothing;
	shm->ring.channel.out = nothing;
	shm->asked = *setup;
	shm->socket.ready = connecting_ready;
	r = start_client(shm);
	if (r < 0) {
		abandon(shm);
		return r;
	}
	*ret_channel = &shm->ring.channel;
	return 0;
}
