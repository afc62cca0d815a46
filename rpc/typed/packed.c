/* SPDX-License-Identifier: MIT */

#include "rpc/typed/packed.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proto/pack.h"

static int pack_long(struct packed *packed, const ProtobufCMessage *message)
{
	packed->heap = pack_new(message, &packed->n);
	packed->bytes = packed->heap;
	if (!packed->heap)
		return -ENOMEM;
	if (packed->n <= INT32_MAX)
		return 0;
	free(take_ptr(packed->heap));
	return -EMSGSIZE;
}

int packed_init(struct packed *packed, const ProtobufCMessage *message)
{
	const uint8_t *end = packed->inside + sizeof(packed->inside);
	ssize_t n = 0;

	packed->heap = NULL;
	if (message)
		n = pack_to_end(message, packed->inside,
				sizeof(packed->inside));
	if (n < 0)
		return pack_long(packed, message);
	packed->bytes = end - n;
	packed->n = (size_t)n;
	return 0;
}

void packed_deinit(struct packed *packed)
{
	free(packed->heap);
}
