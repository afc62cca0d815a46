/* SPDX-License-Identifier: MIT */
#ifndef CLI_CATALOG_H
#define CLI_CATALOG_H

/**
 * The schema of a service or a message: from a file, from helio itself, which
 * knows those of the bus, or from the registry.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "schema/pool.h"

enum { CATALOG_HASH_BYTES = 32, CATALOG_NAME_BYTES = 256 };

struct control;

struct catalog {
	struct pool *pool; /* owned */
	/* That of the registry's schema which the service is served with. */
	uint8_t hash[CATALOG_HASH_BYTES];
	bool has_hash;
};

/* Each of these returns an exit code; unless it is EXIT_OK, why was told. */

/** A FileDescriptorSet, as `protoc -o FILE --include_imports` writes it. */
int catalog_open_file(struct catalog *catalog, const char *path);

/** What helio itself knows. Never EXIT_NOT_FOUND. */
int catalog_open_builtin(struct catalog *catalog);

/** Whether this is a name that helio itself knows the schema of. */
bool catalog_is_builtin(const char *name);

/**
 * The schema that a service is served with now, or, when nobody serves it or
 * who does names none, the newest of its package.
 */
int catalog_open_service(struct catalog *catalog, struct control *control,
			 const char *service);

/** The schema in which `name` is declared, be it a service or whatever. */
int catalog_open_name(struct catalog *catalog, struct control *control,
		      const char *name);

void catalog_close(struct catalog *catalog);

/** `$inst.ID.SERVICE` without what it begins with; others as they are. */
const char *catalog_service_of(const char *name);

/**
 * A method as people write it: `SERVICE/METHOD`, or with a dot between. Both
 * parts are put into `name`, terminated. NULL when there are not two, or it is
 * too long; else where the method's name begins.
 */
const char *catalog_split(const char *target, char name[CATALOG_NAME_BYTES]);

#endif
