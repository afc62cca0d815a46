/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_RECORD_H
#define SCHEMA_RECORD_H

/**
 * A message whose type is known at run time only: what schema/record_wire.h and
 * schema/json.h read and write. Everything in it lives in one arena.
 *
 * A record holds what was set and nothing else. A field that is not there has
 * its default.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "schema/pool.h"

enum {
	RECORD_DEPTH_MAX = 100, /* messages in each other, the first counts */
	RECORD_ERROR_BYTES = 512,
};

struct record;

/** The member that the field's type names. */
union value {
	uint64_t number; /* whole numbers: negative ones in two's complement */
	double real;     /* doubles and floats */
	struct {
		const uint8_t *bytes;
		size_t n;
	} text; /* strings, which are UTF-8, and bytes */
	struct record *record;
};

/** What one field holds. */
struct slot {
	const struct pool_field *field;
	union value *values; /* those of a map are its entries, as records */
	size_t n_values;     /* of a field that does not repeat: 1 */
	size_t n_max;
};

struct record {
	const struct pool_message *type;
	struct slot *slots; /* in the order in which they were first set */
	size_t n_slots;
	size_t n_max;
	uint16_t *places; /* by place of the field: slot + 1; NULL: few slots */
};

/** NULL: see arena_error(). */
struct record *record_new(struct arena *arena, const struct pool_message *type);

/** NULL: the field is not set. */
struct slot *record_slot(const struct record *record,
			 const struct pool_field *field);

/**
 * Room for a value: one more of a field that repeats, else the only one, whose
 * old value is still there if there was one. Another member of the field's
 * oneof is taken out. NULL: see arena_error().
 */
union value *record_add(struct arena *arena, struct record *record,
			const struct pool_field *field);

/** Take a field out. */
void record_clear(struct record *record, const struct pool_field *field);

/** Which member of the oneof is set, or NULL. */
const struct pool_field *record_oneof(const struct record *record, int oneof);

/** Its only value, or NULL. */
const union value *record_value(const struct record *record, uint32_t number);

/** Put the slots in the order of their numbers. */
void record_sort(struct record *record);

/**
 * Sort the entries of a map by their keys, and of those with one key keep the
 * last; *ret_n_lost is how many were not kept. Returns 0 or arena_error().
 */
int record_sort_map(struct arena *arena, struct slot *slot, size_t *ret_n_lost);

/** Whether a value is the one that a field without presence has unset. */
bool record_is_default(const struct pool_field *field,
		       const union value *value);

/* Where in a message something is wrong. */

/** One step of a path, on the stack of whoever goes there. */
struct record_path {
	const struct record_path *up; /* NULL at the top */
	const char *name;             /* of a field or key; NULL: an index */
	size_t n_name;
	size_t index;
};

/**
 * Say what is wrong at `path` in the form `spec.disks[2].size: no number`, in
 * one line, in which control bytes are question marks.
 * Returns -EINVAL.
 */
__attribute__((format(printf, 3, 4))) int record_complain(
	char error[RECORD_ERROR_BYTES], const struct record_path *path,
	const char *format, ...);

#endif
