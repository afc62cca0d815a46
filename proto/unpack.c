/* SPDX-License-Identifier: MIT */

#include "proto/unpack.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "base/varint.h"
#include "proto/pack.h"
#include "proto/unpack_flat.h"
#include "proto/wire.h"

/* One nested message that is being scanned. */
struct level {
	const ProtobufCMessageDescriptor *descriptor;
	const uint8_t *end;
};

struct scan {
	const uint8_t *at;
	struct level levels[UNPACK_DEPTH_LIMIT];
	size_t n_levels;
	size_t n_levels_max;
	size_t n_fields;
	size_t n_fields_max;
	bool wants_utf8;
};

static const char *const error_texts[] = {
	[0] = "no error",
	[UNPACK_E_MALFORMED] = "malformed protobuf",
	[UNPACK_E_DEPTH] = "protobuf nested too deeply",
	[UNPACK_E_FIELDS] = "protobuf with too many fields",
	[UNPACK_E_ARENA] = "protobuf too large when unpacked",
	[UNPACK_E_TEXT] = "protobuf with a string that is not UTF-8",
};

static bool read_varint(struct scan *scan, const uint8_t *end, uint64_t *ret)
{
	return varint_read(&scan->at, end, ret);
}

static int enter(struct scan *scan, const ProtobufCFieldDescriptor *field,
		 size_t n)
{
	if (scan->n_levels == scan->n_levels_max)
		return UNPACK_E_DEPTH;
	scan->levels[scan->n_levels++] = (struct level){
		.descriptor = field->descriptor,
		.end = scan->at + n,
	};
	return 0;
}

/* protobuf-c hands strings on as they came: a NUL would hide what follows. */
static int scan_bytes(struct scan *scan, const struct level *level,
		      uint32_t tag)
{
	const ProtobufCFieldDescriptor *field;
	uint64_t n;

	if (!read_varint(scan, level->end, &n) ||
	    n > (uint64_t)(level->end - scan->at))
		return UNPACK_E_MALFORMED;

	field = protobuf_c_message_descriptor_get_field(level->descriptor, tag);
	if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
		return enter(scan, field, n);
	if (field && field->type == PROTOBUF_C_TYPE_STRING) {
		if (memchr(scan->at, 0, n))
			return UNPACK_E_MALFORMED;
		if (scan->wants_utf8 && !utf8_is_valid(scan->at, n))
			return UNPACK_E_TEXT;
	}
	/* Packed numbers become at most one element a byte. */
	if (field && field->label == PROTOBUF_C_LABEL_REPEATED &&
	    field->type != PROTOBUF_C_TYPE_STRING &&
	    field->type != PROTOBUF_C_TYPE_BYTES)
		scan->n_fields += n;
	scan->at += n;
	return 0;
}

static int scan_field(struct scan *scan)
{
	struct level level = scan->levels[scan->n_levels - 1];
	uint64_t key;
	uint64_t ignored;
	size_t n_fixed;

	if (++scan->n_fields > scan->n_fields_max)
		return UNPACK_E_FIELDS;
	if (!read_varint(scan, level.end, &key) || !(key >> 3) || key >> 32)
		return UNPACK_E_MALFORMED;

	switch (key & 7) {
	case WIRE_VARINT:
		return read_varint(scan, level.end, &ignored)
			       ? 0
			       : UNPACK_E_MALFORMED;
	case WIRE_BYTES:
		return scan_bytes(scan, &level, (uint32_t)(key >> 3));
	case WIRE_FIXED64:
		n_fixed = 8;
		break;
	case WIRE_FIXED32:
		n_fixed = 4;
		break;
	default:
		return UNPACK_E_MALFORMED;
	}
	if (n_fixed > (size_t)(level.end - scan->at))
		return UNPACK_E_MALFORMED;
	scan->at += n_fixed;
	return 0;
}

size_t unpack_fields_max(const struct unpack_arena *arena)
{
	return arena->n_fields_max ? arena->n_fields_max : UNPACK_FIELDS_MAX;
}

/* The levels are not cleared: most messages have one or two. */
static void scan_init(struct scan *scan, const struct unpack_arena *arena)
{
	unsigned depth_max =
		arena->depth_max ? arena->depth_max : UNPACK_DEPTH_MAX;

	scan->n_levels_max =
		depth_max < UNPACK_DEPTH_LIMIT ? depth_max : UNPACK_DEPTH_LIMIT;
	scan->n_fields_max = unpack_fields_max(arena);
	scan->wants_utf8 = arena->wants_utf8;
	scan->n_levels = 0;
	scan->n_fields = 0;
}

static int scan_message(const ProtobufCMessageDescriptor *descriptor,
			const uint8_t *bytes, size_t n,
			const struct unpack_arena *arena)
{
	struct scan scan;

	/* Nothing to look at may be NULL, to which nothing can be added. */
	if (n == 0)
		return 0;
	scan_init(&scan, arena);
	scan.at = bytes;
	scan.levels[scan.n_levels++] = (struct level){
		.descriptor = descriptor,
		.end = bytes + n,
	};
	while (scan.n_levels) {
		int r;

		if (scan.at == scan.levels[scan.n_levels - 1].end) {
			scan.n_levels--;
			continue;
		}
		r = scan_field(&scan);
		if (r)
			return r;
	}
	return scan.n_fields > scan.n_fields_max ? UNPACK_E_FIELDS : 0;
}

void *unpack_alloc(struct unpack_arena *arena, size_t n)
{
	size_t start = (arena->n_used + 15) & ~(size_t)15;

	if (start > arena->n_bytes || n > arena->n_bytes - start) {
		arena->is_full = true;
		return NULL;
	}
	arena->n_used = start + n;
	return arena->bytes + start;
}

static void *arena_alloc(void *userdata, size_t n)
{
	return unpack_alloc(userdata, n);
}

static void arena_free(void *userdata, void *pointer)
{
	(void)userdata;
	(void)pointer;
}

static void empty(struct unpack_arena *arena)
{
	arena->n_used = 0;
	arena->is_full = false;
}

int unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes,
	   size_t n, struct unpack_arena *arena, ProtobufCMessage **ret_message)
{
	ProtobufCAllocator allocator = {
		.alloc = arena_alloc,
		.free = arena_free,
		.allocator_data = arena,
	};
	ProtobufCMessage *message;
	int r;

	empty(arena);
	if (n && unpack_flat(descriptor, bytes, n, arena, ret_message))
		return 0;
	r = scan_message(descriptor, bytes, n, arena);
	if (r)
		return r;

	empty(arena);
	message = protobuf_c_message_unpack(descriptor, &allocator, n, bytes);
	if (!message)
		return arena->is_full ? UNPACK_E_ARENA : UNPACK_E_MALFORMED;
	*ret_message = message;
	return 0;
}

ProtobufCMessage *unpack_copy(const ProtobufCMessage *message)
{
	ProtobufCMessage *copy;
	struct packed packed;

	if (packed_init(&packed, message) < 0)
		return NULL;
	copy = protobuf_c_message_unpack(message->descriptor, NULL, packed.n,
					 packed.bytes);
	packed_deinit(&packed);
	return copy;
}

const char *unpack_error_text(int error)
{
	if (error < 0 ||
	    (size_t)error >= sizeof(error_texts) / sizeof(*error_texts))
		return "unknown error";
	return error_texts[error];
}
