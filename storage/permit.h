/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_PERMIT_H
#define STORAGE_PERMIT_H

/**
 * A right that has to last: whoever watches or follows is looked at again when
 * the policy is another one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/access.h"

struct permit {
	struct access *access;
	const char *principal; /* borrowed, as the name */
	const char *verb;
	const char *second; /* is as good; or NULL */
	const char *name;
	const char *part; /* of it, is as good; or NULL */
	struct access_wait wait;
	uint64_t n_changes; /* of access, when it was asked last */
	/* He may not any more; `status` and `reason` say why. */
	void (*on_refused)(struct permit *permit, unsigned status,
			   const char *reason);
};

/** He may now; all but the last three members are set. */
void permit_init(struct permit *permit);
void permit_deinit(struct permit *permit);
/** Now and then: on_refused may be called from here, or later. */
void permit_tick(struct permit *permit);

#endif
