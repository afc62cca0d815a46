/* SPDX-License-Identifier: MIT */
#ifndef GENERATE_HEADER_H
#define GENERATE_HEADER_H

/**
 * NAME.helio.h: the schema, the types of the services, and for each method what
 * a client or a server writes with its own message types, over the untyped
 * functions of heliograph-rpc.h.
 */

#include <stdio.h>

#include "google/protobuf/descriptor.pb-c.h"

void header_write(FILE *out, const Google__Protobuf__FileDescriptorProto *file);

#endif
