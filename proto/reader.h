/* SPDX-License-Identifier: MIT */
#ifndef PROTO_READER_H
#define PROTO_READER_H

/**
 * Finds whole frames in the bytes of a channel.
 *
 * A frame that fits the channel's window is found where it stands, without a
 * copy. One that is longer than the window will ever be (a 64 KiB frame on a
 * ring of 4 KiB) is carried: taken piece by piece into a buffer of our own,
 * which is allocated when it is first needed and is never more than one frame.
 */

#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"

struct frame_reader {
	uint8_t *carry; /* FRAME_MAX_BYTES, or NULL until needed */
	size_t n_carried;
};

/** A zeroed reader is ready for use. Frees the carry. */
void frame_reader_deinit(struct frame_reader *reader);

/** The rest of frame_reader_next(). */
int frame_reader_next_slowly(struct frame_reader *reader, const uint8_t *window,
			     size_t n, size_t n_window_max, size_t *ret_n_used,
			     struct frame *ret_frame,
			     const uint8_t **ret_bytes);

/**
 * Look for the next frame in the `n` bytes at `window`, of a channel that
 * never shows more than `n_window_max` at once.
 *
 * On return *ret_n_used bytes of the window are done with: the caller moves
 * its window on by that much and consumes them, but only after it has used the
 * frame, for the frame may stand in them.
 *
 * Returns 0 with a frame: *ret_frame is a checked copy of its header,
 * *ret_bytes its length bytes, which stand in the window or the carry and stay
 * there until the next call. FRAME_E_INCOMPLETE: no whole frame yet. Another
 * FRAME_E_*: the bytes are no frame, the channel is useless from here on.
 * -ENOMEM: no carry to be had.
 */
static inline int frame_reader_next(struct frame_reader *reader,
				    const uint8_t *window, size_t n,
				    size_t n_window_max, size_t *ret_n_used,
				    struct frame *ret_frame,
				    const uint8_t **ret_bytes)
{
	if (reader->n_carried || !frame_decode_plain(window, n, ret_frame))
		return frame_reader_next_slowly(reader, window, n, n_window_max,
						ret_n_used, ret_frame,
						ret_bytes);
	*ret_n_used = ret_frame->length;
	*ret_bytes = window;
	return 0;
}

#endif
