/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_QUOTA_RULES_H
#define SWITCH_QUOTA_RULES_H

/**
 * How much each owner may hold: a file of lines `OWNER RESOURCE N`, as in
 *
 *     vm:bench  subscriptions  100000
 *     **        queued-bytes   256M
 *
 * OWNER is a pattern of principals (switch/who.h), RESOURCE the name of one
 * with `-` for a space, N a number with K, M or G for powers of 1,024 behind
 * it. Of the rules for a resource the first that matches holds; without one,
 * quota_defaults.
 */

#include <stddef.h>

#include "base/cleanup.h"
#include "switch/quota.h"

struct quota_rules;

/**
 * Read rules from a file, or from one text called `name` in errors. Returns 0
 * or a negative errno; -EINVAL: a line is wrong. On any error `error` names
 * file, line and fault, and *ret_rules is untouched.
 */
int quota_rules_load(const char *path, char *error, size_t n_error,
		     struct quota_rules **ret_rules);
int quota_rules_parse(const char *name, const char *text, size_t n_text,
		      char *error, size_t n_error,
		      struct quota_rules **ret_rules);

/** NULL is fine. Always NULL. */
struct quota_rules *quota_rules_free(struct quota_rules *rules);
DEFINE_CLEANUP(struct quota_rules *, quota_rules_free);

/** What `owner` may hold. The rules may be NULL: the defaults. */
void quota_rules_limits(const struct quota_rules *rules, const char *owner,
			struct quota_limits *ret_limits);

#endif
