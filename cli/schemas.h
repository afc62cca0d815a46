/* SPDX-License-Identifier: MIT */
#ifndef CLI_SCHEMAS_H
#define CLI_SCHEMAS_H

/** A schema of the registry, as people name it. */

#include "cli/command.h"
#include "cli/control.h"
#include "cli/registry.h"
#include "cli/session.h"

/** The settings of all commands about schemas. */
struct schemas {
	struct common common;
	const char *schema; /* or a package, for listing */
	const char *other;
	const char *file;
	bool is_unpinning;
};

/** A connection on which the registry can be asked. */
struct schemas_session {
	struct session session;
	struct control control;
};

/** Returns an exit code; unless it is EXIT_OK, why was told. */
int schemas_open(struct schemas_session *session,
		 const struct schemas *schemas);
/** Fine in any case. */
void schemas_close(struct schemas_session *session);

/**
 * The hash of the schema that is meant by a package (its newest one), by a
 * hash, or by at least 6 digits that a hash begins with and no other does.
 * Returns an exit code; unless it is EXIT_OK, why was told.
 */
int schemas_find(struct control *control, const char *name,
		 uint8_t ret_hash[REGISTRY_HASH_BYTES]);

#endif
