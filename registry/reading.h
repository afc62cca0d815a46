/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_READING_H
#define REGISTRY_READING_H

/** A schema's bytes, read: they may be a stranger's. */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "schema/inventory.h"

struct reading {
	struct descriptor_set *set;
	struct inventory *inventory;
};

/**
 * Returns 0, -ENOMEM, or -EINVAL when the bytes are no schema that hangs
 * together, as `error` says.
 */
int reading_init(struct reading *reading, const uint8_t *bytes, size_t n,
		 char error[ITEM_ERROR_BYTES]);

/** All zero is fine. */
void reading_deinit(struct reading *reading);

#endif
