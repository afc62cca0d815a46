/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_KEYS_H
#define TRANSPORTS_VCHAN_KEYS_H

/**
 * Where a server and a client of vchan find each other in xenstore:
 * `ring-ref` and `event-channel` below
 * /local/domain/SERVER/data/vchan/CLIENT/PORT. The client may read the folder
 * CLIENT too, which stands as long as the server has channels for it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "transports/vchan/store.h"

struct vchan_keys {
	uint32_t ring_ref;      /* of the control page */
	uint32_t event_channel; /* the server's port */
};

/** Who meets, by which port. */
struct vchan_meeting {
	uint32_t server;
	uint32_t client;
	const char *port;
};

/**
 * As the server: put both keys, which only the client may read, in place of
 * what is there; in one transaction. Returns 0 or a negative errno.
 */
int vchan_keys_write(const struct store *store,
		     const struct vchan_meeting *meeting,
		     const struct vchan_keys *keys);

/** As the server: take them away, but leave the client's folder. */
void vchan_keys_remove(const struct store *store,
		       const struct vchan_meeting *meeting);

/** As the server: take that away too, unless another port is in it. */
void vchan_keys_forget(const struct store *store,
		       const struct vchan_meeting *meeting);

/**
 * As a client that was connected: whether there still is anything of the
 * server's domain. Neither an offer nor a folder outlives it.
 */
bool vchan_keys_are_left(const struct store *store,
			 const struct vchan_meeting *meeting);

/** The path of all clients' folders. */
void vchan_keys_root(uint32_t server, char ret_path[STORE_PATH_BYTES]);

/** The path of the client's folder. */
void vchan_keys_folder(const struct vchan_meeting *meeting,
		       char ret_path[STORE_PATH_BYTES]);

/**
 * As the client. Returns 0; -ENOENT when nothing is offered to us (which
 * xenstore may call a matter of permission); -EPROTO with *ret_reason; or
 * another negative errno.
 */
int vchan_keys_read(const struct store *store,
		    const struct vchan_meeting *meeting,
		    struct vchan_keys *ret_keys, const char **ret_reason);

/** The path of a key, or of the folder of both if `key` is NULL. */
void vchan_keys_path(const struct vchan_meeting *meeting, const char *key,
		     char ret_path[STORE_PATH_BYTES]);

#endif
