/* SPDX-License-Identifier: MIT */

#include "vm/quota.h"

#include <errno.h>
#include <string.h>

bool quota_is_charged(const struct quota_owner *owner, const char *principal)
{
	return strncmp(principal, owner->owner, owner->n_owner) == 0 &&
	       (principal[owner->n_owner] == '\0' ||
		principal[owner->n_owner] == '/');
}

int quota_check(const char *principal, const char *things, uint32_t max,
		quota_count_fn count, const void *userdata,
		struct reason *ret_why)
{
	struct quota_owner owner = { .owner = principal };

	do {
		uint32_t n;

		owner.n_owner += strcspn(principal + owner.n_owner, "/");
		n = count(&owner, userdata);
		if (n >= max) {
			reason_set(ret_why, "%.*s has %u %s, and may have %u",
				   (int)owner.n_owner, principal, n, things,
				   max);
			return -EDQUOT;
		}
	} while (principal[owner.n_owner++]);
	return 0;
}
