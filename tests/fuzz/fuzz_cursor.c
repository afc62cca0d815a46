/* SPDX-License-Identifier: MIT */

/* The state of a cursor as it lies on disk: what is taken is written alike. */

#include <string.h>

#include "base/buffer.h"
#include "logger/cursor_state.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct cursor_head head;
	struct buffer out;
	uint64_t last = 0;

	if (cursor_head_decode(bytes, n, &head) < 0)
		return 0;
	buffer_init(&out, n + 1);
	cursor_head_encode(&head, &out);
	for (uint32_t i = 0; i < head.n_items; i++) {
		struct cursor_memory memory;

		cursor_memory_decode(bytes, &head, i, &memory);
		FUZZ_CHECK(memory.sequence >= head.next);
		FUZZ_CHECK(!i || memory.sequence > last);
		FUZZ_CHECK(memory.n_failed <= CURSOR_FAILED_MAX);
		last = memory.sequence;
		cursor_memory_encode(&memory, &out);
	}
	FUZZ_CHECK(!buffer_error(&out));
	FUZZ_CHECK(out.n == n);
	buffer_deinit(&out);
	return 0;
}
