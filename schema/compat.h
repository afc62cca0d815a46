/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_COMPAT_H
#define SCHEMA_COMPAT_H

/**
 * Whether one schema may follow another.
 *
 * The rules are those of the category WIRE of `buf breaking`: old bytes can be
 * read by the new schema and new ones by the old. Two more are about calls:
 * PACKAGE_SERVICE_NO_DELETE and RPC_NO_DELETE.
 */

#include "schema/finding.h"
#include "schema/inventory.h"

/**
 * What of `from` is broken in `to`, of everything that both declare, whatever
 * file it stands in. Services and methods may go unless they are of
 * `package`. Findings are added.
 *
 * It takes time in proportion to the sizes of both, but for fields of enums: of
 * such that were moved all values are looked at, and for a default.
 */
void compat_check(const struct inventory *from, const struct inventory *to,
		  const char *package, struct findings *findings);

#endif
