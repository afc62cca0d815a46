/* SPDX-License-Identifier: MIT */
#ifndef RPC_BINDING_H
#define RPC_BINDING_H

/**
 * Services whose schema was named to the switch, by a handle that we drew.
 *
 * BIND goes out before any call that uses it, so its RESULT need not be waited
 * for. A handle is drawn again only when UNBIND was answered.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph.h"
#include "rpc/inquiry.h"

enum { SCHEMA_HASH_BYTES = 32 };

struct helio_binding {
	struct list link; /* in helio.bindings */
	struct helio *bus;
	uint32_t handle;
	uint8_t schema_hash[SCHEMA_HASH_BYTES];
	char *service;
	struct inquiry opening;
	struct inquiry closing;
};

/** Name all again, on a new connection. */
void bindings_renew(struct helio *bus);

/** Free all. */
void bindings_deinit(struct helio *bus);

#endif
