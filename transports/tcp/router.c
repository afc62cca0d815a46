/* SPDX-License-Identifier: MIT */

#include "transports/tcp/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "transports/tcp/address.h"
#include "transports/tcp/peer.h"

enum {
	TURN_MESSAGES = 256,
	/*
	 * What ZeroMQ holds of one peer before it stops reading from it. We
	 * take everything at once, so only a flood gets there.
	 */
	RECEIVED_MESSAGES = 64,
	/* After a restart all clients come at once. */
	BACKLOG = 1024,
};

static const uint64_t probe_each_ns = NS_PER_S;
/* After a connection was lost: some peer has gone, and ZeroMQ knows soon. */
static const uint64_t probe_soon_ns = 5 * NS_PER_MS;
static const uint64_t probe_pause_ns = 50 * NS_PER_MS;

/* All that are bound. */
static struct list routers = LIST_INIT(routers);

/* The parts of what a ROUTER receives. */
struct letter {
	zmq_msg_t from;
	zmq_msg_t message;
	bool has_excess;
};

/* Who sent it, as ZAP has seen it; on plain a peer could claim anything. */
static const char *letter_user(const struct router *router,
			       const struct letter *letter)
{
	const char *user;

	if (router->is_plain)
		return "";
	user = zmq_msg_gets(&letter->message, "User-Id");
	return user ? user : "";
}

static bool is_opening(const struct router *router, struct letter *letter,
		       const char *user)
{
	const uint8_t *message = zmq_msg_data(&letter->message);
	size_t n = zmq_msg_size(&letter->message);

	return router->is_listening && !letter->has_excess &&
	       n == DUPLEX_HEADER_BYTES &&
	       duplex_kind(message, n) == DUPLEX_OPEN &&
	       !zap_is_banned(&router->zap, user, router->now_ns);
}

/* The first message of a connection, or of its next life. */
static void take_first(struct router *router, struct letter *letter)
{
	const char *user = letter_user(router, letter);
	struct peer *peer;
	int r;

	r = peer_new(router, zmq_msg_data(&letter->from),
		     zmq_msg_size(&letter->from), user,
		     zmq_msg_get(&letter->message, ZMQ_SRCFD), &peer);
	if (!r && !is_opening(router, letter, user))
		peer_refuse(peer);
}

static void take_next(struct router *router, struct letter *letter,
		      struct peer *peer)
{
	struct duplex *duplex = &peer->duplex;
	const char *name = duplex->channel.evidence.name;

	if (peer->state == PEER_GHOST || duplex->error ||
	    strcmp(letter_user(router, letter), name) != 0)
		return;
	if (letter->has_excess)
		duplex_fail(duplex, -EPROTO, "a message of several parts");
	else
		duplex_take(duplex, zmq_msg_data(&letter->message),
			    zmq_msg_size(&letter->message));
	if (duplex->error == -EPROTO)
		zap_ban(&router->zap, name, router->now_ns);
}

static void take_letter(struct router *router, struct letter *letter)
{
	struct peer *peer = peer_lookup(router, zmq_msg_data(&letter->from),
					zmq_msg_size(&letter->from));
	uint8_t kind = duplex_kind(zmq_msg_data(&letter->message),
				   zmq_msg_size(&letter->message));

	if (peer && kind != DUPLEX_OPEN) {
		take_next(router, letter, peer);
		return;
	}
	if (peer)
		peer_displace(peer);
	take_first(router, letter);
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

static void end_gone(struct router *router)
{
	struct list *link;

	while ((link = list_pop_front(&router->gone)))
		peer_end(container_of(link, struct peer, place));
}

static void probe(struct router *router)
{
	struct map_node *node = NULL;
	struct list *link, *after;

	while ((node = map_walk(&router->peers, node)))
		peer_probe(container_of(node, struct peer, node));
	list_for_each_safe (link, after, &router->ghosts)
		peer_haunt(container_of(link, struct peer, place),
			   router->now_ns);
	router->probed_ns = router->now_ns;
	port_set_due(&router->port, router->now_ns + probe_each_ns);
}

static void probe_soon(struct router *router)
{
	uint64_t due_ns = router->now_ns + probe_soon_ns;

	if (due_ns < router->probed_ns + probe_pause_ns)
		due_ns = router->probed_ns + probe_pause_ns;
	if (due_ns < router->port.due_ns)
		port_set_due(&router->port, due_ns);
}

/*
 * Every connection costs the process a descriptor, whoever it is from. One too
 * many is hung up on at once; if its descriptor is another's by now, that is
 * one who came even later.
 */
static void take_accepted(struct router *router, int fd)
{
	int protocol = 0;
	socklen_t n = sizeof(protocol);

	if (++router->n_connections <= router->n_connections_max)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) == 0 &&
	    protocol == IPPROTO_TCP)
		(void)shutdown(fd, SHUT_RDWR);
}

static void take_events(struct router *router)
{
	struct port_event event;

	while (port_next_event(&router->port, &event) == 0) {
		if (event.kind == ZMQ_EVENT_ACCEPTED) {
			take_accepted(router, (int)event.value);
		} else {
			router->n_connections--;
			probe_soon(router);
		}
	}
}

static void announce(struct router *router)
{
	struct listener *listener = &router->listener;
	struct list *link;

	if (!listener->on_channel)
		return;
	while ((link = list_pop_front(&router->fresh))) {
		struct peer *peer = container_of(link, struct peer, place);

		peer->state = PEER_SHOWN;
		router->n_users++;
		if (listener->on_channel(listener, &peer->duplex.channel) < 0)
			channel_free(&peer->duplex.channel);
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
	/* Of those that were lost in an earlier turn, all is taken now. */
	if (!has_letters)
		end_gone(router);
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

static void router_close(struct router *router)
{
	struct map_node *node;

	list_unlink(&router->link);
	while ((node = map_walk(&router->peers, NULL)))
		peer_forget(container_of(node, struct peer, node));
	map_deinit(&router->peers);
	port_unwatch(&router->port, &router->on_zap);
	port_close(&router->port);
	zap_close(&router->zap);
	while (router->context && zmq_ctx_term(router->context) < 0 &&
	       zmq_errno() == EINTR)
		;
	explicit_bzero(router->secret_key, sizeof(router->secret_key));
	free(router);
}

void router_unref(struct router *router)
{
	if (!--router->n_users)
		router_close(router);
}

/* To unbind now would hang up on those whose channels live on. */
static void router_free(struct listener *listener)
{
	struct router *router = container_of(listener, struct router, listener);
	struct list *link;

	router->is_listening = false;
	while ((link = list_pop_front(&router->fresh)))
		peer_refuse(container_of(link, struct peer, place));
	router_unref(router);
}

static const struct listener_ops router_ops = { .free = router_free };

static int open_door(struct router *router,
		     const struct transport_options *options)
{
	static const char domain[] = "heliograph";
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
		r = port_set_bytes(&router->port, ZMQ_ZAP_DOMAIN, domain,
				   strlen(domain));
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
		      ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED);
	if (!r)
		r = port_set(port, ZMQ_IPV6, address->is_ipv6);
	if (!r)
		r = port_set(port, ZMQ_BACKLOG, BACKLOG);
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

/* Half of the descriptors are left for everything else. */
static unsigned count_connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur > 2 * (rlim_t)INT16_MAX)
		return INT16_MAX;
	return (unsigned)limit.rlim_cur / 2;
}

/* It is bound already: whom it lets in is asked of the new listener. */
static void resume(struct router *router,
		   const struct transport_options *options)
{
	router->listener = (struct listener){ .ops = &router_ops,
					      .address = router->address };
	router->is_listening = true;
	router->n_users++;
	router->zap.lookup_key = options->lookup_key;
	router->zap.userdata = options->userdata;
}

/* One whose listener was freed, but not the port, for its channels live on. */
static struct router *lookup_resting(const struct poller *poller,
				     const struct address *address,
				     const struct transport_options *options)
{
	struct list *link;

	list_for_each (link, &routers) {
		struct router *router = container_of(link, struct router, link);

		if (!router->is_listening && router->port.poller == poller &&
		    router->is_plain == options->is_plain &&
		    !strcmp(router->address, address->endpoint) &&
		    !memcmp(router->secret_key, options->secret_key,
			    TRANSPORT_KEY_BYTES))
			return router;
	}
	return NULL;
}

static void router_init(struct router *router,
			const struct transport_options *options)
{
	router->listener.ops = &router_ops;
	list_init(&router->link);
	memcpy(router->secret_key, options->secret_key, TRANSPORT_KEY_BYTES);
	router->is_plain = options->is_plain;
	router->is_listening = true;
	router->n_users = 1;
	router->n_connections_max = count_connections_max();
	router->on_zap = (struct poll_source){ .fd = -1, .ready = zap_ready };
	list_init(&router->fresh);
	list_init(&router->gone);
	list_init(&router->ghosts);
	list_init(&router->blocked);
	port_init(&router->port, &router_port_ops);
}

DEFINE_CLEANUP(struct router *, router_close);

int router_new(struct poller *poller, const struct address *address,
	       const struct transport_options *options,
	       struct listener **ret_listener)
{
	_cleanup_(router_closep) struct router *router = NULL;
	struct router *resting = lookup_resting(poller, address, options);
	int r;

	if (resting) {
		resume(resting, options);
		*ret_listener = &resting->listener;
		return 0;
	}
	router = calloc(1, sizeof(*router));
	if (!router)
		return -ENOMEM;
	router_init(router, options);
	r = map_init(&router->peers);
	if (!r)
		r = hash_key_draw(&router->hash_key);
	if (!r)
		r = open_socket(router, poller, address);
	if (!r && options->handshake_ms)
		r = port_set(&router->port, ZMQ_HANDSHAKE_IVL,
			     (int)options->handshake_ms);
	if (!r && !options->is_plain)
		r = open_door(router, options);
	if (!r)
		r = start(router, address);
	if (r < 0)
		return r;
	list_push_back(&routers, &router->link);
	*ret_listener = &take_ptr(router)->listener;
	return 0;
}
