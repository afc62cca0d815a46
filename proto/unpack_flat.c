/* SPDX-License-Identifier: MIT */

#include "proto/unpack_flat.h"

#include <string.h>

#include "base/le.h"
#include "base/utf8.h"
#include "proto/wire.h"

enum { SHORT_BYTES = 5 };

/* What is left of the bytes, and what they become. */
struct flat {
	const uint8_t *at, *end;
	struct unpack_arena *arena;
	uint8_t *message;
};

/* As base/varint, of nine bytes at most: negative ones go the long way. */
static bool read_varint(struct flat *flat, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 63 && flat->at < flat->end;
	     shift += 7) {
		uint8_t byte = *flat->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* protobuf-c takes no longer keys and lengths, whatever their value. */
static bool read_short(struct flat *flat, uint64_t *ret_value)
{
	const uint8_t *start = flat->at;

	return read_varint(flat, ret_value) && flat->at - start <= SHORT_BYTES;
}

/* ---- values ---- */

static uint64_t unzigzag(uint64_t value)
{
	return value >> 1 ^ -(value & 1);
}

static bool take_varint(struct flat *flat, ProtobufCType type, void *member)
{
	uint64_t value;

	if (!read_varint(flat, &value))
		return false;
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = value != 0;
		break;
	case PROTOBUF_C_TYPE_SINT32:
		*(uint32_t *)member = (uint32_t)unzigzag((uint32_t)value);
		break;
	case PROTOBUF_C_TYPE_SINT64:
		*(uint64_t *)member = unzigzag(value);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)member = value;
		break;
	default:
		*(uint32_t *)member = (uint32_t)value;
	}
	return true;
}

static bool take_fixed(struct flat *flat, size_t n, void *member)
{
	uint64_t value64;
	uint32_t value32;

	if (n > (size_t)(flat->end - flat->at))
		return false;
	if (n == 4) {
		value32 = le32_load(flat->at);
		memcpy(member, &value32, sizeof(value32));
	} else {
		value64 = le64_load(flat->at);
		memcpy(member, &value64, sizeof(value64));
	}
	flat->at += n;
	return true;
}

static bool is_text(const struct flat *flat, const uint8_t *bytes, size_t n)
{
	return !memchr(bytes, 0, n) &&
	       (!flat->arena->wants_utf8 || utf8_is_valid(bytes, n));
}

/* A copy of the next `n` bytes, terminated; NULL: there are not so many, or no
 * room for them. */
static uint8_t *copy(struct flat *flat, uint64_t n)
{
	uint8_t *bytes;

	if (n > (uint64_t)(flat->end - flat->at))
		return NULL;
	bytes = unpack_alloc(flat->arena, n + 1);
	if (!bytes)
		return NULL;
	memcpy(bytes, flat->at, n);
	bytes[n] = '\0';
	flat->at += n;
	return bytes;
}

static bool take_counted(struct flat *flat, ProtobufCType type, void *member)
{
	ProtobufCBinaryData *data = member;
	uint8_t *bytes;
	uint64_t n;

	if (!read_short(flat, &n))
		return false;
	bytes = copy(flat, n);
	if (!bytes)
		return false;
	if (type == PROTOBUF_C_TYPE_BYTES) {
		data->len = n;
		data->data = n ? bytes : NULL;
		return true;
	}
	*(char **)member = (char *)bytes;
	return is_text(flat, bytes, n);
}

static bool take_value(struct flat *flat, ProtobufCType type, void *member)
{
	switch (wire_forms[type].wire) {
	case WIRE_VARINT:
		return take_varint(flat, type, member);
	case WIRE_BYTES:
		return take_counted(flat, type, member);
	default:
		return take_fixed(flat, wire_forms[type].n_bytes, member);
	}
}

/* ---- fields ---- */

/* Mostly they come in their order. */
static const ProtobufCFieldDescriptor *find(
	const ProtobufCMessageDescriptor *descriptor, uint64_t id,
	unsigned *next)
{
	const ProtobufCFieldDescriptor *field;

	if (*next < descriptor->n_fields && descriptor->fields[*next].id == id)
		return &descriptor->fields[(*next)++];
	if (id > UINT32_MAX)
		return NULL;
	field = protobuf_c_message_descriptor_get_field(descriptor,
							(unsigned)id);
	if (field)
		*next = (unsigned)(field - descriptor->fields) + 1;
	return field;
}

static bool is_single(const ProtobufCFieldDescriptor *field)
{
	return field->label != PROTOBUF_C_LABEL_REPEATED &&
	       field->type != PROTOBUF_C_TYPE_MESSAGE &&
	       !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
}

static bool take_field(struct flat *flat,
		       const ProtobufCMessageDescriptor *descriptor,
		       unsigned *next)
{
	const ProtobufCFieldDescriptor *field;
	uint64_t key;

	if (!read_short(flat, &key))
		return false;
	field = find(descriptor, key >> 3, next);
	if (!field || !is_single(field) ||
	    wire_forms[field->type].wire != (key & 7))
		return false;
	if (!take_value(flat, field->type, flat->message + field->offset))
		return false;
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL &&
	    field->quantifier_offset)
		*(protobuf_c_boolean *)(flat->message +
					field->quantifier_offset) = 1;
	return true;
}

/* ---- messages ---- */

static bool has_required(const ProtobufCMessageDescriptor *descriptor)
{
	for (unsigned i = 0; i < descriptor->n_fields; i++)
		if (descriptor->fields[i].label == PROTOBUF_C_LABEL_REQUIRED)
			return true;
	return false;
}

bool unpack_flat(const ProtobufCMessageDescriptor *descriptor,
		 const uint8_t *bytes, size_t n, struct unpack_arena *arena,
		 ProtobufCMessage **ret_message)
{
	struct flat flat = { .at = bytes, .end = bytes + n, .arena = arena };
	size_t n_left = unpack_fields_max(arena);
	unsigned next = 0;

	if (!descriptor->message_init || has_required(descriptor))
		return false;
	flat.message = unpack_alloc(arena, descriptor->sizeof_message);
	if (!flat.message)
		return false;
	descriptor->message_init((ProtobufCMessage *)flat.message);
	while (flat.at < flat.end)
		if (!n_left-- || !take_field(&flat, descriptor, &next))
			return false;
	*ret_message = (ProtobufCMessage *)flat.message;
	return true;
}
