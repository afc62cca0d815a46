/* SPDX-License-Identifier: MIT */
#ifndef CLI_ENTRY_IN_INSIDE_H
#define CLI_ENTRY_IN_INSIDE_H

/**
 * A record from a line of JSON, for the files that read it:
 *
 *	entry_in.c		the line, and what of it is the record's
 *	entry_in_metadata.c	what of it is the metadata's
 *	entry_in_value.c	the values of members
 *
 * Each function that reads returns 0; -EINVAL, and why is told in line->error;
 * or what arena_error() says. What it gives lives in the arena.
 */

#include <helio/bus/v1/control.pb-c.h>

#include "cli/entry_in.h"
#include "schema/json_scan.h"

struct line {
	struct arena *arena;
	struct json_scan scan;
	struct run_record *record;
	Helio__Bus__V1__Metadata metadata;
	size_t n_headers_max;
	char *error;
};

/** Returns -EINVAL. */
int entry_in_fail(struct line *line, const char *what);
/** What the scanner returned: of -EINVAL it says why. */
int entry_in_scanned(struct line *line, int r);

int entry_in_number(struct line *line, uint64_t *ret_number);
/** 16 hexadecimal digits. */
int entry_in_id(struct line *line, uint64_t *ret_id);
int entry_in_string(struct line *line, struct json_text *ret_text);
/** A copy that is terminated, without a NUL inside. */
int entry_in_text(struct line *line, char **ret_text);
/** Of a string; of one that is base64. */
int entry_in_bytes(struct line *line, const uint8_t **ret_bytes, size_t *ret_n);
int entry_in_base64(struct line *line, const uint8_t **ret_bytes,
		    size_t *ret_n);
int entry_in_skip(struct line *line);

bool entry_in_is_key(const struct json_text *key, const char *name);

/* Members. */
int entry_in_read_schema(struct line *line);
int entry_in_read_key(struct line *line);
int entry_in_read_content_type(struct line *line);
int entry_in_read_traceparent(struct line *line);
int entry_in_read_headers(struct line *line);
int entry_in_read_details(struct line *line);
int entry_in_read_details_base64(struct line *line);

/** Into the record, when all members are read. */
int entry_in_pack(struct line *line);

#endif
