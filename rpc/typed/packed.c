/* SPDX-License-Identifier: MIT */

#include "rpc/typed/packed.h"

#include <errno.h>
#include <stdlib.h>

int packed_init(struct packed *packed, const ProtobufCMessage *message)
{
	packed->bytes = packed->inside;
	packed->n = 0;
	if (!message)
		return 0;
	packed->n = protobuf_c_message_get_packed_size(message);
	if (packed->n > INT32_MAX)
		return -EMSGSIZE;
	if (packed->n > sizeof(packed->inside)) {
		packed->bytes = malloc(packed->n);
		if (!packed->bytes)
			return -ENOMEM;
	}
	protobuf_c_message_pack(message, packed->bytes);
	return 0;
}

void packed_deinit(struct packed *packed)
{
	if (packed->bytes != packed->inside)
		free(packed->bytes);
}
