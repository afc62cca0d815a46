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
};

static bool has_status(uint8_t kind)
{
	return kind == FRAME_REPLY || kind == FRAME_OBSERVED_REPLY ||
	       kind == FRAME_REFUSED || kind == FRAME_RESULT ||
	       kind == FRAME_GOODBYE || kind == FRAME_ABORT;
}

/* What the rules are about, of a header that is in our memory. */
struct measures {
	uint32_t length;
	size_t n_header;
	size_t n_subject;
	size_t n_metadata;
};

static int fault_of(const struct measures *m, const uint8_t *header)
{
	if (m->length < FRAME_HEADER_BYTES)
		return FRAME_E_TOO_SHORT;
	if (m->length > FRAME_MAX_BYTES)
		return FRAME_E_TOO_LONG;
	if (header[FRAME_AT_FLAGS] & 0x80)
		return FRAME_E_FLAGS;
	if (header[AT_ZERO])
		return FRAME_E_RESERVED;
	if (header[AT_HOPS] > FRAME_HOPS_MAX)
		return FRAME_E_HOPS;
	if (m->n_subject > FRAME_SUBJECT_MAX_BYTES)
		return FRAME_E_SUBJECT_LENGTH;
	if (m->n_metadata > FRAME_METADATA_MAX_BYTES)
		return FRAME_E_METADATA_LENGTH;
	return FRAME_E_PARTS_EXCEED_LENGTH;
}

/* Every rule in one condition: which of them it was matters only later. */
static inline bool is_sound(const struct measures *m, const uint8_t *header)
{
	return m->length <= FRAME_MAX_BYTES &&
	       !(header[FRAME_AT_FLAGS] & 0x80) && !header[AT_ZERO] &&
	       header[AT_HOPS] <= FRAME_HOPS_MAX &&
	       m->n_subject <= FRAME_SUBJECT_MAX_BYTES &&
	       m->n_metadata <= FRAME_METADATA_MAX_BYTES &&
	       m->n_header + m->n_subject + m->n_metadata <= m->length;
}

static void decode_extension(const uint8_t *header, struct frame *frame)
{
	frame->total_bytes = le64_load(header + AT_TOTAL);
	frame->slot = le64_load(header + AT_SLOT);
	frame->callee = le32_load(header + FRAME_AT_CALLEE);
	if (has_status(frame->kind)) {
		frame->status = le16_load(header + AT_BY_KIND);
		frame->origin = header[AT_ORIGIN];
		frame->handed_over = header[AT_HANDED_OVER];
	} else {
		frame->room_kib = le32_load(header + AT_BY_KIND);
	}
}

static void decode_fields(const uint8_t *header, struct frame *frame)
{
	*frame = (struct frame){
		.length = le32_load(header + AT_LENGTH),
		.kind = header[FRAME_AT_KIND],
		.flags = header[FRAME_AT_FLAGS],
		.hops = header[AT_HOPS],
		.n_subject = le16_load(header + AT_N_SUBJECT),
		.n_metadata = le16_load(header + AT_N_METADATA),
		.source = le32_load(header + FRAME_AT_SOURCE),
		.correlation = le64_load(header + FRAME_AT_CORRELATION),
		.time_left_ms = le32_load(header + FRAME_AT_TIME_LEFT),
		.handle = le32_load(header + AT_HANDLE),
	};
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

/*
 * The fields are stored one by one where they are to stay: to copy them on
 * would be to load in wide pieces what was just stored in narrow ones.
 */
int frame_decode(const void *bytes, size_t n, struct frame *ret_frame)
{
	uint8_t header[FRAME_HEADER_MAX_BYTES];
	struct measures m;
	bool is_extended;

	if (n < FRAME_HEADER_BYTES)
		return decode_start(bytes, n, ret_frame);

	memcpy(header, bytes, FRAME_HEADER_BYTES);
	is_extended = header[FRAME_AT_FLAGS] & FRAME_EXTENDED;
	m.length = le32_load(header + AT_LENGTH);
	m.n_header = is_extended ? FRAME_HEADER_MAX_BYTES : FRAME_HEADER_BYTES;
	m.n_subject = le16_load(header + AT_N_SUBJECT);
	m.n_metadata = le16_load(header + AT_N_METADATA);
	if (!is_sound(&m, header))
		return fault_of(&m, header);

	decode_fields(header, ret_frame);
	if (m.length > n)
		return FRAME_E_INCOMPLETE;
	if (is_extended) {
		memcpy(header + FRAME_HEADER_BYTES,
		       (const uint8_t *)bytes + FRAME_HEADER_BYTES,
		       FRAME_EXTENSION_BYTES);
		decode_extension(header, ret_frame);
	}
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
