/* SPDX-License-Identifier: MIT */
#ifndef CLI_BUILTIN_H
#define CLI_BUILTIN_H

/** The schemas of the bus itself: a FileDescriptorSet within the program. */

#include <stddef.h>
#include <stdint.h>

const uint8_t *builtin_set(size_t *ret_n);

#endif
