/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_DRAFT_H
#define REGISTRY_DRAFT_H

/** A schema that somebody wants to register: a stranger's bytes, read. */

#include <stdint.h>

#include "registry/entry.h"
#include "registry/reading.h"
#include "registry/rights.h"
#include "schema/canonical.h"

struct draft {
	struct canonical canonical;
	struct reading reading;
	struct entry *entry; /* without number or principal */
	/* Why it may not be served, kept while something else is asked. */
	char refusal[RIGHTS_TEXT_BYTES];
};

/**
 * Returns 0, -ENOMEM, or -EINVAL when the bytes are no schema of this package,
 * as `reason` says.
 */
int draft_new(const uint8_t *bytes, size_t n, const char *package,
	      struct canonical_reason *reason, struct draft **ret_draft);
/** Accepts NULL. Returns NULL. */
struct draft *draft_free(struct draft *draft);
DEFINE_CLEANUP(struct draft *, draft_free);

#endif
