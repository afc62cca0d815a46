/* SPDX-License-Identifier: MIT */

#include "transports/unix_listener.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/shm.h"
#include "transports/stream.h"
#include "transports/transport.h"
#include "transports/unix_socket.h"

enum {
	HANDSHAKES_MAX_DEFAULT = 64,
	HANDSHAKE_MS_DEFAULT = 5000,
	ACCEPT_BATCH = 16,
	EVENTS_HANDSHAKE = EPOLLIN | EPOLLRDHUP | EPOLLET,
};

/* How long a listener rests that cannot accept, for want of descriptors. */
#define REST_NS (100 * NS_PER_MS)

struct unix_listener {
	struct listener listener;
	struct poller *poller;
	struct unix_socket socket;
	struct poll_source accepting; /* the same descriptor */
	struct poll_source timer;     /* owns a timerfd */
	struct list handshakes;       /* oldest first */
	struct list cut_off;          /* until their last event */
	unsigned n_handshakes;
	unsigned n_handshakes_max;
	uint64_t handshake_ns;
	uint64_t rest_until_ns; /* 0: accepting */
	struct shm_setup most;  /* largest rings given */
	char *path;
	char name[256];
};

/* A peer that has connected and not yet said what it wants. */
struct handshake {
	struct list link; /* in handshakes, or in cut_off */
	struct unix_listener *listener;
	struct poll_source source; /* owns the socket, unless given away: -1 */
	uint64_t deadline_ns;
	bool is_cut_off;
};

enum { HANDSHAKE_E_WAIT = 1 };

static struct unix_listener *listener_of(struct listener *listener)
{
	return container_of(listener, struct unix_listener, listener);
}

static uint64_t next_deadline_ns(const struct unix_listener *listener)
{
	uint64_t next_ns = listener->rest_until_ns;
	struct handshake *oldest;

	if (list_is_empty(&listener->handshakes))
		return next_ns;
	oldest =
		container_of(listener->handshakes.next, struct handshake, link);
	if (!next_ns || oldest->deadline_ns < next_ns)
		next_ns = oldest->deadline_ns;
	return next_ns;
}

/* A deadline of 0 stops the timer. */
static void set_timer(struct unix_listener *listener)
{
	uint64_t next_ns = next_deadline_ns(listener);
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(next_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(next_ns % NS_PER_S),
	};

	(void)timerfd_settime(listener->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static struct handshake *handshake_free(struct handshake *handshake)
{
	if (!handshake->is_cut_off)
		handshake->listener->n_handshakes--;
	list_unlink(&handshake->link);
	if (handshake->source.fd >= 0) {
		poller_remove(handshake->listener->poller, &handshake->source);
		close(handshake->source.fd);
	}
	free(handshake);
	return NULL;
}

/*
 * End a handshake while the poller may still hold an event of its socket: the
 * shutdown is an event too, and with that one it frees itself.
 */
static void cut_off(struct handshake *handshake)
{
	struct unix_listener *listener = handshake->listener;

	list_unlink(&handshake->link);
	list_push_back(&listener->cut_off, &handshake->link);
	listener->n_handshakes--;
	handshake->is_cut_off = true;
	shutdown(handshake->source.fd, SHUT_RDWR);
	if (listener->listener.on_silent)
		listener->listener.on_silent(&listener->listener);
}

static void cut_off_oldest(struct unix_listener *listener)
{
	cut_off(container_of(listener->handshakes.next, struct handshake,
			     link));
}

static int new_rings(struct handshake *handshake,
		     const struct channel_evidence *evidence,
		     struct channel **ret_channel)
{
	struct unix_listener *listener = handshake->listener;
	uint8_t bytes[SHM_SETUP_BYTES];
	struct shm_setup asked;
	struct shm_setup setup;
	int r;

	if (recv(handshake->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT) !=
	    sizeof(bytes))
		return -EPROTO;
	r = shm_setup_decode(bytes, &asked);
	if (!r)
		r = shm_setup_grant(&asked, &listener->most, &setup);
	if (r == -EPROTO && listener->listener.on_broken)
		listener->listener.on_broken(
			&listener->listener,
			"its request for rings is malformed");
	if (r < 0)
		return r;
	return shm_new_server(listener->poller, handshake->source.fd, &setup,
			      evidence, ret_channel);
}

/* The socket leaves the handshake's hands for a channel's. */
static int hand_over(struct handshake *handshake, bool wants_rings)
{
	struct unix_listener *listener = handshake->listener;
	struct channel_evidence evidence;
	struct channel *channel;
	int fd = handshake->source.fd;
	int r;

	poller_remove(listener->poller, &handshake->source);
	r = unix_socket_evidence(fd, listener->name, &evidence);
	if (r < 0)
		return r;
	if (wants_rings)
		r = new_rings(handshake, &evidence, &channel);
	else
		r = stream_new(listener->poller, fd, &evidence, &channel);
	if (r < 0)
		return r;

	handshake->source.fd = -1;
	r = listener->listener.on_channel(&listener->listener, channel);
	if (r < 0)
		channel_free(channel);
	return r;
}

/*
 * Look at what the peer said, and leave it where it is: it may be the
 * beginning of a stream. Returns 0 when a channel has taken over,
 * HANDSHAKE_E_WAIT when it has not said enough, or a negative errno.
 */
static int handshake_step(struct handshake *handshake)
{
	uint8_t bytes[SHM_SETUP_BYTES];
	size_t n_magic = SHM_SETUP_MAGIC_BYTES;
	ssize_t n;

	n = recv(handshake->source.fd, bytes, sizeof(bytes),
		 MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? HANDSHAKE_E_WAIT : -errno;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < n_magic)
		n_magic = (size_t)n;
	if (memcmp(bytes, SHM_SETUP_MAGIC, n_magic) != 0)
		return hand_over(handshake, false);
	if (n < SHM_SETUP_BYTES)
		return HANDSHAKE_E_WAIT;
	return hand_over(handshake, true);
}

static void handshake_ready(struct poll_source *source, uint32_t events)
{
	struct handshake *handshake =
		container_of(source, struct handshake, source);

	if (!handshake->is_cut_off &&
	    handshake_step(handshake) == HANDSHAKE_E_WAIT)
		return;
	handshake_free(handshake);
}

/* The peer gets its turn at once: most have already said what they want. */
static void admit(struct unix_listener *listener, int fd)
{
	struct handshake *handshake;

	handshake = calloc(1, sizeof(*handshake));
	if (!handshake) {
		close(fd);
		return;
	}
	handshake->listener = listener;
	handshake->source.fd = fd;
	handshake->source.ready = handshake_ready;
	handshake->deadline_ns = clock_now_ns() + listener->handshake_ns;
	list_push_back(&listener->handshakes, &handshake->link);
	listener->n_handshakes++;

	if (handshake_step(handshake) != HANDSHAKE_E_WAIT ||
	    poller_add(listener->poller, &handshake->source, EVENTS_HANDSHAKE) <
		    0) {
		handshake_free(handshake);
		return;
	}
	if (listener->n_handshakes > listener->n_handshakes_max)
		cut_off_oldest(listener);
	set_timer(listener);
}

/*
 * A listener that has no descriptor to accept with would be told of the same
 * peer again at once, for ever.
 */
static void rest(struct unix_listener *listener)
{
	if (poller_modify(listener->poller, &listener->accepting, 0) < 0)
		return;
	listener->rest_until_ns = clock_now_ns() + REST_NS;
	set_timer(listener);
}

static void accepting_ready(struct poll_source *source, uint32_t events)
{
	struct unix_listener *listener =
		container_of(source, struct unix_listener, accepting);

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(source->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(listener, fd);
		} else if (errno != ECONNABORTED && errno != EINTR) {
			if (errno != EAGAIN)
				rest(listener);
			return;
		}
	}
}

static void timer_ready(struct poll_source *source, uint32_t events)
{
	struct unix_listener *listener =
		container_of(source, struct unix_listener, timer);
	uint64_t now_ns = clock_now_ns();
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &listener->handshakes) {
		struct handshake *handshake =
			container_of(link, struct handshake, link);

		if (handshake->deadline_ns > now_ns)
			break;
		cut_off(handshake);
	}
	if (listener->rest_until_ns && listener->rest_until_ns <= now_ns &&
	    !poller_modify(listener->poller, &listener->accepting, EPOLLIN))
		listener->rest_until_ns = 0;
	set_timer(listener);
}

static void free_handshakes(struct list *list)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, list)
		handshake_free(container_of(link, struct handshake, link));
}

static void unix_listener_free(struct listener *base)
{
	struct unix_listener *listener = listener_of(base);

	free_handshakes(&listener->handshakes);
	free_handshakes(&listener->cut_off);
	poller_remove(listener->poller, &listener->accepting);
	poller_remove(listener->poller, &listener->timer);
	close_fdp(&listener->timer.fd);
	if (listener->socket.fd >= 0)
		unix_socket_close(&listener->socket, listener->path);
	free(listener->path);
	free(listener);
}

static const struct listener_ops unix_listener_ops = {
	.free = unix_listener_free,
};

static struct unix_listener *unix_listener_new(
	struct poller *poller, const struct transport_options *options)
{
	struct unix_listener *listener;

	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return NULL;
	listener->listener.ops = &unix_listener_ops;
	listener->poller = poller;
	listener->socket.fd = -1;
	listener->accepting.ready = accepting_ready;
	listener->timer =
		(struct poll_source){ .fd = -1, .ready = timer_ready };
	list_init(&listener->handshakes);
	list_init(&listener->cut_off);
	listener->n_handshakes_max =
		options->n_handshakes_max ?: HANDSHAKES_MAX_DEFAULT;
	listener->handshake_ns =
		(options->handshake_ms ?: HANDSHAKE_MS_DEFAULT) * NS_PER_MS;
	strncpy(listener->name, options->name ?: "",
		sizeof(listener->name) - 1);
	return listener;
}

/* An edge of the timer is all that is needed: it is set anew, never read. */
static int start_listening(struct unix_listener *listener, const char *path,
			   const struct transport_options *options)
{
	int r;

	r = shm_setup_of_bytes(options->ring_bytes, &listener->most);
	if (r < 0)
		return r;
	listener->path = strdup(path);
	if (!listener->path)
		return -ENOMEM;
	listener->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (listener->timer.fd < 0)
		return -errno;
	r = poller_add(listener->poller, &listener->timer, EPOLLIN | EPOLLET);
	if (r < 0)
		return r;
	r = unix_socket_listen(path, options, &listener->socket);
	if (r < 0)
		return r;
	listener->accepting.fd = listener->socket.fd;
	return poller_add(listener->poller, &listener->accepting, EPOLLIN);
}

int unix_listen(struct poller *poller, const char *path,
		const struct transport_options *options,
		struct listener **ret_listener)
{
	struct unix_listener *listener;
	int r;

	listener = unix_listener_new(poller, options);
	if (!listener)
		return -ENOMEM;
	r = start_listening(listener, path, options);
	if (r < 0) {
		unix_listener_free(&listener->listener);
		return r;
	}
	*ret_listener = &listener->listener;
	return 0;
}
