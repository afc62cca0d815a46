/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_JSON_READ_H
#define SCHEMA_JSON_READ_H

/** Inside of schema/json_in.c, which is in several files. */

#include "schema/json_scan.h"
#include "schema/record.h"

struct json_read {
	const struct pool *pool;
	struct arena *arena;
	struct json_scan scan;
	char *error;
	unsigned depth; /* of messages, those in an Any too */
};

/* Each returns 0, -EINVAL with an error told, or what ran out. */

/** As JSON has it, be it an ordinary message or a known one. */
int json_read_record(struct json_read *read, struct record *record,
		     const struct record_path *path);

/** One whose type->known is not POOL_ORDINARY. */
int json_read_known(struct json_read *read, struct record *record,
		    const struct record_path *path);

/**
 * The members of an object from behind its bracket to behind the other.
 * `skipped` is passed over, and is NULL or "@type".
 */
int json_read_members(struct json_read *read, struct record *record,
		      const char *skipped, const struct record_path *path);

/** A field's value: one, an array or a map. */
int json_read_field(struct json_read *read, struct record *record,
		    const struct pool_field *field,
		    const struct record_path *path);

/** One value of the field's type, which is no message. */
int json_read_scalar(struct json_read *read, const struct pool_field *field,
		     union value *ret_value, const struct record_path *path);

/** The key of a map. */
int json_read_key(struct json_read *read, const struct pool_field *field,
		  const struct json_text *key, union value *ret_value,
		  const struct record_path *path);

/** That the scan failed with `r`: its reason, with the line. Returns `r`. */
int json_read_failed(struct json_read *read, int r,
		     const struct record_path *path);

/** What json_in() returns when the arena gave nothing. */
int json_read_no_room(struct json_read *read);

#endif
