/* SPDX-License-Identifier: MIT */

#include "storage/backend/row.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/le.h"

static uint32_t checksum(const struct store_key *key, const void *value,
			 size_t n)
{
	uint8_t number[8];
	uint32_t crc;

	if (key->bytes) {
		crc = crc32c(0, key->bytes, key->n_bytes);
	} else {
		le64_store(number, key->number);
		crc = crc32c(0, number, sizeof(number));
	}
	return crc32c(crc, value, n);
}

int row_put(struct store *store, unsigned table, const struct store_key *key,
	    const void *value, size_t n)
{
	uint8_t crc[ROW_CRC_BYTES];
	const struct store_piece pieces[] = {
		{ .bytes = value, .n_bytes = n },
		{ .bytes = crc, .n_bytes = sizeof(crc) },
	};

	le32_store(crc, checksum(key, value, n));
	return store_put(store, table, key, pieces, 2);
}

int row_check(const struct store_key *key, const void *value, size_t n_value,
	      size_t *ret_n)
{
	size_t n;

	if (n_value < ROW_CRC_BYTES)
		return -EBADMSG;
	n = n_value - ROW_CRC_BYTES;
	if (checksum(key, value, n) != le32_load((const uint8_t *)value + n))
		return -EBADMSG;
	*ret_n = n;
	return 0;
}

static int copy(const struct store_key *key, const void *from, size_t n_from,
		void *ret_value, size_t n)
{
	size_t n_value;

	if (row_check(key, from, n_from, &n_value) < 0 || n_value != n)
		return -EBADMSG;
	memcpy(ret_value, from, n);
	return 0;
}

int row_get(struct store *store, unsigned table, const struct store_key *key,
	    void *ret_value, size_t n)
{
	const void *value;
	size_t n_value;
	int r;

	r = store_get(store, table, key, &value, &n_value);
	if (r <= 0)
		return r;
	r = copy(key, value, n_value, ret_value, n);
	return r < 0 ? r : 1;
}

int row_at(struct store_cursor *cursor, void *ret_value, size_t n)
{
	struct store_key key = store_cursor_key(cursor);
	const void *value;
	size_t n_value;
	int r;

	r = store_cursor_value(cursor, &value, &n_value);
	if (r < 0)
		return r;
	return copy(&key, value, n_value, ret_value, n);
}

size_t row_text_key(uint8_t *key, const void *text, size_t n, uint64_t number)
{
	uint64_t big = htobe64(number);

	memcpy(key, text, n);
	key[n] = 0;
	memcpy(key + n + 1, &big, sizeof(big));
	return n + ROW_TEXT_BYTES;
}

int row_text_of(const struct store_key *key, uint64_t *ret_number)
{
	const uint8_t *bytes = key->bytes;
	uint64_t big;
	size_t n;

	if (key->n_bytes < ROW_TEXT_BYTES ||
	    key->n_bytes > ROW_TEXT_MAX + ROW_TEXT_BYTES)
		return -EBADMSG;
	n = key->n_bytes - ROW_TEXT_BYTES;
	if (bytes[n])
		return -EBADMSG;
	memcpy(&big, bytes + n + 1, sizeof(big));
	*ret_number = be64toh(big);
	return (int)n;
}
