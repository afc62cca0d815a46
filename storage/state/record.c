/* SPDX-License-Identifier: MIT */

#include "storage/state/record.h"

#include <errno.h>

#include "base/crc32c.h"
#include "base/le.h"

/* That of the length too, so that zeros are nothing. */
static uint32_t checksum(const uint8_t *head, size_t n)
{
	return crc32c(crc32c(0, head, 4), head + RECORD_HEAD_BYTES, n);
}

int record_add(struct buffer *out, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *head;
	int r;

	if (n > UINT32_MAX - RECORD_HEAD_BYTES)
		return -EMSGSIZE;
	head = buffer_extend(out, RECORD_HEAD_BYTES + n);
	if (!head) {
		r = buffer_error(out);
		out->error = 0;
		return r;
	}
	protobuf_c_message_pack(message, head + RECORD_HEAD_BYTES);
	le32_store(head, (uint32_t)n);
	le32_store(head + 4, checksum(head, n));
	return 0;
}

int record_next(struct record_reader *reader, const uint8_t **ret_message,
		size_t *ret_n)
{
	const uint8_t *at = reader->at;
	size_t n;

	if (!reader->n_left)
		return 0;
	if (reader->n_left < RECORD_HEAD_BYTES)
		return -EAGAIN;
	n = le32_load(at);
	if (n > reader->n_left - RECORD_HEAD_BYTES)
		return -EAGAIN;
	if (checksum(at, n) != le32_load(at + 4))
		return -EBADMSG;
	*ret_message = at + RECORD_HEAD_BYTES;
	*ret_n = n;
	reader->at += RECORD_HEAD_BYTES + n;
	reader->n_left -= RECORD_HEAD_BYTES + n;
	return 1;
}
