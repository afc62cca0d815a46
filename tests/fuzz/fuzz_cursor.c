/* SPDX-License-Identifier: MIT */

/*
 * The state of a cursor as it lies on disk, and a page of what it remembers:
 * what is taken is written alike.
 */

#include <string.h>

#include "base/buffer.h"
#include "logger/cursor_state.h"
#include "tests/fuzz/fuzz.h"

static void try_head(const uint8_t *bytes, size_t n)
{
	struct cursor_head head;
	struct buffer out;

	if (cursor_head_decode(bytes, n, &head) < 0)
		return;
	FUZZ_CHECK(head.next <= head.given_to);
	buffer_init(&out, n + 1);
	cursor_head_encode(&head, &out);
	FUZZ_CHECK(!buffer_error(&out));
	FUZZ_CHECK(out.n == n && !memcmp(out.bytes, bytes, n));
	buffer_deinit(&out);
}

static void try_page(const uint8_t *bytes, size_t n)
{
	struct cursor_failure failures[CURSOR_PAGE_SEQUENCES];
	uint8_t out[CURSOR_PAGE_BYTES_MAX];
	struct cursor_marks marks;

	if (cursor_marks_decode(bytes, n, &marks) < 0)
		return;
	FUZZ_CHECK(marks.n_failures <= CURSOR_PAGE_SEQUENCES);
	for (uint32_t i = 0; i < marks.n_failures; i++) {
		failures[i] = cursor_marks_failure(bytes, i);
		FUZZ_CHECK(failures[i].n && failures[i].n <= CURSOR_FAILED_MAX);
		FUZZ_CHECK(!i || failures[i].place > failures[i - 1].place);
	}
	FUZZ_CHECK(cursor_marks_encode(&marks, failures, out) == n);
	FUZZ_CHECK(!memcmp(out, bytes, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	try_head(bytes, n);
	try_page(bytes, n);
	return 0;
}
