/* SPDX-License-Identifier: MIT */
#ifndef GENERATE_SOURCE_H
#define GENERATE_SOURCE_H

/**
 * NAME.helio.c: what NAME.helio.h declares.
 */

#include <stdio.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "schema/canonical.h"

/** `schema` is that of the package if it is to stand here, or NULL. */
void source_write(FILE *out, const Google__Protobuf__FileDescriptorProto *file,
		  const struct canonical *schema);

#endif
