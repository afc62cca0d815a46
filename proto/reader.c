/* SPDX-License-Identifier: MIT */

#include "proto/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void frame_reader_deinit(struct frame_reader *reader)
{
	free(reader->carry);
	*reader = (struct frame_reader){ 0 };
}

/* Finish the frame that is carried; its header was judged in our memory. */
static int continue_carried(struct frame_reader *reader, const uint8_t *window,
			    size_t n, size_t *ret_n_used,
			    struct frame *ret_frame)
{
	struct frame frame;
	size_t n_taken;

	(void)frame_decode(reader->carry, reader->n_carried, &frame);
	n_taken = frame.length - reader->n_carried;
	if (n_taken > n)
		n_taken = n;
	memcpy(reader->carry + reader->n_carried, window, n_taken);
	reader->n_carried += n_taken;
	*ret_n_used = n_taken;
	return frame_decode(reader->carry, reader->n_carried, ret_frame);
}

/* `n` is less than the frame's length, and so less than the carry holds. */
static int start_carrying(struct frame_reader *reader, const uint8_t *window,
			  size_t n)
{
	struct frame frame;
	int r;

	if (!reader->carry)
		reader->carry = malloc(FRAME_MAX_BYTES);
	if (!reader->carry)
		return -ENOMEM;

	memcpy(reader->carry, window, n);
	r = frame_decode(reader->carry, n, &frame);
	if (r != FRAME_E_INCOMPLETE)
		return FRAME_E_CHANGED;
	reader->n_carried = n;
	return FRAME_E_INCOMPLETE;
}

int frame_reader_next_slowly(struct frame_reader *reader, const uint8_t *window,
			     size_t n, size_t n_window_max, size_t *ret_n_used,
			     struct frame *ret_frame, const uint8_t **ret_bytes)
{
	int r;

	*ret_n_used = 0;
	if (reader->n_carried) {
		r = continue_carried(reader, window, n, ret_n_used, ret_frame);
		if (r)
			return r;
		*ret_bytes = reader->carry;
		reader->n_carried = 0;
		return 0;
	}

	r = frame_decode(window, n, ret_frame);
	if (!r) {
		*ret_n_used = ret_frame->length;
		*ret_bytes = window;
		return 0;
	}
	if (r != FRAME_E_INCOMPLETE || n < FRAME_HEADER_BYTES ||
	    ret_frame->length <= n_window_max)
		return r;

	r = start_carrying(reader, window, n);
	if (r == FRAME_E_INCOMPLETE)
		*ret_n_used = n;
	return r;
}
