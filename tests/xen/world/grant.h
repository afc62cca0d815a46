/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_GRANT_H
#define TESTS_XEN_WORLD_GRANT_H

/**
 * Granted and mapped pages, as Xen has them and Linux's gntalloc and gntdev
 * devices offer them.
 *
 * A holding is what one call shared or mapped. When it goes away (unshared or
 * unmapped, its process ended, its handle closed and nothing mapped) it clears
 * a byte and sends an event, if it was asked to; not so if its domain was
 * destroyed. A grant ends when its granter lets go and nobody has it mapped.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "tests/xen/standin/wire.h"

struct domain;
struct handle;
struct port;
struct world;

struct grant {
	struct domain *domain;
	uint32_t frame;
	uint32_t peer_domid;
	bool is_writable;
	bool is_ended; /* by the granter */
	unsigned n_maps;
};

struct holding {
	struct list link; /* in handle.holdings or world.orphans */
	struct domain *domain;
	pid_t pid;
	uint64_t address;
	bool is_map;
	bool has_clear;
	uint32_t clear_offset;
	struct port *port; /* held, or NULL */
	uint32_t n;
	struct grant *grants[];
};

/** Each fills the reply's pages and returns 0, or a negative errno. */
int grant_share(struct handle *handle, const struct wire_request *request,
		struct wire_reply *reply);
int grant_map(struct handle *handle, const struct wire_request *request,
	      struct wire_reply *reply, int fds[WIRE_MAX_FDS]);

/** The holding that begins there, of that many pages; or NULL. */
struct holding *holding_lookup(struct list *holdings, uint64_t address,
			       uint32_t n);

/** It is gone; `is_silent` when its domain is. */
void holding_end(struct holding *holding, bool is_silent);

/** Its handle is closed: it ends, unless the process has it mapped still. */
void holding_orphan(struct world *world, struct holding *holding);

/** End the orphans that were unmapped meanwhile. */
void holding_sweep(struct world *world);

#endif
