/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_DOMAIN_H
#define TESTS_XEN_WORLD_DOMAIN_H

/**
 * The domains of a world: their memory, their processes, their sockets.
 *
 * A destroyed domain whose pages another has mapped stays as a zombie, and
 * keeps its number, until the last of them is unmapped.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "tests/xen/world/loop.h"
#include "tests/xen/world/store.h"

enum {
	DOMAIN_FRAMES = 4096,
	DOMAIN_PORTS = 1024, /* numbers; 0 is none */
	DOMAIN_NAME_BYTES = 80,
	DOMAIN_UUID_BYTES = 37,
};

struct grant;
struct port;
struct world;

/** A listening socket of a domain. */
struct door {
	struct source source;
	struct domain *domain;
};

struct domain {
	struct list link; /* in world.domains */
	struct world *world;
	uint32_t domid;
	char name[DOMAIN_NAME_BYTES];
	char uuid[DOMAIN_UUID_BYTES];
	bool is_zombie;
	int memory_fd;
	int memory_ro_fd;
	uint8_t *memory;
	struct grant *grants[DOMAIN_FRAMES]; /* by frame */
	unsigned n_grants;
	unsigned max_grants;
	struct port *ports[DOMAIN_PORTS];
	unsigned n_ports;
	unsigned n_maps; /* pages of others that it has mapped */
	struct list handles;
	struct list processes;
	struct door hypervisor;
	struct door xenstore;
	struct store_quota quota;
};

struct world {
	struct loop loop; /* of all that domains do */
	/* Of those who rule the world; the other loop is a source of it. */
	struct loop ruling;
	struct source domains_source;
	char folder[PATH_MAX];
	struct list domains;
	struct list orphans;  /* of holding: mapped, but the handle is closed */
	struct list controls; /* of control */
	struct store store;
	unsigned long n_events;
};

/**
 * Make a domain with its sockets and, in the store, what xl would write.
 * Returns 0, -EEXIST or another negative errno.
 */
int domain_add(struct world *world, uint32_t domid, const char *name,
	       const char *uuid);

struct domain *domain_lookup(struct world *world, uint32_t domid);

/** The processes end and nobody is told but who watches @releaseDomain. */
void domain_shutdown(struct domain *domain);

/** Shut down, out of the store, and free unless it becomes a zombie. */
void domain_destroy(struct domain *domain);

/** Free it if it is a zombie that nobody holds any more. */
void domain_bury(struct domain *domain);

/** Note that this process is in the domain: it dies with it. */
int domain_join(struct domain *domain, pid_t pid);

/** Of who is connected to `fd`: 0 if it cannot be told. */
pid_t domain_peer_pid(int fd);

#endif
