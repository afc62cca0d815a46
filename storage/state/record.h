/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_RECORD_H
#define STORAGE_STATE_RECORD_H

/**
 * Messages one after the other, as a store's disk has them: u32 length, u32
 * CRC-32C of the length and the message, the packed message; little-endian.
 */

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { RECORD_HEAD_BYTES = 8 };

/**
 * Add one. Returns 0; -ENOMEM, or -EMSGSIZE: the buffer's limit, or 4 GiB; then
 * `out` is as it was.
 */
int record_add(struct buffer *out, const ProtobufCMessage *message);

/** What was not read yet. */
struct record_reader {
	const uint8_t *at;
	size_t n_left;
};

/**
 * The next one, which points into what is read: 1; 0: there are no more;
 * -EAGAIN: what is left is the beginning of one; -EBADMSG: it is damaged.
 */
int record_next(struct record_reader *reader, const uint8_t **ret_message,
		size_t *ret_n);

#endif
