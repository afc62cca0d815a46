/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SCHEMA_SAMPLE_H
#define TESTS_SCHEMA_SAMPLE_H

/** sample.proto and legacy.proto, as protoc writes them. */

#include "schema/pool.h"

/** The set's bytes, to be freed. Aborts when they cannot be read. */
uint8_t *sample_read(size_t *ret_n);

struct pool *sample_pool(void);

/** "sample.v1.Machine" for "Machine". Never NULL. */
const struct pool_message *sample_type(const struct pool *pool,
				       const char *name);

#endif
