/* SPDX-License-Identifier: MIT */

/*
 * A stream means the same however it is cut: read through a small window, with
 * frames carried, it yields the frames that it yields when all of it is seen.
 * The first byte of the input chooses the window.
 */

#include <string.h>

#include "proto/reader.h"
#include "tests/fuzz/fuzz.h"

/* What was read so far, in a form that can be compared. */
struct summary {
	unsigned n_frames;
	uint64_t n_bytes;
	uint64_t sum;
	int end;
};

static void summary_add(struct summary *summary, const struct frame *frame,
			const uint8_t *bytes)
{
	summary->n_frames++;
	summary->n_bytes += frame->length;
	for (size_t i = 0; i < frame->length; i++)
		summary->sum = summary->sum * 31 + bytes[i];
}

static struct summary read_stream(const uint8_t *bytes, size_t n,
				  size_t n_window)
{
	struct frame_reader reader = { 0 };
	struct summary summary = { 0 };

	for (;;) {
		size_t n_seen = n < n_window ? n : n_window;
		const uint8_t *frame_bytes;
		struct frame frame;
		size_t n_used;
		int r;

		r = frame_reader_next(&reader, bytes, n_seen, n_window, &n_used,
				      &frame, &frame_bytes);
		FUZZ_CHECK(n_used <= n_seen);
		if (!r)
			summary_add(&summary, &frame, frame_bytes);
		bytes += n_used;
		n -= n_used;
		summary.end = r;
		if (r && (r != FRAME_E_INCOMPLETE || !n_used))
			break;
	}
	frame_reader_deinit(&reader);
	return summary;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct summary whole, pieces;
	size_t n_window;

	if (!n)
		return 0;
	n_window = FRAME_HEADER_MAX_BYTES + bytes[0];
	whole = read_stream(bytes + 1, n - 1, n);
	pieces = read_stream(bytes + 1, n - 1, n_window);

	FUZZ_CHECK(whole.n_frames == pieces.n_frames);
	FUZZ_CHECK(whole.n_bytes == pieces.n_bytes);
	FUZZ_CHECK(whole.sum == pieces.sum);
	FUZZ_CHECK(whole.end == pieces.end);
	return 0;
}
