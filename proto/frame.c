/* SPDX-License-Identifier: MIT */

#include "proto/frame.h"

#include <string.h>

#include "base/le.h"

/* Where the other fields stand, from the start of the frame. */
enum {
	AT_LENGTH = 0,
	AT_N_SUBJECT = 6,
	AT_N_METADATA = 8,
	AT_HOPS = 10,
	AT_ZERO = 11,
	AT_HANDLE = 28,
	AT_TOTAL = 32,
	AT_SLOT = 40,
	AT_BY_KIND = 52,
	AT_ORIGIN = 54,
	AT_HANDED_OVER = 55,
};

enum { FLAGS_UNDEFINED = 0x80 };

_Static_assert(offsetof(struct frame, kind) == FRAME_AT_KIND, "as on the wire");
_Static_assert(offsetof(struct frame, n_metadata) == AT_N_METADATA,
	       "as on the wire");
_Static_assert(offsetof(struct frame, hops) == AT_HOPS, "as on the wire");
_Static_assert(offsetof(struct frame, source) == FRAME_AT_SOURCE,
	       "as on the wire");
_Static_assert(offsetof(struct frame, handle) == AT_HANDLE, "as on the wire");
_Static_assert(offsetof(struct frame, total_bytes) == FRAME_HEADER_BYTES,
	       "as on the wire");

static const char *const error_texts[] = {
	[0] = "no error",
	[FRAME_E_INCOMPLETE] = "the frame is not complete",
	[FRAME_E_TOO_SHORT] = "length is less than a header",
	[FRAME_E_TOO_LONG] = "length is more than 65536",
	[FRAME_E_FLAGS] = "flags has an undefined bit",
	[FRAME_E_HOPS] = "hops is more than 3",
	[FRAME_E_RESERVED] = "a reserved byte is not zero",
	[FRAME_E_SUBJECT_LENGTH] = "subject length is more than 255",
	[FRAME_E_METADATA_LENGTH] = "metadata length is more than 16384",
	[FRAME_E_PARTS_EXCEED_LENGTH] = "the parts are longer than the frame",
	[FRAME_E_CHANGED] = "the header changed while it was read",
};

static const char *const kind_names[] = {
	[FRAME_MESSAGE] = "MESSAGE",
	[FRAME_CALL] = "CALL",
	[FRAME_REPLY] = "REPLY",
	[FRAME_CANCEL] = "CANCEL",
	[FRAME_ABORT] = "ABORT",
	[FRAME_ACK] = "ACK",
	[FRAME_REFUSED] = "REFUSED",
	[FRAME_OBSERVED_CALL] = "OBSERVED_CALL",
	[FRAME_OBSERVED_REPLY] = "OBSERVED_REPLY",
	[FRAME_NEXT] = "NEXT",
	[FRAME_END] = "END",
	[FRAME_WINDOW] = "WINDOW",
	[FRAME_HELLO] = "HELLO",
	[FRAME_WELCOME] = "WELCOME",
	[FRAME_GOODBYE] = "GOODBYE",
	[FRAME_SUBSCRIBE] = "SUBSCRIBE",
	[FRAME_UNSUBSCRIBE] = "UNSUBSCRIBE",
	[FRAME_SERVE] = "SERVE",
	[FRAME_UNSERVE] = "UNSERVE",
	[FRAME_RESULT] = "RESULT",
	[FRAME_SYNC] = "SYNC",
	[FRAME_CREDIT] = "CREDIT",
	[FRAME_GAP] = "GAP",
	[FRAME_PEER] = "PEER",
	[FRAME_FORGET] = "FORGET",
	[FRAME_PING] = "PING",
	[FRAME_PONG] = "PONG",
	[FRAME_BIND] = "BIND",
	[FRAME_UNBIND] = "UNBIND",
	[FRAME_DRAIN] = "DRAIN",
};

static bool has_status(uint8_t kind)
{
	return kind == FRAME_REPLY || kind == FRAME_OBSERVED_REPLY ||
	       kind == FRAME_REFUSED || kind == FRAME_RESULT ||
	       kind == FRAME_GOODBYE || kind == FRAME_ABORT;
}

/* The first rule that is broken, or 0. */
static int fault_of(const struct frame *frame)
{
	if (frame->length < FRAME_HEADER_BYTES)
		return FRAME_E_TOO_SHORT;
	if (frame->length > FRAME_MAX_BYTES)
		return FRAME_E_TOO_LONG;
	if (frame->flags & FLAGS_UNDEFINED)
		return FRAME_E_FLAGS;
	if (frame->zero)
		return FRAME_E_RESERVED;
	if (frame->hops > FRAME_HOPS_MAX)
		return FRAME_E_HOPS;
	if (frame->n_subject > FRAME_SUBJECT_MAX_BYTES)
		return FRAME_E_SUBJECT_LENGTH;
	if (frame->n_metadata > FRAME_METADATA_MAX_BYTES)
		return FRAME_E_METADATA_LENGTH;
	if (frame_body_offset(frame) > frame->length)
		return FRAME_E_PARTS_EXCEED_LENGTH;
	return 0;
}

/* Less than a header is there: only the length can be judged. */
static int decode_start(const void *bytes, size_t n, struct frame *ret_frame)
{
	uint32_t length = 0;

	if (n >= sizeof(length)) {
		length = le32_load(bytes);
		if (length > FRAME_MAX_BYTES)
			return FRAME_E_TOO_LONG;
		if (length < FRAME_HEADER_BYTES)
			return FRAME_E_TOO_SHORT;
	}
	*ret_frame = (struct frame){ .length = length };
	return FRAME_E_INCOMPLETE;
}

static void swap_header(struct frame *frame)
{
	frame->length = le32toh(frame->length);
	frame->n_subject = le16toh(frame->n_subject);
	frame->n_metadata = le16toh(frame->n_metadata);
	frame->source = le32toh(frame->source);
	frame->correlation = le64toh(frame->correlation);
	frame->time_left_ms = le32toh(frame->time_left_ms);
	frame->handle = le32toh(frame->handle);
}

static void decode_extension(const uint8_t *header, struct frame *frame)
{
	uint8_t copy[FRAME_EXTENSION_BYTES];

	memcpy(copy, header + FRAME_HEADER_BYTES, sizeof(copy));
	frame->total_bytes = le64_load(copy);
	frame->slot = le64_load(copy + (AT_SLOT - AT_TOTAL));
	frame->callee = le32_load(copy + (FRAME_AT_CALLEE - AT_TOTAL));
	if (has_status(frame->kind)) {
		frame->status = le16_load(copy + (AT_BY_KIND - AT_TOTAL));
		frame->origin = copy[AT_ORIGIN - AT_TOTAL];
		frame->handed_over = copy[AT_HANDED_OVER - AT_TOTAL];
	} else {
		frame->room_kib = le32_load(copy + (AT_BY_KIND - AT_TOTAL));
	}
}

int frame_decode_slowly(const void *bytes, size_t n, struct frame *frame)
{
	struct frame copy = { 0 };
	int fault;

	if (n < FRAME_HEADER_BYTES)
		return decode_start(bytes, n, frame);
	memcpy(&copy, bytes, FRAME_HEADER_BYTES);
	__asm__ volatile("" ::: "memory");
	swap_header(&copy);
	fault = fault_of(&copy);
	if (fault)
		return fault;
	*frame = copy;
	if (frame->length > n)
		return FRAME_E_INCOMPLETE;
	if (frame->flags & FRAME_EXTENDED)
		decode_extension(bytes, frame);
	return 0;
}

static void encode_extension(const struct frame *frame, uint8_t *header)
{
	le64_store(header + AT_TOTAL, frame->total_bytes);
	le64_store(header + AT_SLOT, frame->slot);
	le32_store(header + FRAME_AT_CALLEE, frame->callee);
	if (has_status(frame->kind)) {
		le16_store(header + AT_BY_KIND, frame->status);
		header[AT_ORIGIN] = frame->origin;
		header[AT_HANDED_OVER] = frame->handed_over;
	} else {
		le32_store(header + AT_BY_KIND, frame->room_kib);
	}
}

size_t frame_encode(const struct frame *frame, void *out)
{
	uint8_t *header = out;

	le32_store(header + AT_LENGTH, frame->length);
	header[FRAME_AT_KIND] = frame->kind;
	header[FRAME_AT_FLAGS] = frame->flags;
	le16_store(header + AT_N_SUBJECT, frame->n_subject);
	le16_store(header + AT_N_METADATA, frame->n_metadata);
	header[AT_HOPS] = frame->hops;
	header[AT_ZERO] = 0;
	le32_store(header + FRAME_AT_SOURCE, frame->source);
	le64_store(header + FRAME_AT_CORRELATION, frame->correlation);
	le32_store(header + FRAME_AT_TIME_LEFT, frame->time_left_ms);
	le32_store(header + AT_HANDLE, frame->handle);
	if (frame->flags & FRAME_EXTENDED)
		encode_extension(frame, header);
	return frame_header_bytes(frame);
}

const char *frame_error_text(int error)
{
	if (error < 0 ||
	    (size_t)error >= sizeof(error_texts) / sizeof(*error_texts))
		return "unknown error";
	return error_texts[error];
}

const char *frame_kind_name(unsigned kind)
{
	if (kind >= sizeof(kind_names) / sizeof(*kind_names) ||
	    !kind_names[kind])
		return "unknown";
	return kind_names[kind];
}
