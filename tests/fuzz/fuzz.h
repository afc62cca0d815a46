/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/**
 * What each fuzz target defines, and how it says that a promise was broken.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** Feed `n` hostile bytes to the decoder under test. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/** Like assert(), but never compiled out. */
#define FUZZ_CHECK(condition)                                            \
	do {                                                             \
		if (!(condition)) {                                      \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, \
				__LINE__, #condition);                   \
			abort();                                         \
		}                                                        \
	} while (0)

#endif
