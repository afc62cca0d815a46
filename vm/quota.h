/* SPDX-License-Identifier: MIT */
#ifndef VM_QUOTA_H
#define VM_QUOTA_H

/**
 * How many of something a principal may have. What `vm:web/uid:1000` has counts
 * for `vm:web` too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/reason.h"

/** The first `n_owner` bytes of `owner` are a principal. */
struct quota_owner {
	const char *owner;
	size_t n_owner;
};

/** Whether `principal` is this owner, or below it. */
bool quota_is_charged(const struct quota_owner *owner, const char *principal);

/** How many things are charged to the owner. */
typedef uint32_t (*quota_count_fn)(const struct quota_owner *owner,
				   const void *userdata);

/**
 * Whether `principal` may have one more of what is called `things`: 0, or
 * -EDQUOT and `ret_why` names whose quota is full, and its use.
 */
int quota_check(const char *principal, const char *things, uint32_t max,
		quota_count_fn count, const void *userdata,
		struct reason *ret_why);

#endif
