/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_FINDING_H
#define SCHEMA_FINDING_H

/**
 * A rule of compatibility that is broken, and where.
 *
 * Rules are called as `buf breaking` calls them: FIELD_SAME_ONEOF.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FINDINGS_MAX = 16,
	FINDING_NAME_BYTES = 256,
	FINDING_WHERE_BYTES = 2 * FINDING_NAME_BYTES,
	FINDING_TEXT_BYTES = 640,
};

struct finding {
	const char *rule;              /* lasts for ever */
	char file[FINDING_NAME_BYTES]; /* "foo/v1/foo.proto" */
	char where[FINDING_WHERE_BYTES];
	char text[FINDING_TEXT_BYTES]; /* "changed type from int32 to string" */
};

struct findings {
	struct finding at[FINDINGS_MAX]; /* the first ones */
	uint32_t total;
};

/** Where something was found: `member` of `item`, or the item itself. */
struct finding_place {
	const char *file;
	const char *item;   /* or NULL */
	const char *member; /* or NULL */
};

void findings_add(struct findings *findings, const char *rule,
		  struct finding_place place, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** How many of them stand in `at`. */
size_t findings_count(const struct findings *findings);

/** Whether the rule is among those in `at`. */
bool findings_has(const struct findings *findings, const char *rule);

/** "RULE in FILE: WHERE TEXT", for people. */
void finding_print(const struct finding *finding, char *text, size_t n_text);

#endif
