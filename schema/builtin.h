/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_BUILTIN_H
#define SCHEMA_BUILTIN_H

/** The schemas of the bus itself: a FileDescriptorSet within the program. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

const uint8_t *builtin_set(size_t *ret_n);

/** Whether this name of `n` bytes is below one of its packages. */
bool builtin_has_name(const char *name, size_t n);

#endif
