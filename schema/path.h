/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_PATH_H
#define SCHEMA_PATH_H

/**
 * A field of a record by its path: `spec.disks[2].size`, `notes.colour`,
 * `notes."a.b"`.
 *
 * Names are those of the source or of JSON; of a map what stands behind the dot
 * is the key. A name in quotation marks may have dots in it; numbers count from
 * 0.
 */

#include <stdbool.h>
#include <stddef.h>

#include "schema/record.h"

enum { PATH_BYTES_MAX = 1024 };

/** What is there: one value, or all of a field that repeats. */
struct path_found {
	const struct pool_field *field;
	bool is_whole;            /* an array or a map, which may be empty */
	struct slot *slot;        /* of it; NULL: it is empty */
	const union value *value; /* of one value, else NULL */
	union value unset; /* what `value` points to, if it was not set */
};

bool path_is_valid(const char *path, size_t n);

/**
 * Go down from `record`. Returns 1; 0: there is no such field or member, or it
 * is not set and has no default without being set; -EINVAL: it is no path.
 * *ret_found must stay where it is.
 */
int path_find(const struct record *record, const char *path, size_t n,
	      struct path_found *ret_found);

#endif
