/* SPDX-License-Identifier: MIT */

#include "tests/schema/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { SET_BYTES_MAX = 256 << 10 };

uint8_t *sample_read(size_t *ret_n)
{
	uint8_t *bytes = malloc(SET_BYTES_MAX);
	FILE *file = fopen(HELIO_SAMPLE_SET, "rb");

	if (!bytes || !file)
		abort();
	*ret_n = fread(bytes, 1, SET_BYTES_MAX, file);
	fclose(file);
	return bytes;
}

struct pool *sample_pool(void)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	char error[POOL_ERROR_BYTES];
	struct pool *pool;
	size_t n;

	bytes = sample_read(&n);
	if (pool_read(bytes, n, &pool, error) < 0) {
		fprintf(stderr, "the sample: %s\n", error);
		abort();
	}
	return pool;
}

const struct pool_message *sample_type(const struct pool *pool,
				       const char *name)
{
	const struct pool_message *type;
	char full[128];

	snprintf(full, sizeof(full), "sample.v1.%s", name);
	type = pool_message_lookup(pool, full, strlen(full));
	if (!type)
		abort();
	return type;
}
