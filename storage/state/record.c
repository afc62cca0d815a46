/* SPDX-License-Identifier: MIT */

#include "storage/state/record.h"

#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/le.h"
#include "proto/pack.h"

/* Most are as short; to measure one takes as long as to pack it. */
enum { SHORT_BYTES = 1024 };

/* That of the length too, so that zeros are nothing. */
static uint32_t checksum(const uint8_t *head, size_t n)
{
	return crc32c(crc32c(0, head, 4), head + RECORD_HEAD_BYTES, n);
}

/* Room for one whose message has `n` bytes. */
static int extend(struct buffer *out, size_t n, uint8_t **ret_head)
{
	int r;

	if (n > UINT32_MAX - RECORD_HEAD_BYTES)
		return -EMSGSIZE;
	*ret_head = buffer_extend(out, RECORD_HEAD_BYTES + n);
	if (*ret_head)
		return 0;
	r = buffer_error(out);
	out->error = 0;
	return r;
}

static void finish(uint8_t *head, size_t n)
{
	le32_store(head, (uint32_t)n);
	le32_store(head + 4, checksum(head, n));
}

static int add_long(struct buffer *out, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *head;
	int r = extend(out, n, &head);

	if (r < 0)
		return r;
	(void)pack_to_end(message, head + RECORD_HEAD_BYTES, n);
	finish(head, n);
	return 0;
}

int record_add(struct buffer *out, const ProtobufCMessage *message)
{
	uint8_t packed[SHORT_BYTES];
	ssize_t n = pack_to_end(message, packed, sizeof(packed));
	uint8_t *head;
	int r;

	if (n < 0)
		return add_long(out, message);
	r = extend(out, (size_t)n, &head);
	if (r < 0)
		return r;
	memcpy(head + RECORD_HEAD_BYTES, packed + sizeof(packed) - n,
	       (size_t)n);
	finish(head, (size_t)n);
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
