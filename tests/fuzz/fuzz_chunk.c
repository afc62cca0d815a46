/* SPDX-License-Identifier: MIT */

/*
 * A chunk of a file that anybody changed, checksums set right: what is taken
 * for one holds what its head says of it. The first 8 bytes are its key.
 */

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/le.h"
#include "logger/segment.h"
#include "tests/fuzz/fuzz.h"

enum { KEY_BYTES = 8, CRC_AT = 56, RUN_CRC_AT = 44 };

static void set_checksums(uint8_t *chunk, size_t n)
{
	uint8_t *run = chunk + CHUNK_HEAD_BYTES;
	size_t n_dictionary;

	le32_store(chunk + CRC_AT, crc32c(0, chunk, CRC_AT));
	if (n < CHUNK_HEAD_BYTES + RUN_HEAD_BYTES)
		return;
	n_dictionary = le32_load(run + 28);
	if (n_dictionary > n - CHUNK_HEAD_BYTES - RUN_HEAD_BYTES)
		return;
	le32_store(run + RUN_CRC_AT,
		   crc32c(crc32c(0, run, RUN_CRC_AT), run + RUN_HEAD_BYTES,
			  n_dictionary));
}

static void check(uint64_t key, const uint8_t *bytes, size_t n)
{
	struct run_reader reader = { 0 };
	struct run_record record;
	struct chunk chunk;

	if (chunk_check(key, bytes, n, &chunk) < 0)
		return;
	FUZZ_CHECK(chunk.head.base_sequence == key);
	FUZZ_CHECK(chunk.previous < key && key <= chunk.last);
	FUZZ_CHECK(chunk.head.n_bytes + CHUNK_HEAD_BYTES == n);
	if (!run_reader_begin(&reader, chunk_run(&chunk), chunk.head.n_bytes))
		while (run_reader_next(&reader, &record) > 0)
			FUZZ_CHECK(record.sequence >= key);
	run_reader_deinit(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint8_t *copy;
	uint64_t key;

	if (n < KEY_BYTES)
		return 0;
	key = le64_load(bytes);
	bytes += KEY_BYTES;
	n -= KEY_BYTES;
	check(key, bytes, n);
	if (n < CHUNK_HEAD_BYTES)
		return 0;
	copy = malloc(n);
	FUZZ_CHECK(copy);
	memcpy(copy, bytes, n);
	set_checksums(copy, n);
	check(key, copy, n);
	free(copy);
	return 0;
}
