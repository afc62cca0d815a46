/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_XENSTORE_STAGE_H
#define TESTS_SYSTEM_XENSTORE_STAGE_H

/**
 * A world of domains with its xenstored, a switch with a store, and the bridge
 * between them. In the world are the domains 1 ("one") and 2 ("two").
 */

#include <xenstore.h>

#include "tests/system/store/scene.h"
#include "tests/xen/world.h"

struct stage {
	struct scene scene;
	struct xen_world world;
	struct xs_handle *host; /* as the host, and as the domain 1 */
	struct xs_handle *guest;
	struct daemon_process bridge;
	char path[128]; /* of xenstored's socket, in each life of it */
};

/** `trees` are up to three, and a NULL. `policy` as scene_open(). */
void stage_open(struct stage *stage, const char *policy,
		const char *const *trees);
void stage_close(struct stage *stage);

/** Kill xenstored. */
void stage_lose_xenstored(struct stage *stage);
/** Start one with nothing in it but the domains. */
void stage_find_xenstored(struct stage *stage);

/** As the host; a text or bytes. */
void stage_write(struct stage *stage, const char *path, const char *text);
void stage_remove(struct stage *stage, const char *path);

/**
 * Wait until the bucket has what xenstore has at and below these paths, up to a
 * NULL, and nothing else.
 */
void stage_await_equal(struct stage *stage, const char *const *tops);
/** Wait until a key has this value; NULL: it is not there. */
void stage_await(struct stage *stage, const char *key, const char *value);

#endif
