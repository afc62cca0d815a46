/* SPDX-License-Identifier: MIT */

#include "schema/wire.h"

#include <errno.h>

enum { NUMBER_MAX = (1 << 29) - 1 };

int wire_varint(struct wire *wire, uint64_t *ret_value)
{
	return varint_read(&wire->at, wire->end, ret_value) ? 0 : -EBADMSG;
}

static int take(struct wire *wire, uint64_t n, struct wire_field *field)
{
	if (n > (uint64_t)(wire->end - wire->at))
		return -EBADMSG;
	field->bytes = wire->at;
	field->n = n;
	wire->at += n;
	return 1;
}

int wire_next(struct wire *wire, struct wire_field *ret_field)
{
	struct wire_field field = { 0 };
	uint64_t value;
	int r;

	if (wire->at == wire->end)
		return 0;
	r = wire_varint(wire, &value);
	if (r < 0)
		return r;
	if (!(value >> 3) || value >> 3 > NUMBER_MAX)
		return -EBADMSG;
	field.number = (uint32_t)(value >> 3);
	field.type = (enum wire_type)(value & 7);

	switch (field.type) {
	case WIRE_VARINT:
		r = wire_varint(wire, &field.varint) < 0 ? -EBADMSG : 1;
		break;
	case WIRE_BYTES:
		r = wire_varint(wire, &value);
		if (r >= 0)
			r = take(wire, value, &field);
		break;
	case WIRE_FIXED64:
		r = take(wire, 8, &field);
		break;
	case WIRE_FIXED32:
		r = take(wire, 4, &field);
		break;
	default:
		return -EBADMSG;
	}
	if (r > 0)
		*ret_field = field;
	return r;
}

size_t wire_put_varint(uint8_t *ret_bytes, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		ret_bytes[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	ret_bytes[n++] = (uint8_t)value;
	return n;
}
