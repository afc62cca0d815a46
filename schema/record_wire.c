/* SPDX-License-Identifier: MIT */

#include "schema/record_wire.h"

#include <string.h>

enum record_wire_type record_wire_type(enum pool_type type)
{
	switch (type) {
	case POOL_DOUBLE:
	case POOL_FIXED64:
	case POOL_SFIXED64:
		return RECORD_FIXED64;
	case POOL_FLOAT:
	case POOL_FIXED32:
	case POOL_SFIXED32:
		return RECORD_FIXED32;
	case POOL_STRING:
	case POOL_BYTES:
	case POOL_MESSAGE:
		return RECORD_BYTES;
	case POOL_GROUP:
		return RECORD_GROUP;
	default:
		return RECORD_VARINT;
	}
}

static uint64_t sign_extend(uint32_t number)
{
	return (uint64_t)(int64_t)(int32_t)number;
}

static uint64_t unzigzag(uint64_t number)
{
	return number >> 1 ^ (0 - (number & 1));
}

static uint64_t number_of(enum pool_type type, uint64_t raw)
{
	switch (type) {
	case POOL_BOOL:
		return raw != 0;
	case POOL_INT32:
	case POOL_ENUM:
	case POOL_SFIXED32:
		return sign_extend((uint32_t)raw);
	case POOL_UINT32:
		return (uint32_t)raw;
	case POOL_SINT32:
		return sign_extend((uint32_t)unzigzag((uint32_t)raw));
	case POOL_SINT64:
		return unzigzag(raw);
	default:
		return raw;
	}
}

static double real_of(enum pool_type type, uint64_t raw)
{
	uint32_t half = (uint32_t)raw;
	double real;
	float single;

	if (type == POOL_FLOAT) {
		memcpy(&single, &half, sizeof(single));
		return (double)single;
	}
	memcpy(&real, &raw, sizeof(real));
	return real;
}

void record_wire_decode(enum pool_type type, uint64_t raw,
			union value *ret_value)
{
	if (type == POOL_DOUBLE || type == POOL_FLOAT)
		ret_value->real = real_of(type, raw);
	else
		ret_value->number = number_of(type, raw);
}

static uint64_t zigzag(uint64_t number)
{
	return number << 1 ^ (0 - (number >> 63));
}

uint64_t record_wire_encode(enum pool_type type, const union value *value)
{
	uint64_t raw;
	uint32_t half;
	float single;

	switch (type) {
	case POOL_DOUBLE:
		memcpy(&raw, &value->real, sizeof(raw));
		return raw;
	case POOL_FLOAT:
		single = (float)value->real;
		memcpy(&half, &single, sizeof(half));
		return half;
	case POOL_SINT32:
	case POOL_SINT64:
		return zigzag(value->number);
	default:
		return value->number;
	}
}
