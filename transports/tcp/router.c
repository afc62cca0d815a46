/* SPDX-License-Identifier: MIT */

#include "transports/tcp/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/map.h"
#include "transports/tcp/address.h"
#include "transports/tcp/duplex.h"
#include "transports/tcp/port.h"
#include "transports/tcp/zap.h"
#include "transports/transport.h"

enum {
	ID_MAX_BYTES = 255,
	TURN_MESSAGES = 256,
	/*
	 * What ZeroMQ holds of one peer before it stops reading from it. We
	 * take everything at once, so this is not reached but by a flood.
	 */
	RECEIVED_MESSAGES = 64,
};

static const uint64_t probe_each_ns = NS_PER_S;
/* After a connection was lost: some peer has gone, and ZeroMQ knows soon. */
static const uint64_t probe_soon_ns = 5 * NS_PER_MS;
static const uint64_t probe_pause_ns = 50 * NS_PER_MS;

struct router {
	struct listener listener;
	struct port port;
	struct zap zap;
	struct poll_source on_zap;
	void *context;
	char address[280];
	bool is_plain;
	bool is_listening;

	struct map peers; /* by routing id */
	struct hash_key hash_key;
	size_t n_channels; /* that their owners have not freed */
	struct list fresh;
	struct list blocked;
	uint64_t now_ns; /* of this turn */
	uint64_t probed_ns;
};

struct peer {
	struct duplex duplex;
	struct router *router;
	struct map_node node;
	struct list fresh;   /* not shown to the listener's owner yet */
	struct list blocked; /* wants to send more than ZeroMQ takes now */
	bool is_ghost;       /* its owner has freed the channel */
	bool is_displaced;   /* its routing id is another peer's by now */
	size_t n_late_bytes; /* a ghost's, since it was told the end */
	size_t n_id;
	uint8_t id[ID_MAX_BYTES];
};

/* The parts of what a ROUTER receives. */
struct letter {
	zmq_msg_t from;
	zmq_msg_t message;
	bool has_excess;
};

static struct peer *peer_of(struct duplex *duplex)
{
	return container_of(duplex, struct peer, duplex);
}

static int send_to(struct router *router, const uint8_t *id, size_t n_id,
		   struct port_message message)
{
	message.to = id;
	message.n_to = n_id;
	message.n_header = DUPLEX_HEADER_BYTES;
	return port_send(&router->port, &message);
}

static int send_end(struct router *router, const uint8_t *id, size_t n_id)
{
	uint8_t header[DUPLEX_HEADER_BYTES];

	duplex_encode(DUPLEX_END, 0, header);
	return send_to(router, id, n_id,
		       (struct port_message){ .header = header });
}

static int peer_send(struct duplex *duplex,
		     const uint8_t header[DUPLEX_HEADER_BYTES],
		     const uint8_t *bytes, size_t n)
{
	struct peer *peer = peer_of(duplex);
	int r;

	if (peer->is_displaced)
		return -EPIPE;
	r = send_to(peer->router, peer->id, peer->n_id,
		    (struct port_message){
			    .header = header, .bytes = bytes, .n_bytes = n });
	if (r == -EAGAIN && !list_is_linked(&peer->blocked))
		list_push_back(&peer->router->blocked, &peer->blocked);
	return r;
}

static void peer_wake(struct duplex *duplex)
{
	port_wake(&peer_of(duplex)->router->port, duplex);
}

static void peer_forget(struct peer *peer)
{
	if (!peer->is_displaced)
		map_remove(&peer->router->peers, &peer->node);
	list_unlink(&peer->fresh);
	list_unlink(&peer->blocked);
	duplex_deinit(&peer->duplex);
	free(peer);
}

static void router_close(struct router *router)
{
	struct map_node *node;

	while ((node = map_walk(&router->peers, NULL)))
		peer_forget(container_of(node, struct peer, node));
	map_deinit(&router->peers);
	port_unwatch(&router->port, &router->on_zap);
	port_close(&router->port);
	zap_close(&router->zap);
	while (router->context && zmq_ctx_term(router->context) < 0 &&
	       zmq_errno() == EINTR)
		;
	free(router);
}

/* The connection outlives the channel unless the peer has left. */
static void peer_free(struct duplex *duplex)
{
	struct peer *peer = peer_of(duplex);
	struct router *router = peer->router;

	duplex_say_end(duplex);
	router->n_channels--;
	if (duplex->error == -EPIPE) {
		peer_forget(peer);
	} else {
		peer->is_ghost = true;
		list_unlink(&peer->blocked);
		duplex_deinit(duplex);
	}
	if (!router->is_listening && !router->n_channels)
		router_close(router);
}

static const struct duplex_ops peer_ops = {
	.name = "tcp",
	.send = peer_send,
	.wake = peer_wake,
	.free = peer_free,
};

/* Who sent it, as ZAP has seen it; whatever a peer claims on plain. */
static const char *letter_user(const struct router *router,
			       const struct letter *letter)
{
	const char *user;

	if (router->is_plain)
		return "";
	user = zmq_msg_gets(&letter->message, "User-Id");
	return user ? user : "";
}

static uint64_t hash_id(const struct router *router, const void *id, size_t n)
{
	return hash_bytes(&router->hash_key, id, n);
}

static struct peer *lookup_peer(const struct router *router, const void *id,
				size_t n)
{
	struct map_node *node =
		map_lookup(&router->peers, hash_id(router, id, n));

	for (; node; node = map_next(node)) {
		struct peer *peer = container_of(node, struct peer, node);

		if (peer->n_id == n && !memcmp(peer->id, id, n))
			return peer;
	}
	return NULL;
}

static int add_peer(struct router *router, const void *id, size_t n_id,
		    const char *user)
{
	size_t n_user = strlen(user);
	struct peer *peer;

	if (n_id > ID_MAX_BYTES || n_user >= ZAP_NAME_BYTES)
		return -EINVAL;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	duplex_init(&peer->duplex, &peer_ops);
	duplex_connect(&peer->duplex);
	peer->duplex.channel.evidence.kind = EVIDENCE_KEY;
	memcpy(peer->duplex.channel.evidence.name, user, n_user);
	peer->router = router;
	peer->n_id = n_id;
	memcpy(peer->id, id, n_id);
	map_add(&router->peers, &peer->node, hash_id(router, id, n_id));
	list_init(&peer->blocked);
	list_init(&peer->fresh);
	list_push_back(&router->fresh, &peer->fresh);
	return 0;
}

/* A new life by an old routing id: the old one is over, and cannot be told. */
static void displace(struct peer *peer)
{
	if (peer->is_ghost || list_is_linked(&peer->fresh)) {
		peer_forget(peer);
		return;
	}
	map_remove(&peer->router->peers, &peer->node);
	peer->is_displaced = true;
	duplex_fail(&peer->duplex, -EPIPE, NULL);
}

static void take_open(struct router *router, struct letter *letter,
		      struct peer *peer)
{
	const void *id = zmq_msg_data(&letter->from);
	size_t n_id = zmq_msg_size(&letter->from);
	const char *user = letter_user(router, letter);

	if (peer)
		displace(peer);
	if (!router->is_listening || letter->has_excess ||
	    zmq_msg_size(&letter->message) != DUPLEX_HEADER_BYTES ||
	    zap_is_banned(&router->zap, user, router->now_ns) ||
	    add_peer(router, id, n_id, user) < 0)
		(void)send_end(router, id, n_id);
}

/* What was on the way when it was told the end is a window's worth at most. */
static void take_late(struct peer *peer, const struct letter *letter,
		      uint8_t kind)
{
	struct router *router = peer->router;

	if (kind == DUPLEX_END) {
		peer_forget(peer);
		return;
	}
	if (peer->n_late_bytes > DUPLEX_WINDOW_BYTES)
		return;
	peer->n_late_bytes += zmq_msg_size(&letter->message);
	if (peer->n_late_bytes > DUPLEX_WINDOW_BYTES)
		zap_ban(&router->zap, peer->duplex.channel.evidence.name,
			router->now_ns);
}

static void take_known(struct peer *peer, struct letter *letter, uint8_t kind)
{
	struct duplex *duplex = &peer->duplex;
	struct router *router = peer->router;

	if (peer->is_ghost) {
		take_late(peer, letter, kind);
		return;
	}
	if (duplex->error)
		return;
	if (letter->has_excess)
		duplex_fail(duplex, -EPROTO, "a message of several parts");
	else
		duplex_take(duplex, zmq_msg_data(&letter->message),
			    zmq_msg_size(&letter->message));
	if (duplex->error == -EPROTO)
		zap_ban(&router->zap, duplex->channel.evidence.name,
			router->now_ns);
}

static void take_letter(struct router *router, struct letter *letter)
{
	const void *id = zmq_msg_data(&letter->from);
	size_t n_id = zmq_msg_size(&letter->from);
	uint8_t kind = duplex_kind(zmq_msg_data(&letter->message),
				   zmq_msg_size(&letter->message));
	struct peer *peer = lookup_peer(router, id, n_id);

	if (kind == DUPLEX_OPEN)
		take_open(router, letter, peer);
	else if (!peer && kind != DUPLEX_END)
		(void)send_end(router, id, n_id);
	else if (peer && !strcmp(letter_user(router, letter),
				 peer->duplex.channel.evidence.name))
		take_known(peer, letter, kind);
}

/* Returns whether there was one. */
static bool recv_letter(struct router *router, struct letter *letter)
{
	zmq_msg_t excess;

	letter->has_excess = false;
	if (port_recv(&router->port, &letter->from) < 0 ||
	    port_recv(&router->port, &letter->message) < 0)
		return false;
	if (!zmq_msg_more(&letter->message))
		return true;

	letter->has_excess = true;
	zmq_msg_init(&excess);
	while (port_recv(&router->port, &excess) == 0 && zmq_msg_more(&excess))
		;
	zmq_msg_close(&excess);
	return true;
}

/* Returns whether there may be more. */
static bool take_letters(struct router *router)
{
	struct letter letter;
	bool has_letter = true;

	zmq_msg_init(&letter.from);
	zmq_msg_init(&letter.message);
	for (int i = 0; has_letter && i < TURN_MESSAGES; i++) {
		has_letter = recv_letter(router, &letter);
		if (has_letter)
			take_letter(router, &letter);
	}
	zmq_msg_close(&letter.from);
	zmq_msg_close(&letter.message);
	return has_letter;
}

static void send_blocked(struct router *router)
{
	struct list blocked = LIST_INIT(blocked);
	struct list *link;

	list_splice_back(&blocked, &router->blocked);
	while ((link = list_pop_front(&blocked)))
		duplex_send(&container_of(link, struct peer, blocked)->duplex);
}

static void probe(struct router *router)
{
	struct list lost = LIST_INIT(lost);
	struct map_node *node = NULL;
	struct list *link;

	while ((node = map_walk(&router->peers, node))) {
		struct peer *peer = container_of(node, struct peer, node);

		if (!peer->is_ghost)
			duplex_probe(&peer->duplex);
		else if (send_end(router, peer->id, peer->n_id) == -EPIPE)
			list_push_back(&lost, &peer->fresh);
	}
	while ((link = list_pop_front(&lost)))
		peer_forget(container_of(link, struct peer, fresh));
	router->probed_ns = router->now_ns;
	port_set_due(&router->port, router->now_ns + probe_each_ns);
}

static void take_events(struct router *router)
{
	struct port_event event;
	uint64_t due_ns = router->now_ns + probe_soon_ns;

	if (port_next_event(&router->port, &event) < 0)
		return;
	while (port_next_event(&router->port, &event) == 0)
		;
	if (due_ns < router->probed_ns + probe_pause_ns)
		due_ns = router->probed_ns + probe_pause_ns;
	if (due_ns < router->port.due_ns)
		port_set_due(&router->port, due_ns);
}

static void announce(struct router *router)
{
	struct listener *listener = &router->listener;
	struct list *link;

	if (!listener->on_channel)
		return;
	while ((link = list_pop_front(&router->fresh))) {
		struct peer *peer = container_of(link, struct peer, fresh);

		router->n_channels++;
		if (listener->on_channel(listener, &peer->duplex.channel) < 0)
			peer_free(&peer->duplex);
	}
}

static bool router_serve(struct port *port)
{
	struct router *router = container_of(port, struct router, port);
	bool has_requests, has_letters;

	router->now_ns = clock_now_ns();
	take_events(router);
	has_requests = zap_serve(&router->zap, router->now_ns);
	has_letters = take_letters(router);
	send_blocked(router);
	if (router->now_ns >= port->due_ns)
		probe(router);
	announce(router);
	return has_requests || has_letters;
}

static const struct port_ops router_port_ops = { .serve = router_serve };

static void zap_ready(struct poll_source *source, uint32_t events)
{
	port_serve(&container_of(source, struct router, on_zap)->port);
}

static void router_free(struct listener *listener)
{
	struct router *router = container_of(listener, struct router, listener);
	struct list *link;

	router->is_listening = false;
	while ((link = list_pop_front(&router->fresh)))
		peer_forget(container_of(link, struct peer, fresh));
	/* To unbind now would hang up on those whose channels live on. */
	if (!router->n_channels)
		router_close(router);
}

static const struct listener_ops router_ops = { .free = router_free };

static int open_door(struct router *router,
		     const struct transport_options *options)
{
	int r = zap_open(&router->zap, router->context, options);

	if (!r)
		r = port_watch(&router->port, router->zap.socket,
			       &router->on_zap);
	if (!r)
		r = port_set(&router->port, ZMQ_CURVE_SERVER, 1);
	if (!r)
		r = port_set_bytes(&router->port, ZMQ_CURVE_SECRETKEY,
				   options->secret_key, TRANSPORT_KEY_BYTES);
	if (!r)
		r = port_set_bytes(&router->port, ZMQ_ZAP_DOMAIN, "heliograph",
				   strlen("heliograph"));
	return r;
}

static int open_socket(struct router *router, struct poller *poller,
		       const struct address *address)
{
	struct port *port = &router->port;
	int r;

	router->context = zmq_ctx_new();
	if (!router->context)
		return -ENOMEM;
	r = port_open(port, poller, router->context, ZMQ_ROUTER,
		      ZMQ_EVENT_DISCONNECTED);
	if (!r)
		r = port_set(port, ZMQ_IPV6, address->is_ipv6);
	if (!r)
		r = port_set(port, ZMQ_RCVHWM, RECEIVED_MESSAGES);
	if (!r)
		r = port_set(port, ZMQ_ROUTER_MANDATORY, 1);
	if (!r)
		r = port_set(port, ZMQ_ROUTER_HANDOVER, 0);
	return r;
}

static int start(struct router *router, const struct address *address)
{
	size_t n = sizeof(router->address);

	if (zmq_bind(router->port.socket, address->endpoint) < 0)
		return port_errno();
	if (zmq_getsockopt(router->port.socket, ZMQ_LAST_ENDPOINT,
			   router->address, &n) < 0)
		return port_errno();
	router->listener.address = router->address;
	port_set_due(&router->port, clock_now_ns() + probe_each_ns);
	return 0;
}

DEFINE_CLEANUP(struct router *, router_close);

int router_new(struct poller *poller, const struct address *address,
	       const struct transport_options *options,
	       struct listener **ret_listener)
{
	_cleanup_(router_closep) struct router *router = NULL;
	int r;

	router = calloc(1, sizeof(*router));
	if (!router)
		return -ENOMEM;
	router->listener.ops = &router_ops;
	router->is_plain = options->is_plain;
	router->is_listening = true;
	router->on_zap = (struct poll_source){ .fd = -1, .ready = zap_ready };
	list_init(&router->fresh);
	list_init(&router->blocked);
	port_init(&router->port, &router_port_ops);

	r = map_init(&router->peers);
	if (!r)
		r = hash_key_draw(&router->hash_key);
	if (!r)
		r = open_socket(router, poller, address);
	if (!r && !options->is_plain)
		r = open_door(router, options);
	if (!r)
		r = start(router, address);
	if (r < 0)
		return r;
	*ret_listener = &take_ptr(router)->listener;
	return 0;
}
