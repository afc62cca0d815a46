/* SPDX-License-Identifier: MIT */

/* A header that decodes keeps its promises and encodes to the same bytes. */

#include <string.h>

#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint8_t again[FRAME_HEADER_MAX_BYTES];
	struct frame frame;
	int r;

	r = frame_decode(bytes, n, &frame);
	FUZZ_CHECK(r >= 0 && frame_error_text(r));
	if (r)
		return 0;

	FUZZ_CHECK(frame.length <= n && frame.length <= FRAME_MAX_BYTES);
	FUZZ_CHECK(frame_body_offset(&frame) <= frame.length);
	FUZZ_CHECK(frame_kind_name(frame.kind));
	FUZZ_CHECK(frame_encode(&frame, again) == frame_header_bytes(&frame));
	FUZZ_CHECK(!memcmp(again, bytes, frame_header_bytes(&frame)));
	return 0;
}
