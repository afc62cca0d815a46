/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_REGISTRY_SAMPLE_H
#define TESTS_UNIT_REGISTRY_SAMPLE_H

/** Small schemas for tests. */

#include <stdint.h>

#include "registry/draft.h"

/**
 * A packed set of the package, with a message A of int32 fields numbered 1 to
 * `n_fields` and a service S with a method Do. The caller frees it.
 */
uint8_t *sample_set(const char *package, unsigned n_fields, size_t *ret_n);

/** The same, read; its entry is registered by `principal`. */
struct draft *sample_draft(const char *package, unsigned n_fields,
			   const char *principal);

#endif
