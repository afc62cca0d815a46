/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_KEEPING_H
#define LOGGER_KEEPING_H

/** Something small to be kept with a log: see log_state_put(). */

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/list.h"

struct keeping {
	struct list link;
	void *value; /* from malloc(), or NULL */
	size_t n_value;
	bool is_delete;
	/* It is on disk, or not: then `r` is negative. May be NULL. */
	void (*on_kept)(struct keeping *keeping, int r);
	void *userdata;
	char key[256];
};

/** Without a key or a value. NULL without memory. */
struct keeping *keeping_new(void);
struct keeping *keeping_free(struct keeping *keeping);
DEFINE_CLEANUP(struct keeping *, keeping_free);

/**
 * Let it have a value of `n` bytes, which may be 0 and are for the caller to
 * fill. It has none before. Returns the value; NULL without memory.
 */
void *keeping_add_value(struct keeping *keeping, size_t n);

/** All of a list, which is empty then. */
void keepings_free(struct list *keepings);

#endif
