/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_H
#define TESTS_XEN_WORLD_H

/**
 * A world for tests of vchan: domains without Xen.
 *
 * A process of its own (tests/xen/world/) is hypervisor and xenstored. The
 * programs of a domain speak to it through the stand-in for libxenevtchn and
 * libxengnttab, linked into them (the CMake target xen_standin) or preloaded
 * (xen-standin), and through libxenstore as it is. One process may be in
 * several domains: what it opens belongs to the one that it is in just then.
 *
 * Functions return 0 or a negative errno unless they say otherwise.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct xen_world {
	char folder[64];
	pid_t pid;
	int control_fd;
};

/** What a domain holds, for tests that look for leaks. */
struct xen_count {
	unsigned grants; /* pages that it granted, mapped or not */
	unsigned maps;   /* pages of others that it has mapped */
	unsigned ports;
	unsigned handles;     /* open, of all three kinds */
	unsigned connections; /* to the store */
	unsigned watches;
	unsigned transactions;
	unsigned nodes; /* in the store, that it owns */
	unsigned processes;
	unsigned is_zombie; /* destroyed, but its pages are mapped */
};

/** What the whole world holds. */
struct xen_census {
	unsigned domains;
	unsigned zombies;
	unsigned orphans; /* calls' pages that are mapped, the handle closed */
	unsigned long events; /* notifications ever sent */
};

/** Start a world with domain 0, and be in it. */
int xen_world_start(struct xen_world *world);

/** End it, and all processes of its domains. */
void xen_world_stop(struct xen_world *world);

/** Add a domain as xl would: its keys, their owners and permissions. */
int xen_world_add(struct xen_world *world, uint32_t domid, const char *name,
		  const char *uuid);

/**
 * End a domain in silence: its processes are killed, no byte cleared and no
 * event sent; its keys go, and @releaseDomain fires. One whose pages others
 * have mapped stays as a zombie, and its domid is taken.
 */
int xen_world_destroy(struct xen_world *world, uint32_t domid);

/** As it, but the keys stay: a domain that ended and was not cleared away. */
int xen_world_shutdown(struct xen_world *world, uint32_t domid);

int xen_world_rename(struct xen_world *world, uint32_t domid, const char *name);

/** From now on the domain can grant so many pages (4096 at first). */
int xen_world_limit(struct xen_world *world, uint32_t domid, unsigned n_grants);

int xen_world_count(struct xen_world *world, uint32_t domid,
		    struct xen_count *ret_count);
int xen_world_census(struct xen_world *world, struct xen_census *ret_census);

/** Be in this domain: set the environment that opening anything looks at. */
void xen_world_enter(const struct xen_world *world, uint32_t domid);

/**
 * Start a program in a domain, the stand-in preloaded, its standard output
 * going to `output_fd` unless that is -1. Returns its pid or a negative errno.
 */
pid_t xen_world_spawn(const struct xen_world *world, uint32_t domid,
		      int output_fd, char *const argv[]);

#endif
