/* SPDX-License-Identifier: MIT */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

/**
 * The frame: the unit on a channel, and all that the switch has to read.
 *
 * A frame is a header of 32 bytes, 24 more if it is extended, then subject,
 * metadata and body. All numbers are little-endian. docs/PROTOCOL.md says what
 * each kind means; this file only packs and checks.
 *
 * Decoding copies the header out of the peer's memory once and judges nothing
 * but the copy, so it may be pointed at memory that a hostile peer still
 * writes to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	FRAME_HEADER_BYTES = 32,
	FRAME_EXTENSION_BYTES = 24,
	FRAME_HEADER_MAX_BYTES = FRAME_HEADER_BYTES + FRAME_EXTENSION_BYTES,
	FRAME_MAX_BYTES = 64 * 1024,
	FRAME_SUBJECT_MAX_BYTES = 255,
	FRAME_METADATA_MAX_BYTES = 16 * 1024,
	FRAME_HOPS_MAX = 3,
	/* Headers have to be turned round after the copy. */
	FRAME_IS_SWAPPED = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
};

enum frame_kind {
	/* What people say to each other. */
	FRAME_MESSAGE = 1,
	FRAME_CALL = 2,
	FRAME_REPLY = 3,
	FRAME_CANCEL = 4,
	FRAME_ABORT = 5,
	FRAME_ACK = 6,
	FRAME_REFUSED = 7,
	FRAME_OBSERVED_CALL = 8,
	FRAME_OBSERVED_REPLY = 9,
	FRAME_NEXT = 10,   /* one of the messages of a stream */
	FRAME_END = 11,    /* the caller's stream is at its end */
	FRAME_WINDOW = 12, /* so much more of streams may come */

	/* What a peer and the switch say to each other. */
	FRAME_HELLO = 16,
	FRAME_WELCOME = 17,
	FRAME_GOODBYE = 18,
	FRAME_SUBSCRIBE = 19,
	FRAME_UNSUBSCRIBE = 20,
	FRAME_SERVE = 21,
	FRAME_UNSERVE = 22,
	FRAME_RESULT = 23,
	FRAME_SYNC = 24,
	FRAME_CREDIT = 25,
	FRAME_GAP = 26,
	FRAME_PEER = 27,
	FRAME_FORGET = 28,
	FRAME_PING = 29,
	FRAME_PONG = 30,
	FRAME_BIND = 31,
	FRAME_UNBIND = 32,
	FRAME_DRAIN = 33,
};

enum frame_flag {
	FRAME_FIRST = 1 << 0,      /* the first fragment of a message */
	FRAME_LAST = 1 << 1,       /* its last; both: the only one */
	FRAME_ACK_ROUTED = 1 << 2, /* tell me who took it */
	FRAME_ACK_STORED = 1 << 3, /* tell me when it is on disk */
	FRAME_IGNORABLE = 1 << 4,  /* an unknown kind that may be skipped */
	FRAME_WAIT = 1 << 5,       /* a call: hold it until a server comes */
	FRAME_EXTENDED = 1 << 6,   /* 24 more bytes of header follow */
	FRAME_WHOLE = FRAME_FIRST | FRAME_LAST,
	/* Of a call, which asks for no acks. */
	FRAME_MORE = FRAME_ACK_ROUTED,   /* its requests are a stream */
	FRAME_STREAM = FRAME_ACK_STORED, /* its replies are one */
};

/** Where those who pass on encoded frames find what they change in them. */
enum {
	FRAME_AT_KIND = 4,
	FRAME_AT_FLAGS = 5,
	FRAME_AT_SUBJECT_BYTES = 6,
	FRAME_AT_HOPS = 10,
	FRAME_AT_SOURCE = 12,
	FRAME_AT_CORRELATION = 16,
	FRAME_AT_TIME_LEFT = 24,
	FRAME_AT_HANDLE = 28,
	FRAME_AT_CALLEE = 48, /* of an observed copy */
};

/** Correlation ids with this bit were drawn by the switch. */
#define FRAME_SWITCH_DRAWN (UINT64_C(1) << 63)

/** What is wrong with bytes that are no frame; frame_error_text() says it. */
enum frame_error {
	FRAME_E_INCOMPLETE = 1, /* not wrong: more bytes are needed */
	FRAME_E_TOO_SHORT,
	FRAME_E_TOO_LONG,
	FRAME_E_FLAGS,
	FRAME_E_HOPS,
	FRAME_E_RESERVED,
	FRAME_E_SUBJECT_LENGTH,
	FRAME_E_METADATA_LENGTH,
	FRAME_E_PARTS_EXCEED_LENGTH,
	FRAME_E_CHANGED,
};

/**
 * A header, in the order in which it stands on the wire, so that decoding is
 * one copy.
 */
struct frame {
	uint32_t length; /* of everything, header included */
	uint8_t kind;    /* enum frame_kind, or one we do not know */
	uint8_t flags;   /* enum frame_flag */
	uint16_t n_subject;
	uint16_t n_metadata;
	uint8_t hops;
	uint8_t zero;
	uint32_t source; /* handle of a principal; 0: the direct peer */
	uint64_t correlation;
	uint32_t time_left_ms; /* 0: not told */
	uint32_t handle;       /* 0: the subject is text */

	/* The extension; all zero without FRAME_EXTENDED. */
	uint64_t total_bytes; /* first fragment: body bytes of the message */
	uint64_t slot;        /* observed copies */
	uint32_t callee;      /* observed copies: handle of the callee */
	union {
		uint32_t room_kib;       /* of a call */
		struct {                 /* of a reply, refusal, result, end */
			uint16_t status; /* enum status */
			uint8_t origin;  /* enum status_origin */
			uint8_t handed_over; /* 1 if a callee has had the call
					      */
		};
	};
};

/** The rest of frame_decode(). */
int frame_decode_slowly(const void *bytes, size_t n, struct frame *frame);

static inline size_t frame_header_bytes(const struct frame *frame)
{
	return frame->flags & FRAME_EXTENDED ? FRAME_HEADER_MAX_BYTES
					     : FRAME_HEADER_BYTES;
}

static inline size_t frame_body_offset(const struct frame *frame)
{
	return frame_header_bytes(frame) + frame->n_subject + frame->n_metadata;
}

/**
 * Decode the header of a whole frame without extension, which is what nearly
 * all are. Returns false when it is another, or none, and frame_decode() has to
 * look. The barrier makes the copy the only look: what is checked after it
 * cannot be loaded from the peer's memory again.
 *
 * Every rule is in one condition. The masks are of the bits that have to be
 * zero: above 255 in the subject's length, flags that are undefined,
 * FRAME_EXTENDED, the reserved byte, hops above 3.
 */
static inline bool frame_decode_plain(const void *bytes, size_t n,
				      struct frame *ret_frame)
{
	uint64_t words[2];
	size_t n_metadata;
	size_t length;

	if (n < FRAME_HEADER_BYTES || FRAME_IS_SWAPPED)
		return false;
	*ret_frame = (struct frame){ 0 };
	memcpy(ret_frame, bytes, FRAME_HEADER_BYTES);
	__asm__ volatile("" ::: "memory");
	memcpy(words, ret_frame, sizeof(words));
	length = words[0] & UINT32_MAX;
	n_metadata = words[1] & UINT16_MAX;
	return !(words[0] & UINT64_C(0xff00c00000000000)) &&
	       !(words[1] & UINT64_C(0x00000000fffc0000)) && length <= n &&
	       length <= FRAME_MAX_BYTES &&
	       n_metadata <= FRAME_METADATA_MAX_BYTES &&
	       FRAME_HEADER_BYTES + (words[0] >> 48) + n_metadata <= length;
}

/**
 * Decode the header of the frame at `bytes`, of which `n` can be read.
 *
 * Returns 0 when the whole frame is there, FRAME_E_INCOMPLETE when it is not
 * (ret_frame->length is then set if at least four bytes were there, else 0),
 * or another FRAME_E_*, and what is in ret_frame means nothing. After 0,
 * frame_header_bytes() + n_subject + n_metadata
 * <= length <= n holds. Neither the subject's text nor the kind is judged.
 */
static inline int frame_decode(const void *bytes, size_t n,
			       struct frame *ret_frame)
{
	if (frame_decode_plain(bytes, n, ret_frame))
		return 0;
	return frame_decode_slowly(bytes, n, ret_frame);
}

/**
 * Write the header. Returns its size, 32 or 56. `frame->length` must be right,
 * see frame_set_body().
 */
size_t frame_encode(const struct frame *frame, void *out);

const char *frame_error_text(int error);

/** "MESSAGE" for 1; "unknown" for a number that is no kind. */
const char *frame_kind_name(unsigned kind);

static inline size_t frame_body_bytes(const struct frame *frame)
{
	return frame->length - frame_body_offset(frame);
}

/** Set the length from the other parts and a body of `n` bytes. */
static inline void frame_set_body(struct frame *frame, size_t n)
{
	frame->length = (uint32_t)(frame_body_offset(frame) + n);
}

static inline bool frame_is_whole(const struct frame *frame)
{
	return (frame->flags & FRAME_WHOLE) == FRAME_WHOLE;
}

#endif
