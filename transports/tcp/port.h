/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_PORT_H
#define TRANSPORTS_TCP_PORT_H

/**
 * A ZeroMQ socket on a poller: what a listener and a client have in common.
 *
 * ZeroMQ signals a socket by a descriptor that tells of changes only once, and
 * every send and receive may swallow such a signal. So nothing sleeps before
 * it has asked the socket itself; and when there is something to do that no
 * descriptor will tell of, the port's own timer wakes it. A monitor tells of
 * connections made and lost. All descriptors lead to one function, serve().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "base/list.h"
#include "transports/poller.h"

struct duplex;
struct pool;
struct port;

struct port_ops {
	/**
	 * Something may have happened. Returns whether there is more to do
	 * than fits one turn.
	 */
	bool (*serve)(struct port *port);
};

struct port {
	const struct port_ops *ops;
	struct poller *poller;
	void *socket;
	void *monitor;
	struct poll_source on_socket;
	struct poll_source on_monitor;
	struct poll_source on_timer;
	struct pool *pool;
	struct list ready; /* duplexes whose owners are to be called */
	uint64_t due_ns;   /* serve() then, at the latest; 0: never */
	bool is_serving;
	bool is_rung;
};

/** What happened to a connection: ZMQ_EVENT_* and its value. */
struct port_event {
	uint16_t kind;
	uint32_t value;
};

/** A port that was never opened can be closed. */
void port_init(struct port *port, const struct port_ops *ops);

/**
 * Make a socket of a type, set what all of ours need, watch it and what
 * happens to its connections (`events` are ZMQ_EVENT_*). Binding or connecting
 * it is left to the caller. Returns 0 or a negative errno, and then
 * port_close() frees what there is.
 */
int port_open(struct port *port, struct poller *poller, void *context, int type,
	      int events);
void port_close(struct port *port);

/** Watch another ZeroMQ socket; `source` calls port_serve(). 0 or -errno. */
int port_watch(struct port *port, void *socket, struct poll_source *source);
void port_unwatch(struct port *port, struct poll_source *source);

/** One turn: call serve() and then the owners of what has become ready. */
void port_serve(struct port *port);

/** Set an option of the socket. Returns 0 or a negative errno. */
int port_set(struct port *port, int option, int value);
int port_set_bytes(struct port *port, int option, const void *bytes, size_t n);

/** Have serve() called at once, or at a time (0: never). */
void port_ring(struct port *port);
void port_set_due(struct port *port, uint64_t due_ns);

/** Have the owner of a duplex called at the end of this turn. */
void port_wake(struct port *port, struct duplex *duplex);

/** Bytes of a message, in two pieces, and to whom (a ROUTER's) it goes. */
struct port_message {
	const uint8_t *to; /* NULL for a DEALER */
	size_t n_to;
	const uint8_t *header;
	size_t n_header;
	const uint8_t *bytes;
	size_t n_bytes;
};

/** Returns 0, -EAGAIN, -EPIPE when nobody is there, or -ENOMEM. */
int port_send(struct port *port, const struct port_message *message);

/** The next part of a message, or -EAGAIN. */
int port_recv(struct port *port, zmq_msg_t *part);

/** The next thing that happened to a connection, or -EAGAIN. */
int port_next_event(struct port *port, struct port_event *ret_event);

/** -errno of the last call to ZeroMQ, whose own numbers become -EIO. */
int port_errno(void);

#endif
