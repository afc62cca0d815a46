/* SPDX-License-Identifier: MIT */

#include "transports/tcp/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "transports/channel.h"
#include "transports/tcp/duplex.h"
#include "transports/tcp/pool.h"

enum {
	/* A stranger's message may be this long before ZeroMQ hangs up. */
	MESSAGE_MAX_BYTES = 256 * 1024,
	/* Both sides ask each other for a sign of life this often ... */
	HEARTBEAT_MS = 750,
	/* ... and hang up when none comes for this long: 3 s in all. */
	HEARTBEAT_TIMEOUT_MS = 1800,
	HANDSHAKE_MS = 3000,
	/*
	 * How long closing may wait for a peer to take what was already sent.
	 * One that reads takes microseconds.
	 */
	LINGER_MS = 250,
	/* Smaller messages take as much memory as they need. */
	POOL_WORTH_BYTES = 16 * 1024,
};

int port_errno(void)
{
	int error = zmq_errno();

	return error > 0 && error < ZMQ_HAUSNUMERO ? -error : -EIO;
}

int port_set_bytes(struct port *port, int option, const void *bytes, size_t n)
{
	return zmq_setsockopt(port->socket, option, bytes, n) < 0 ? port_errno()
								  : 0;
}

int port_set(struct port *port, int option, int value)
{
	return port_set_bytes(port, option, &value, sizeof(value));
}

static void set_timer(struct port *port, uint64_t at_ns)
{
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(at_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(at_ns % NS_PER_S),
	};

	(void)timerfd_settime(port->on_timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void port_ring(struct port *port)
{
	if (port->is_rung)
		return;
	port->is_rung = true;
	set_timer(port, 1);
}

void port_set_due(struct port *port, uint64_t due_ns)
{
	if (port->due_ns == due_ns)
		return;
	port->due_ns = due_ns;
	if (!port->is_rung)
		set_timer(port, due_ns);
}

void port_wake(struct port *port, struct duplex *duplex)
{
	if (!list_is_linked(&duplex->ready))
		list_push_back(&port->ready, &duplex->ready);
	if (!port->is_serving)
		port_ring(port);
}

static void call_owners(struct port *port)
{
	struct list ready = LIST_INIT(ready);
	struct list *link;

	/* Only those of this turn: an owner may make itself ready again. */
	list_splice_back(&ready, &port->ready);
	while ((link = list_pop_front(&ready))) {
		struct channel *channel =
			&container_of(link, struct duplex, ready)->channel;

		if (channel->on_ready)
			channel->on_ready(channel);
	}
}

static bool has_input(struct port *port)
{
	int events = 0;
	size_t n = sizeof(events);

	return zmq_getsockopt(port->socket, ZMQ_EVENTS, &events, &n) == 0 &&
	       events & ZMQ_POLLIN;
}

void port_serve(struct port *port)
{
	bool has_more;

	port->is_serving = true;
	has_more = port->ops->serve(port);
	call_owners(port);
	port->is_serving = false;
	if (has_more || !list_is_empty(&port->ready) || has_input(port))
		port_ring(port);
}

static void socket_ready(struct poll_source *source, uint32_t events)
{
	port_serve(container_of(source, struct port, on_socket));
}

static void monitor_ready(struct poll_source *source, uint32_t events)
{
	port_serve(container_of(source, struct port, on_monitor));
}

static void timer_ready(struct poll_source *source, uint32_t events)
{
	struct port *port = container_of(source, struct port, on_timer);
	uint64_t n_times;

	if (read(source->fd, &n_times, sizeof(n_times)) < 0)
		return;
	port->is_rung = false;
	if (port->due_ns)
		set_timer(port, port->due_ns);
	port_serve(port);
}

/* The socket's descriptor is its own and is never closed by us. */
int port_watch(struct port *port, void *socket, struct poll_source *source)
{
	size_t n = sizeof(source->fd);
	int r;

	if (zmq_getsockopt(socket, ZMQ_FD, &source->fd, &n) < 0)
		return port_errno();
	r = poller_add(port->poller, source, EPOLLIN);
	if (r < 0)
		source->fd = -1;
	return r;
}

/* Without a bound on our side: the I/O thread blocks while it is full. */
static int open_monitor(struct port *port, void *context, int events)
{
	int zero = 0;
	char name[64];

	snprintf(name, sizeof(name), "inproc://monitor-%p", port->socket);
	if (zmq_socket_monitor(port->socket, name, events) < 0)
		return port_errno();
	port->monitor = zmq_socket(context, ZMQ_PAIR);
	if (!port->monitor ||
	    zmq_setsockopt(port->monitor, ZMQ_RCVHWM, &zero, sizeof(zero)) <
		    0 ||
	    zmq_setsockopt(port->monitor, ZMQ_LINGER, &zero, sizeof(zero)) <
		    0 ||
	    zmq_connect(port->monitor, name) < 0)
		return port_errno();
	return port_watch(port, port->monitor, &port->on_monitor);
}

static int set_options(struct port *port)
{
	static const struct {
		int option;
		int value;
	} options[] = {
		{ ZMQ_LINGER, LINGER_MS },
		{ ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS },
		{ ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS },
		{ ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS },
		{ ZMQ_HEARTBEAT_TTL, HEARTBEAT_MS + HEARTBEAT_TIMEOUT_MS },
	};
	int64_t max_bytes = MESSAGE_MAX_BYTES;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		int r = port_set(port, options[i].option, options[i].value);

		if (r < 0)
			return r;
	}
	return port_set_bytes(port, ZMQ_MAXMSGSIZE, &max_bytes,
			      sizeof(max_bytes));
}

static int open_timer(struct port *port)
{
	port->on_timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (port->on_timer.fd < 0)
		return -errno;
	return poller_add(port->poller, &port->on_timer, EPOLLIN);
}

void port_init(struct port *port, const struct port_ops *ops)
{
	*port = (struct port){
		.ops = ops,
		.on_socket = { .fd = -1, .ready = socket_ready },
		.on_monitor = { .fd = -1, .ready = monitor_ready },
		.on_timer = { .fd = -1, .ready = timer_ready },
	};
	list_init(&port->ready);
}

int port_open(struct port *port, struct poller *poller, void *context, int type,
	      int events)
{
	int r;

	port->poller = poller;
	port->pool = pool_new();
	if (!port->pool)
		return -ENOMEM;
	port->socket = zmq_socket(context, type);
	if (!port->socket)
		return port_errno();
	r = set_options(port);
	if (!r)
		r = open_monitor(port, context, events);
	if (!r)
		r = open_timer(port);
	if (!r)
		r = port_watch(port, port->socket, &port->on_socket);
	return r;
}

void port_unwatch(struct port *port, struct poll_source *source)
{
	if (source->fd >= 0)
		poller_remove(port->poller, source);
	source->fd = -1;
}

void port_close(struct port *port)
{
	port_unwatch(port, &port->on_socket);
	port_unwatch(port, &port->on_monitor);
	/* A closed descriptor leaves the set on its own. */
	if (port->on_timer.fd >= 0)
		close(port->on_timer.fd);
	if (port->socket)
		(void)zmq_socket_monitor(port->socket, NULL, 0);
	if (port->monitor)
		(void)zmq_close(port->monitor);
	if (port->socket)
		(void)zmq_close(port->socket);
	pool_free(port->pool);
	port_init(port, port->ops);
}

/* Room for `n` bytes: a block of the pool if they nearly fill one. */
static int make_part(struct port *port, size_t n, zmq_msg_t *ret_part)
{
	void *block;

	if (n < POOL_WORTH_BYTES || n > POOL_BLOCK_BYTES)
		return zmq_msg_init_size(ret_part, n) < 0 ? -ENOMEM : 0;
	block = pool_take(port->pool);
	if (!block)
		return -ENOMEM;
	if (zmq_msg_init_data(ret_part, block, n, pool_give, port->pool) == 0)
		return 0;
	pool_give(block, port->pool);
	return -ENOMEM;
}

static int make_message(struct port *port, const struct port_message *message,
			zmq_msg_t *ret_part)
{
	int r = make_part(port, message->n_header + message->n_bytes, ret_part);
	uint8_t *at;

	if (r < 0)
		return r;
	at = zmq_msg_data(ret_part);
	memcpy(at, message->header, message->n_header);
	if (message->n_bytes)
		memcpy(at + message->n_header, message->bytes,
		       message->n_bytes);
	return 0;
}

/* ZeroMQ keeps a part that it did not take. */
static int send_part(struct port *port, zmq_msg_t *part, int flags)
{
	int r = 0;

	if (zmq_msg_send(part, port->socket, flags | ZMQ_DONTWAIT) < 0) {
		r = port_errno();
		(void)zmq_msg_close(part);
	}
	return r == -EHOSTUNREACH ? -EPIPE : r;
}

static int send_to(struct port *port, const struct port_message *message)
{
	zmq_msg_t part;

	if (!message->to)
		return 0;
	if (zmq_msg_init_size(&part, message->n_to) < 0)
		return -ENOMEM;
	memcpy(zmq_msg_data(&part), message->to, message->n_to);
	return send_part(port, &part, ZMQ_SNDMORE);
}

int port_send(struct port *port, const struct port_message *message)
{
	zmq_msg_t part;
	int r;

	r = make_message(port, message, &part);
	if (r < 0)
		return r;
	r = send_to(port, message);
	if (r < 0)
		(void)zmq_msg_close(&part);
	else
		r = send_part(port, &part, 0);
	/* Sending may have swallowed the signal of something received. */
	if (!port->is_serving && !port->is_rung && has_input(port))
		port_ring(port);
	return r;
}

int port_recv(struct port *port, zmq_msg_t *part)
{
	int r;

	do {
		r = zmq_msg_recv(part, port->socket, ZMQ_DONTWAIT);
	} while (r < 0 && zmq_errno() == EINTR);
	return r < 0 ? port_errno() : 0;
}

/* Events come in two parts, of which the second names the endpoint. */
int port_next_event(struct port *port, struct port_event *ret_event)
{
	uint8_t bytes[6];
	char endpoint[8];

	if (zmq_recv(port->monitor, bytes, sizeof(bytes), ZMQ_DONTWAIT) !=
	    (int)sizeof(bytes))
		return -EAGAIN;
	(void)zmq_recv(port->monitor, endpoint, sizeof(endpoint), ZMQ_DONTWAIT);
	memcpy(&ret_event->kind, bytes, sizeof(ret_event->kind));
	memcpy(&ret_event->value, bytes + 2, sizeof(ret_event->value));
	return 0;
}
