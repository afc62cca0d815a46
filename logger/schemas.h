/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_SCHEMAS_H
#define LOGGER_SCHEMAS_H

/**
 * The schemas that the records of a log name, kept with it, so that a record is
 * decoded with the schema that it was written with, years later.
 *
 * The first record that names one has it asked for from the registry. What that
 * does not know is asked for again after a while, at the next record.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/map.h"

struct errand;
struct keeper;

enum {
	SCHEMAS_MAX = 4096,
	SCHEMA_HASH_BYTES = 32,
	SCHEMAS_KEY_BYTES = 7 + 2 * SCHEMA_HASH_BYTES + 1,
};

/** Where the log keeps one: "schema/", its hash in hex, the end. */
void schemas_key(const uint8_t *hash, char ret_key[SCHEMAS_KEY_BYTES]);

struct schemas {
	struct map map; /* struct schema_copy */
	struct hash_key key;
	unsigned n_calls;
	unsigned n_waiting; /* that are asked for when one of those ends */
	uint8_t last[SCHEMA_HASH_BYTES]; /* that is known to be dealt with */
};

/** Returns 0 or a negative errno. */
int schemas_init(struct schemas *schemas);
/** Safe on a zeroed one; nothing asked for comes any more. */
void schemas_deinit(struct schemas *schemas);

/** A record names it. */
void schemas_note(struct keeper *keeper, const uint8_t *hash);
/** It was kept with the log, as that was opened: `key` begins "schema/". */
void schemas_found(struct keeper *keeper, const char *key);

/** Answer GetSchema. */
void schemas_get(struct errand *errand);

#endif
