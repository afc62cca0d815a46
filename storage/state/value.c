/* SPDX-License-Identifier: MIT */

#include "storage/state/value.h"

#include <stdlib.h>
#include <string.h>

struct value *value_new(const void *bytes, size_t n_bytes)
{
	struct value *value = malloc(sizeof(*value) + n_bytes);

	if (!value)
		return NULL;
	value->n_bytes = (uint32_t)n_bytes;
	if (n_bytes)
		memcpy(value->bytes, bytes, n_bytes);
	return value;
}

struct value *value_free(struct value *value)
{
	free(value);
	return NULL;
}
