/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TRANSPORT_H
#define TRANSPORTS_TRANSPORT_H

/**
 * Kinds of channels, found by the scheme of an address.
 *
 * `shm:PATH` and `unix:PATH` need nothing but the kernel and are always there.
 * The others (`tcp://HOST:PORT`, `vchan:DOMID/PORT`) are modules: shared
 * objects that are loaded when an address first names them. A static program
 * cannot load any; it may be linked with the one for vchan.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct channel;
struct listener;
struct poller;

enum { TRANSPORT_KEY_BYTES = 32 };

/** What an address does not say. All zero is a good default. */
struct transport_options {
	/*
	 * Rings: bytes each way, a power of two from 1 KiB to 1 MiB. 0: 1 MiB,
	 * on vchan 64 KiB; there the listener's word holds.
	 */
	uint32_t ring_bytes;
	/* Listening sockets: what the evidence calls them. */
	const char *name;
	/* Listening Unix sockets: mode and owner; mode 0: 0600. */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	/*
	 * How many peers may be half connected at a time; 0: 64. On tcp only
	 * the connections as a whole are bounded.
	 */
	uint32_t n_handshakes_max;
	/* How long each of them may take; 0: 5,000, on tcp 3,000. */
	uint32_t handshake_ms;

	/* tcp: without CURVE; refused unless the address is loopback. */
	bool is_plain;
	uint8_t public_key[TRANSPORT_KEY_BYTES];
	uint8_t secret_key[TRANSPORT_KEY_BYTES];
	uint8_t server_key[TRANSPORT_KEY_BYTES]; /* connecting only */
	/*
	 * Listening: the name that `key` was enrolled by, at most 255 bytes
	 * and the terminator. Returns 0, or -ENOENT for a stranger.
	 */
	int (*lookup_key)(void *userdata,
			  const uint8_t key[TRANSPORT_KEY_BYTES],
			  char ret_name[256]);
	void *userdata;

	/*
	 * Where connect() and listen() say what their errno leaves open: which
	 * node, file or device is missing. NULL: nobody asks.
	 */
	char *error;
	size_t n_error;
};

/** A domain in one of its lives, as the hypervisor knows it. */
struct transport_domain {
	uint32_t domid;
	uint8_t uuid[16];
	/* Drawn when this life was first seen; the same for all listeners. */
	uint64_t incarnation;
	char name[256]; /* as the toolstack calls it; "": it has none */
};

struct listener_ops {
	/* Its channels live on; until they are freed a port stays taken. */
	void (*free)(struct listener *listener);
	/*
	 * Ask is_served() again about every domain that is up; channels that
	 * are there stay. NULL where there are no domains.
	 */
	void (*judge_again)(struct listener *listener);
};

struct listener {
	const struct listener_ops *ops;
	/*
	 * Where it really listens, port and all, as clients on this machine
	 * write it; NULL when that is the address it was given.
	 */
	const char *address;
	/*
	 * A peer has connected. Returns 0 and owns the channel from then on,
	 * or a negative errno and the listener ends it.
	 */
	int (*on_channel)(struct listener *listener, struct channel *channel);
	/* One that said nothing in time was cut off. May be NULL. */
	void (*on_silent)(struct listener *listener);
	/*
	 * One that broke the rules before it was a channel's was hung up on:
	 * a static text says which. May be NULL.
	 */
	void (*on_broken)(struct listener *listener, const char *reason);
	/* Something that people should know, in words. May be NULL. */
	void (*on_news)(struct listener *listener, const char *text);
	/*
	 * Where the hypervisor names domains. One has come, or was there when
	 * listening began; or it is gone, and its channels are hung up already.
	 * Once each, but that one whose name has changed is told as up again.
	 * Not before the first turn of the poller after listen(). May be NULL,
	 * as may is_served().
	 */
	void (*on_domain)(struct listener *listener,
			  const struct transport_domain *domain, bool is_up);
	/*
	 * Whether a domain that is up, and was told, is offered channels.
	 * NULL: all are.
	 */
	bool (*is_served)(struct listener *listener,
			  const struct transport_domain *domain);
	void *owner;
};

struct transport {
	const char *scheme;
	/*
	 * `rest` is the address without its scheme. connect() returns at once
	 * with a channel that may still be connecting: it shows no bytes and
	 * no room until it is, and an error if it fails. Both return 0 or a
	 * negative errno: -EINVAL for an address that is none, -ECONNREFUSED
	 * and -ENOENT when nobody is there, -ENOKEY without the keys that it
	 * takes, -EACCES when it may not go without. A channel whose key the
	 * other side refuses ends with -EACCES.
	 */
	int (*connect)(struct poller *poller, const char *rest,
		       const struct transport_options *options,
		       struct channel **ret_channel);
	int (*listen)(struct poller *poller, const char *rest,
		      const struct transport_options *options,
		      struct listener **ret_listener);
	/*
	 * Draw a pair of keys for the options. Returns 0 or a negative errno;
	 * NULL where peers are not known by keys.
	 */
	int (*make_keys)(uint8_t ret_public_key[TRANSPORT_KEY_BYTES],
			 uint8_t ret_secret_key[TRANSPORT_KEY_BYTES]);
};

/** What a module `libheliograph-SCHEME.so` exports as `helio_transport`. */
#define TRANSPORT_MODULE_SYMBOL "helio_transport"

/**
 * The transport of an address, loaded if need be, and the address's rest.
 * Returns 0, -EINVAL when the address has no scheme, or -EPROTONOSUPPORT when
 * there is no such transport on this machine.
 */
int transport_lookup(const char *address,
		     const struct transport **ret_transport,
		     const char **ret_rest);

/**
 * Why there is no such transport, for people: the module, or the library that
 * it needs, which is missing.
 */
void transport_explain(const char *address, char *text, size_t n_text);

static inline struct listener *listener_free(struct listener *listener)
{
	if (listener)
		listener->ops->free(listener);
	return NULL;
}

DEFINE_CLEANUP(struct listener *, listener_free);

#endif
