/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRANSPORTS_DESCRIPTORS_H
#define TESTS_UNIT_TRANSPORTS_DESCRIPTORS_H

#include <stddef.h>

/** How many this process has open, and always the same number beside. */
size_t count_descriptors(void);

#endif
