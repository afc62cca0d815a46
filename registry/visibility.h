/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_VISIBILITY_H
#define REGISTRY_VISIBILITY_H

/** Whether somebody may see a package: who may call or serve some of it. */

#include "registry/entry.h"
#include "registry/rights.h"

/**
 * Add the rights any of which makes a package visible. `entry` is a schema of
 * it, whose services and methods are looked at too, or NULL. Returns 0 or
 * -ENOMEM.
 */
int visibility_add(struct rights *rights, const char *package,
		   const struct entry *entry);

#endif
