/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_ZAP_H
#define TRANSPORTS_TCP_ZAP_H

/**
 * The doorkeeper of a listener: answers ZeroMQ's questions whether a CURVE key
 * may come in (RFC 27), in our own thread. The name that a key was enrolled by
 * becomes ZeroMQ's user id of the connection, which no peer can choose.
 */

#include <stdbool.h>
#include <stdint.h>

#include "transports/transport.h"

enum { ZAP_NAME_BYTES = 256, ZAP_BANS_MAX = 64 };

struct zap_ban {
	char name[ZAP_NAME_BYTES];
	uint64_t until_ns;
};

struct zap {
	void *socket;
	int (*lookup_key)(void *userdata,
			  const uint8_t key[TRANSPORT_KEY_BYTES],
			  char ret_name[ZAP_NAME_BYTES]);
	void *userdata;
	struct zap_ban bans[ZAP_BANS_MAX]; /* the oldest makes room */
	unsigned next_ban;
};

/** Must be there before a socket of the context listens. 0 or -errno. */
int zap_open(struct zap *zap, void *context,
	     const struct transport_options *options);

/** Safe on a zeroed one. */
void zap_close(struct zap *zap);

/** Answer what was asked. Returns whether more than fits one turn was. */
bool zap_serve(struct zap *zap, uint64_t now_ns);

/** Let no key of this name in for a minute. */
void zap_ban(struct zap *zap, const char *name, uint64_t now_ns);
bool zap_is_banned(const struct zap *zap, const char *name, uint64_t now_ns);

#endif
