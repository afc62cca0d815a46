/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_JSON_WRITE_H
#define SCHEMA_JSON_WRITE_H

/** Inside of schema/json_out.c, which is in several files. */

#include "base/buffer.h"
#include "schema/record.h"

struct json_write {
	const struct pool *pool;
	struct arena *arena;
	struct buffer *buffer;
	char *error;
	unsigned depth; /* of messages, those in an Any too */
};

/* Each returns 0, -EINVAL with an error told, or what ran out. */

/** As JSON has it, be it an ordinary message or a known one. */
int json_write_record(struct json_write *write, struct record *record,
		      const struct record_path *path);

/** One whose type->known is not POOL_ORDINARY. */
int json_write_known(struct json_write *write, struct record *record,
		     const struct record_path *path);

/** The fields, with commas; *is_first says if one stood before. */
int json_write_fields(struct json_write *write, struct record *record,
		      bool is_first, const struct record_path *path);

/** A slot's values: one, an array or a map. */
int json_write_slot(struct json_write *write, struct slot *slot,
		    const struct record_path *path);

/** One value of the field's type. */
int json_write_value(struct json_write *write, const struct pool_field *field,
		     const union value *value, const struct record_path *path);

void json_write_string(struct json_write *write, const uint8_t *bytes,
		       size_t n);

/** What json_out() returns when memory ran out in decoding. */
int json_write_no_room(const struct json_write *write);

#endif
