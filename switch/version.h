/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_VERSION_H
#define SWITCH_VERSION_H

/**
 * Which version has a method that the servers of a service lack: so that who
 * calls an old server is told what it would have to call instead.
 *
 * Other major versions are other services, `foo.v2.Bar` beside `foo.v1.Bar`,
 * and are looked up when they are asked for. Of schemas that are not served any
 * more the last few are remembered, a few bytes for each method.
 */

#include <stddef.h>
#include <stdint.h>

#include "switch/schema.h"

struct bus;
struct membership;

enum { VERSIONS_KEPT = 1024 };

/** A method that was served once; the tag is of its subject, 0: none. */
struct version {
	uint64_t tag;
	uint8_t hash[SCHEMA_SHORT_BYTES];
};

struct versions {
	struct version kept[VERSIONS_KEPT]; /* by tag */
};

/** A server of the method goes: remember it if it was the last one. */
void version_keep(struct bus *bus, const struct membership *membership);

/**
 * Say in `text` that no server of its service has the method that `subject`
 * ends with, and who has. `schema` is the caller's, or NULL.
 */
void version_explain(const struct bus *bus, const char *subject, size_t n,
		     const struct schema *schema, char *text, size_t n_text);

#endif
