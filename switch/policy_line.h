/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_POLICY_LINE_H
#define SWITCH_POLICY_LINE_H

/** What a policy is made of: shared by its reader and its judge, nobody else.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/lines.h"
#include "switch/policy.h"
#include "switch/who.h"

#define POLICY_SELF "{self}"

struct policy_line {
	unsigned verbs; /* 1 << enum verb, each */
	bool is_allow;
	bool has_self;    /* `what` has the token POLICY_SELF */
	struct who who;   /* in the text of the file */
	struct word what; /* likewise; a valid pattern, and perhaps a part */
	const char *file;
	unsigned number;
};

struct policy_file {
	struct policy_file *next;
	char *text;
	char name[];
};

struct policy {
	struct policy_file *files;
	struct policy_line *lines;
	size_t n_lines;
	size_t n_lines_room;
	size_t n_bytes; /* of all texts */
};

#endif
