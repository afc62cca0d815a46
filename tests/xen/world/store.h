/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_STORE_H
#define TESTS_XEN_WORLD_STORE_H

/**
 * A small xenstored, which unmodified libxenstore talks to by XENSTORED_PATH.
 *
 * Each domain has a socket of its own, and that is what its rights depend on.
 * Errors, permissions, watches and transactions are as in C xenstored.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "tests/xen/world/tree.h"

struct domain;
struct loop;

enum {
	STORE_MAX_TRANSACTIONS = 10, /* of an unprivileged domain */
	STORE_MAX_WATCHES = 128,     /* likewise */
	STORE_MAX_NODES = 1000,      /* likewise, that it owns */
	STORE_MAX_VALUE_BYTES = 2048,
};

/** What a domain has of that which is limited. */
struct store_quota {
	unsigned n_connections;
	unsigned n_transactions;
	unsigned n_watches;
};

struct store {
	struct loop *loop;
	struct tree tree;
	struct list connections;      /* of store_client */
	struct perms introduce_perms; /* of @introduceDomain */
	struct perms release_perms;
	struct store_client *self; /* domain 0, connected to nothing */
	size_t n_host_bytes;       /* that wait for clients of the host */
	bool has_held;             /* guests who are not heard until then */
};

int store_init(struct store *store, struct loop *loop);

/** A client of the domain connected; its quota stays until it is dropped. */
void store_accept(struct store *store, struct domain *domain, int fd);

/** End the connections of a domain. */
void store_drop_domain(struct store *store, struct domain *domain);

/** As domain 0; `perms` is like "n0 r5", or NULL to leave them. */
int store_write(struct store *store, const char *path, const char *value,
		const char *perms);
int store_remove(struct store *store, const char *path);

/** Fire @introduceDomain or @releaseDomain. */
void store_announce(struct store *store, const char *special);

/** How many nodes a domain owns. */
unsigned store_count_nodes(struct store *store, uint32_t domid);

#endif
