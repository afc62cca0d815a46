/* SPDX-License-Identifier: MIT */

#include "proto/pack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "proto/wire.h"

/* What is packed so far begins at `at`; the room, at `start`. */
struct packing {
	uint8_t *start;
	uint8_t *at;
	bool is_full;
};

static void put_message(struct packing *packing,
			const ProtobufCMessage *message);

/* ---- bytes ---- */

/* The `n` bytes before what is packed, or NULL. */
static uint8_t *take(struct packing *packing, size_t n)
{
	if (n > (size_t)(packing->at - packing->start)) {
		packing->is_full = true;
		return NULL;
	}
	packing->at -= n;
	return packing->at;
}

__attribute__((noinline)) static void put_long_varint(struct packing *packing,
						      uint64_t value)
{
	size_t n_bits = 64 - (size_t)__builtin_clzll(value | 1);
	uint8_t *at = take(packing, (n_bits + 6) / 7);

	if (!at)
		return;
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at = (uint8_t)value;
}

/* Most are tags and lengths, of one byte. */
static inline void put_varint(struct packing *packing, uint64_t value)
{
	if (value < 0x80 && packing->at > packing->start)
		*--packing->at = (uint8_t)value;
	else
		put_long_varint(packing, value);
}

static void put_bytes(struct packing *packing, const void *bytes, size_t n)
{
	uint8_t *at = take(packing, n);

	if (at && n)
		memcpy(at, bytes, n);
}

static void put_prefixed(struct packing *packing, const void *bytes, size_t n)
{
	put_bytes(packing, bytes, n);
	put_varint(packing, n);
}

static void put_nested(struct packing *packing, const ProtobufCMessage *message)
{
	const uint8_t *end = packing->at;

	if (message)
		put_message(packing, message);
	put_varint(packing, (uint64_t)(end - packing->at));
}

/* ---- values ---- */

static uint32_t load32(const void *member)
{
	uint32_t value;

	memcpy(&value, member, sizeof(value));
	return value;
}

static uint64_t load64(const void *member)
{
	uint64_t value;

	memcpy(&value, member, sizeof(value));
	return value;
}

static const void *load_pointer(const void *member)
{
	const void *value;

	memcpy(&value, member, sizeof(value));
	return value;
}

/* Small ones become small numbers, whatever their sign. */
static uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static uint64_t varint_of(ProtobufCType type, const void *member)
{
	switch (type) {
	case PROTOBUF_C_TYPE_UINT32:
		return load32(member);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_ENUM:
		return (uint64_t)(int32_t)load32(member);
	case PROTOBUF_C_TYPE_SINT32:
		return zigzag((int32_t)load32(member));
	case PROTOBUF_C_TYPE_SINT64:
		return zigzag((int64_t)load64(member));
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)member != 0;
	default:
		return load64(member);
	}
}

static void put_fixed(struct packing *packing, size_t n, const void *member)
{
	uint8_t *at = take(packing, n);

	if (at && n == 4)
		le32_store(at, load32(member));
	else if (at)
		le64_store(at, load64(member));
}

static void put_counted(struct packing *packing, ProtobufCType type,
			const void *member)
{
	const ProtobufCBinaryData *data = member;
	const char *text;

	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
		text = load_pointer(member);
		put_prefixed(packing, text, text ? strlen(text) : 0);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		put_prefixed(packing, data->data, data->len);
		break;
	default:
		put_nested(packing, load_pointer(member));
	}
}

static void put_value(struct packing *packing, ProtobufCType type,
		      const void *member)
{
	switch (wire_forms[type].wire) {
	case WIRE_VARINT:
		put_varint(packing, varint_of(type, member));
		break;
	case WIRE_BYTES:
		put_counted(packing, type, member);
		break;
	default:
		put_fixed(packing, wire_forms[type].n_bytes, member);
	}
}

/* ---- fields ---- */

static void put_tag(struct packing *packing, uint32_t id, uint8_t wire)
{
	put_varint(packing, (uint64_t)id << 3 | wire);
}

static void put_packed(struct packing *packing,
		       const ProtobufCFieldDescriptor *field,
		       const uint8_t *values, size_t n)
{
	const uint8_t *end = packing->at;
	size_t n_each = wire_forms[field->type].n_bytes;

	while (n--)
		put_value(packing, field->type, values + n * n_each);
	put_varint(packing, (uint64_t)(end - packing->at));
	put_tag(packing, field->id, WIRE_BYTES);
}

__attribute__((noinline)) static void put_repeated(
	struct packing *packing, const ProtobufCFieldDescriptor *field,
	const uint8_t *values, size_t n)
{
	size_t n_each = wire_forms[field->type].n_bytes;

	if (field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
		put_packed(packing, field, values, n);
		return;
	}
	while (n--) {
		put_value(packing, field->type, values + n * n_each);
		put_tag(packing, field->id, wire_forms[field->type].wire);
	}
}

/* As proto3 has it: what is as if nobody had set it is not sent. */
__attribute__((noinline)) static bool is_zero(ProtobufCType type,
					      const void *member)
{
	const char *text;

	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
		text = load_pointer(member);
		return !text || !*text;
	case PROTOBUF_C_TYPE_BYTES:
		return !((const ProtobufCBinaryData *)member)->len;
	case PROTOBUF_C_TYPE_FLOAT:
		return *(const float *)member == 0;
	case PROTOBUF_C_TYPE_DOUBLE:
		return *(const double *)member == 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return !load_pointer(member);
	case PROTOBUF_C_TYPE_BOOL:
		return !*(const protobuf_c_boolean *)member;
	default:
		return wire_forms[type].n_bytes == 4 ? !load32(member)
						     : !load64(member);
	}
}

/* A pointer that is NULL, or to what is there without being said. */
static bool has_pointer(const ProtobufCFieldDescriptor *field,
			const uint8_t *message)
{
	const void *value = load_pointer(message + field->offset);

	return value && value != field->default_value;
}

static bool is_pointer(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_STRING ||
	       type == PROTOBUF_C_TYPE_MESSAGE;
}

static inline bool is_there(const ProtobufCFieldDescriptor *field,
			    const uint8_t *message)
{
	const uint8_t *quantifier = message + field->quantifier_offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier;
	if (field->label == PROTOBUF_C_LABEL_REQUIRED)
		return true;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return load32(quantifier) == field->id &&
		       (!is_pointer(field->type) ||
			has_pointer(field, message));
	if (field->label == PROTOBUF_C_LABEL_NONE)
		return !is_zero(field->type, message + field->offset);
	if (is_pointer(field->type))
		return has_pointer(field, message);
	return *(const protobuf_c_boolean *)quantifier;
}

static void put_field(struct packing *packing,
		      const ProtobufCFieldDescriptor *field,
		      const uint8_t *message)
{
	const uint8_t *member = message + field->offset;
	const uint8_t *quantifier = message + field->quantifier_offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		put_repeated(packing, field, load_pointer(member),
			     *(const size_t *)quantifier);
		return;
	}
	put_value(packing, field->type, member);
	put_tag(packing, field->id, wire_forms[field->type].wire);
}

/* ---- messages ---- */

/* What is not known of a message that came is handed on as it was. */
__attribute__((noinline)) static void put_unknown(
	struct packing *packing, const ProtobufCMessage *message)
{
	for (unsigned i = message->n_unknown_fields; i; i--) {
		const ProtobufCMessageUnknownField *field =
			&message->unknown_fields[i - 1];

		put_bytes(packing, field->data, field->len);
		put_tag(packing, field->tag, (uint8_t)field->wire_type);
	}
}

/* As deep as types are nested, and what came from elsewhere as it may be. */
static void put_message(struct packing *packing,
			const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;

	if (message->n_unknown_fields)
		put_unknown(packing, message);
	for (unsigned i = descriptor->n_fields; i; i--) {
		const ProtobufCFieldDescriptor *field =
			&descriptor->fields[i - 1];

		if (is_there(field, (const uint8_t *)message))
			put_field(packing, field, (const uint8_t *)message);
	}
}

ssize_t pack_to_end(const ProtobufCMessage *message, uint8_t *room,
		    size_t n_room)
{
	struct packing packing = { .start = room, .at = room + n_room };

	put_message(&packing, message);
	if (packing.is_full)
		return -ENOBUFS;
	return (ssize_t)(room + n_room - packing.at);
}

/* To measure one takes as long as to pack it: so that comes second. */
static int pack_long(struct packed *packed, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);

	if (n > INT32_MAX)
		return -EMSGSIZE;
	packed->heap = malloc(n);
	if (!packed->heap)
		return -ENOMEM;
	(void)pack_to_end(message, packed->heap, n);
	packed->bytes = packed->heap;
	packed->n = n;
	return 0;
}

int packed_init(struct packed *packed, const ProtobufCMessage *message)
{
	const uint8_t *end = packed->inside + sizeof(packed->inside);
	ssize_t n = 0;

	packed->heap = NULL;
	if (message)
		n = pack_to_end(message, packed->inside,
				sizeof(packed->inside));
	if (n < 0)
		return pack_long(packed, message);
	packed->bytes = end - n;
	packed->n = (size_t)n;
	return 0;
}

void packed_deinit(struct packed *packed)
{
	free(packed->heap);
}

uint8_t *packed_take(struct packed *packed)
{
	uint8_t *bytes = take_ptr(packed->heap);

	if (bytes)
		return bytes;
	bytes = malloc(packed->n + 1);
	return bytes ? memcpy(bytes, packed->bytes, packed->n) : NULL;
}
