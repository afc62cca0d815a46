/* SPDX-License-Identifier: MIT */

#include "transports/tcp/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "transports/tcp/router.h"

static struct peer *peer_of(struct duplex *duplex)
{
	return container_of(duplex, struct peer, duplex);
}

static void move_to(struct peer *peer, struct list *list)
{
	list_unlink(&peer->place);
	list_push_back(list, &peer->place);
}

/* What it sent before it went may still have to be taken: see peer_end(). */
static void lose(struct peer *peer)
{
	peer->is_gone = true;
	move_to(peer, &peer->router->gone);
	port_ring(&peer->router->port);
}

static int peer_send(struct duplex *duplex,
		     const uint8_t header[DUPLEX_HEADER_BYTES],
		     const uint8_t *bytes, size_t n)
{
	struct peer *peer = peer_of(duplex);
	struct router *router = peer->router;
	int r;

	if (peer->is_gone)
		return 0;
	r = port_send(&router->port, &(struct port_message){
					     .to = peer->id,
					     .n_to = peer->n_id,
					     .header = header,
					     .n_header = DUPLEX_HEADER_BYTES,
					     .bytes = bytes,
					     .n_bytes = n,
				     });
	if (r == -EAGAIN && !list_is_linked(&peer->blocked))
		list_push_back(&router->blocked, &peer->blocked);
	if (r != -EPIPE)
		return r;
	lose(peer);
	return 0;
}

static void peer_wake(struct duplex *duplex)
{
	port_wake(&peer_of(duplex)->router->port, duplex);
}

static void become_ghost(struct peer *peer)
{
	peer->state = PEER_GHOST;
	peer->freed_ns = clock_now_ns();
	list_unlink(&peer->blocked);
	duplex_deinit(&peer->duplex);
	if (!peer->is_gone)
		move_to(peer, &peer->router->ghosts);
}

static void peer_free(struct duplex *duplex)
{
	struct peer *peer = peer_of(duplex);
	struct router *router = peer->router;

	duplex_say_end(duplex);
	if (peer->is_gone)
		peer_forget(peer);
	else
		become_ghost(peer);
	router_unref(router);
}

static const struct duplex_ops peer_ops = {
	.name = "tcp",
	.send = peer_send,
	.wake = peer_wake,
	.free = peer_free,
};

static uint64_t hash_id(const struct router *router, const void *id, size_t n)
{
	return hash_bytes(&router->hash_key, id, n);
}

struct peer *peer_lookup(const struct router *router, const void *id, size_t n)
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

static bool get_address(int fd, struct sockaddr_in6 *ret_address)
{
	socklen_t n = sizeof(*ret_address);

	memset(ret_address, 0, sizeof(*ret_address));
	return getpeername(fd, (struct sockaddr *)(void *)ret_address, &n) == 0;
}

int peer_new(struct router *router, const void *id, size_t n_id,
	     const char *name, int fd, struct peer **ret_peer)
{
	size_t n_name = strlen(name);
	struct peer *peer;

	if (n_id > PEER_ID_BYTES || n_name >= ZAP_NAME_BYTES)
		return -EINVAL;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	duplex_init(&peer->duplex, &peer_ops);
	duplex_connect(&peer->duplex);
	peer->duplex.channel.evidence.kind = EVIDENCE_KEY;
	memcpy(peer->duplex.channel.evidence.name, name, n_name);
	peer->fd = fd >= 0 && get_address(fd, &peer->address) ? fd : -1;
	peer->router = router;
	peer->n_id = n_id;
	memcpy(peer->id, id, n_id);
	map_add(&router->peers, &peer->node, hash_id(router, id, n_id));
	list_init(&peer->blocked);
	list_init(&peer->place);
	list_push_back(&router->fresh, &peer->place);
	*ret_peer = peer;
	return 0;
}

void peer_forget(struct peer *peer)
{
	if (!peer->is_displaced)
		map_remove(&peer->router->peers, &peer->node);
	list_unlink(&peer->place);
	list_unlink(&peer->blocked);
	duplex_deinit(&peer->duplex);
	free(peer);
}

void peer_refuse(struct peer *peer)
{
	duplex_say_end(&peer->duplex);
	become_ghost(peer);
}

void peer_displace(struct peer *peer)
{
	if (peer->state != PEER_SHOWN) {
		peer_forget(peer);
		return;
	}
	map_remove(&peer->router->peers, &peer->node);
	list_unlink(&peer->place);
	peer->is_displaced = true;
	peer->is_gone = true;
	duplex_fail(&peer->duplex, -EPIPE, NULL);
}

void peer_probe(struct peer *peer)
{
	if (peer->state != PEER_GHOST && !peer->is_gone)
		duplex_probe(&peer->duplex);
}

/*
 * ZeroMQ closes the connection, in its own thread, and the descriptor may be
 * another's by then. That the peer could just be reached says that it was not
 * closed a moment ago, and the address that it is the same connection. Should
 * it close now and its number be given away at once, it can only be to the
 * next that ZeroMQ accepts, who then has to connect again.
 */
static void hang_up(struct peer *ghost)
{
	struct sockaddr_in6 address;

	if (ghost->fd < 0 || !get_address(ghost->fd, &address) ||
	    memcmp(&address, &ghost->address, sizeof(address)) != 0)
		return;
	(void)shutdown(ghost->fd, SHUT_RDWR);
	ghost->fd = -1;
}

void peer_haunt(struct peer *ghost, uint64_t now_ns)
{
	uint8_t header[DUPLEX_HEADER_BYTES];

	duplex_encode(DUPLEX_END, 0, header);
	(void)peer_send(&ghost->duplex, header, NULL, 0);
	if (ghost->is_gone)
		peer_forget(ghost);
	else if (now_ns >= ghost->freed_ns + PEER_GRACE_NS)
		hang_up(ghost);
}

void peer_end(struct peer *peer)
{
	if (peer->state == PEER_SHOWN)
		duplex_fail(&peer->duplex, -EPIPE, NULL);
	else
		peer_forget(peer);
}
