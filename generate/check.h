/* SPDX-License-Identifier: MIT */
#ifndef GENERATE_CHECK_H
#define GENERATE_CHECK_H

/**
 * What in a .proto file neither protoc-c nor this generator can put into C.
 */

#include <stddef.h>

#include "google/protobuf/descriptor.pb-c.h"

/** Room for what is wrong, for people. */
struct check_fault {
	char text[768];
};

/** Returns 0, or -EINVAL with `ret_fault`, which names file and place. */
int check_file(const Google__Protobuf__FileDescriptorProto *file,
	       struct check_fault *ret_fault);

#endif
