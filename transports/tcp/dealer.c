/* SPDX-License-Identifier: MIT */

#include "transports/tcp/dealer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "transports/tcp/address.h"
#include "transports/tcp/duplex.h"
#include "transports/tcp/port.h"
#include "transports/transport.h"

enum {
	CONNECT_MS = 3000,
	TURN_MESSAGES = 64,
	/*
	 * ZeroMQ must not connect anew on its own, for a stream has one life.
	 * Its own "never" (-1) would throw away what has come and was not
	 * read yet; a day is longer than a channel is kept after its end.
	 */
	RECONNECT_MS = 24 * 60 * 60 * 1000,

	EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
		 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
		 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
		 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED |
		 ZMQ_EVENT_CLOSED,
};

struct dealer {
	struct duplex duplex;
	struct port port;
	bool has_context;
};

/*
 * One context for all channels of the process: each has two threads. The last
 * channel to go ends it, and then waits for what was sent to be on its way.
 */
static pthread_mutex_t context_lock = PTHREAD_MUTEX_INITIALIZER;
static void *context;
static unsigned n_context_users;

static void *context_ref(void)
{
	void *found;

	pthread_mutex_lock(&context_lock);
	if (!context)
		context = zmq_ctx_new();
	found = context;
	if (found)
		n_context_users++;
	pthread_mutex_unlock(&context_lock);
	return found;
}

static void context_unref(void)
{
	void *unused = NULL;

	pthread_mutex_lock(&context_lock);
	if (!--n_context_users)
		unused = take_ptr(context);
	pthread_mutex_unlock(&context_lock);
	while (unused && zmq_ctx_term(unused) < 0 && zmq_errno() == EINTR)
		;
}

static struct dealer *dealer_of(struct duplex *duplex)
{
	return container_of(duplex, struct dealer, duplex);
}

static int dealer_send(struct duplex *duplex,
		       const uint8_t header[DUPLEX_HEADER_BYTES],
		       const uint8_t *bytes, size_t n)
{
	return port_send(&dealer_of(duplex)->port,
			 &(struct port_message){
				 .header = header,
				 .n_header = DUPLEX_HEADER_BYTES,
				 .bytes = bytes,
				 .n_bytes = n,
			 });
}

static void dealer_wake(struct duplex *duplex)
{
	port_wake(&dealer_of(duplex)->port, duplex);
}

static void dealer_free(struct duplex *duplex)
{
	struct dealer *dealer = dealer_of(duplex);

	duplex_say_end(duplex);
	/* Who is gone is not waited for. */
	if (duplex->error)
		(void)port_set(&dealer->port, ZMQ_LINGER, 0);
	duplex_deinit(duplex);
	port_close(&dealer->port);
	if (dealer->has_context)
		context_unref();
	free(dealer);
}

static const struct duplex_ops dealer_ops = {
	.name = "tcp",
	.send = dealer_send,
	.wake = dealer_wake,
	.free = dealer_free,
};

static void open_stream(struct dealer *dealer)
{
	uint8_t header[DUPLEX_HEADER_BYTES];
	int r;

	duplex_encode(DUPLEX_OPEN, 0, header);
	r = dealer_send(&dealer->duplex, header, NULL, 0);
	if (r < 0)
		duplex_fail(&dealer->duplex, r, NULL);
	else
		duplex_connect(&dealer->duplex);
}

/* Returns whether the connection is lost, or never came about. */
static bool take_events(struct dealer *dealer, int *ret_error,
			const char **ret_reason)
{
	struct port_event event;

	while (port_next_event(&dealer->port, &event) == 0) {
		switch (event.kind) {
		case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
			open_stream(dealer);
			break;
		case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
			*ret_error = -EACCES;
			*ret_reason = "the switch does not know this key";
			return true;
		case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
			*ret_error = -EPROTO;
			*ret_reason = "no switch, or not the one of this key";
			return true;
		case ZMQ_EVENT_DISCONNECTED:
		case ZMQ_EVENT_CLOSED:
			*ret_error = dealer->duplex.is_connected
					     ? -EPIPE
					     : -ECONNREFUSED;
			*ret_reason = NULL;
			return true;
		default:
			break;
		}
	}
	return false;
}

/* Returns whether there was a message. */
static bool take_message(struct dealer *dealer)
{
	struct duplex *duplex = &dealer->duplex;
	zmq_msg_t message;
	bool has_message;

	zmq_msg_init(&message);
	has_message = port_recv(&dealer->port, &message) == 0;
	if (has_message)
		duplex_take(duplex, zmq_msg_data(&message),
			    zmq_msg_size(&message));
	zmq_msg_close(&message);
	return has_message;
}

static bool dealer_serve(struct port *port)
{
	struct dealer *dealer = container_of(port, struct dealer, port);
	const char *reason = NULL;
	int error = 0;
	bool is_lost = take_events(dealer, &error, &reason);
	bool has_more = true;

	/* What came before the end is in the socket when the end is known. */
	for (int i = 0; has_more && (is_lost || i < TURN_MESSAGES); i++)
		has_more = take_message(dealer);
	if (is_lost)
		duplex_fail(&dealer->duplex, error, reason);
	if (dealer->duplex.is_blocked)
		duplex_send(&dealer->duplex);
	return has_more;
}

static const struct port_ops dealer_port_ops = { .serve = dealer_serve };

static int set_options(struct port *port, const struct address *address,
		       const struct transport_options *options)
{
	static const struct {
		int option;
		int value;
	} fixed[] = {
		{ ZMQ_CONNECT_TIMEOUT, CONNECT_MS },
		{ ZMQ_RECONNECT_IVL, RECONNECT_MS },
		/* The window bounds it; full, it would miss heartbeats. */
		{ ZMQ_RCVHWM, 0 },
	};
	int r = port_set(port, ZMQ_IPV6, address->is_ipv6);

	for (size_t i = 0; !r && i < sizeof(fixed) / sizeof(*fixed); i++)
		r = port_set(port, fixed[i].option, fixed[i].value);
	if (r < 0 || options->is_plain)
		return r;

	r = port_set_bytes(port, ZMQ_CURVE_SERVERKEY, options->server_key,
			   TRANSPORT_KEY_BYTES);
	if (!r)
		r = port_set_bytes(port, ZMQ_CURVE_PUBLICKEY,
				   options->public_key, TRANSPORT_KEY_BYTES);
	if (!r)
		r = port_set_bytes(port, ZMQ_CURVE_SECRETKEY,
				   options->secret_key, TRANSPORT_KEY_BYTES);
	return r;
}

static struct dealer *dealer_cancel(struct dealer *dealer)
{
	if (dealer)
		dealer_free(&dealer->duplex);
	return NULL;
}
DEFINE_CLEANUP(struct dealer *, dealer_cancel);

int dealer_new(struct poller *poller, const struct address *address,
	       const struct transport_options *options,
	       struct channel **ret_channel)
{
	_cleanup_(dealer_cancelp) struct dealer *dealer = NULL;
	void *shared;
	int r;

	dealer = calloc(1, sizeof(*dealer));
	if (!dealer)
		return -ENOMEM;
	duplex_init(&dealer->duplex, &dealer_ops);
	port_init(&dealer->port, &dealer_port_ops);
	shared = context_ref();
	if (!shared)
		return -ENOMEM;
	dealer->has_context = true;

	r = port_open(&dealer->port, poller, shared, ZMQ_DEALER, EVENTS);
	if (!r)
		r = set_options(&dealer->port, address, options);
	if (r < 0)
		return r;
	if (zmq_connect(dealer->port.socket, address->endpoint) < 0)
		return port_errno();
	*ret_channel = &take_ptr(dealer)->duplex.channel;
	return 0;
}
