/* SPDX-License-Identifier: MIT */

/* Numbers, words and texts as JSON has them, and what fields take of them. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "schema/json_read.h"

enum {
	EXPONENT_MAX = 1000,    /* far beyond what any whole number has */
	REAL_DIGITS_MAX = 4096, /* of a number that is written out */
};

/* Of what kind a field's number is. */
struct range {
	bool is_signed;
	unsigned n_bits;
};

static struct range range_of(enum pool_type type)
{
	switch (type) {
	case POOL_INT64:
	case POOL_SINT64:
	case POOL_SFIXED64:
		return (struct range){ true, 64 };
	case POOL_UINT64:
	case POOL_FIXED64:
		return (struct range){ false, 64 };
	case POOL_UINT32:
	case POOL_FIXED32:
		return (struct range){ false, 32 };
	default:
		return (struct range){ true, 32 };
	}
}

/* A decimal taken apart: digits, of which the last stands for 10^exponent. */
struct decimal {
	const uint8_t *digits; /* may have a dot among them */
	size_t n;
	long exponent;
	bool is_negative;
};

static long read_exponent(const uint8_t *at, const uint8_t *end)
{
	bool is_negative = at < end && *at == '-';
	long exponent = 0;

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (; at < end && exponent < EXPONENT_MAX; at++)
		exponent = exponent * 10 + (*at - '0');
	return is_negative ? -exponent : exponent;
}

/* The text is a number as JSON writes it. */
static struct decimal take_apart(const struct json_text *text)
{
	struct decimal decimal = { .digits = text->bytes, .n = text->n };
	const uint8_t *dot;

	if (*decimal.digits == '-') {
		decimal.is_negative = true;
		decimal.digits++;
		decimal.n--;
	}
	for (size_t i = 0; i < decimal.n; i++)
		if ((decimal.digits[i] | 0x20) == 'e') {
			decimal.exponent =
				read_exponent(decimal.digits + i + 1,
					      decimal.digits + decimal.n);
			decimal.n = i;
		}
	dot = memchr(decimal.digits, '.', decimal.n);
	if (dot && decimal.n < EXPONENT_MAX)
		decimal.exponent -=
			(long)(decimal.digits + decimal.n - dot) - 1;
	return decimal;
}

static bool append_digit(uint64_t *magnitude, unsigned digit)
{
	return !__builtin_mul_overflow(*magnitude, 10, magnitude) &&
	       !__builtin_add_overflow(*magnitude, digit, magnitude);
}

/* Its amount, if it is whole. Returns 0, -EINVAL or -ERANGE. */
static int magnitude_of(const struct decimal *decimal, uint64_t *ret_magnitude)
{
	long n_zeros = 0; /* that were seen and may be trailing ones */
	uint64_t magnitude = 0;
	long exponent = decimal->exponent;

	if (decimal->n >= EXPONENT_MAX)
		return -ERANGE;
	for (size_t i = 0; i < decimal->n; i++) {
		if (decimal->digits[i] == '.')
			continue;
		if (decimal->digits[i] == '0') {
			n_zeros += magnitude != 0;
			continue;
		}
		for (; n_zeros > 0; n_zeros--)
			if (!append_digit(&magnitude, 0))
				return -ERANGE;
		if (!append_digit(&magnitude, decimal->digits[i] - '0'))
			return -ERANGE;
	}
	*ret_magnitude = 0;
	if (magnitude == 0)
		return 0;
	exponent += n_zeros;
	if (exponent < 0)
		return -EINVAL;
	for (; exponent > 0; exponent--)
		if (!append_digit(&magnitude, 0))
			return -ERANGE;
	*ret_magnitude = magnitude;
	return 0;
}

static bool fits(struct range range, bool is_negative, uint64_t magnitude)
{
	unsigned n_bits = range.n_bits - range.is_signed;

	if (is_negative)
		return magnitude == 0 ||
		       (range.is_signed && magnitude <= UINT64_C(1) << n_bits);
	return n_bits == 64 || magnitude >> n_bits == 0;
}

/* Returns 0; 1 for no number; 2 for one with a fraction; 3 for one too far. */
enum { E_NO_NUMBER = 1, E_FRACTION, E_RANGE };

static int parse_whole(const struct json_text *text, struct range range,
		       uint64_t *ret_number)
{
	struct decimal decimal;
	uint64_t magnitude;
	int r;

	if (!json_scan_is_number(text))
		return E_NO_NUMBER;
	decimal = take_apart(text);
	r = magnitude_of(&decimal, &magnitude);
	if (r < 0)
		return r == -EINVAL ? E_FRACTION : E_RANGE;
	if (!fits(range, decimal.is_negative, magnitude))
		return E_RANGE;
	*ret_number = decimal.is_negative ? 0 - magnitude : magnitude;
	return 0;
}

static int complain(struct json_read *read, const struct record_path *path,
		    int why)
{
	static const char *const texts[] = { [E_NO_NUMBER] = "not a number",
					     [E_FRACTION] =
						     "not a whole number",
					     [E_RANGE] = "out of range" };

	return record_complain(read->error, path, "%s", texts[why]);
}

/* A number, or a string that holds one. */
static int read_number_text(struct json_read *read, struct json_text *ret_text,
			    const struct record_path *path)
{
	int r;

	switch (json_scan_peek(&read->scan)) {
	case JSON_NUMBER:
		r = json_scan_number(&read->scan, ret_text);
		break;
	case JSON_STRING:
		r = json_scan_string(&read->scan, ret_text);
		break;
	default:
		return complain(read, path, E_NO_NUMBER);
	}
	return r < 0 ? json_read_failed(read, r, path) : 0;
}

static int read_whole(struct json_read *read, enum pool_type type,
		      union value *value, const struct record_path *path)
{
	struct json_text text;
	int r = read_number_text(read, &text, path);

	if (r < 0)
		return r;
	r = parse_whole(&text, range_of(type), &value->number);
	return r > 0 ? complain(read, path, r) : 0;
}

static bool is_text(const struct json_text *text, const char *word)
{
	return text->n == strlen(word) &&
	       memcmp(text->bytes, word, text->n) == 0;
}

/* strtod() wants an end; one of thousands of digits is nobody's number. */
static int parse_real(const struct json_text *text, double *ret_real)
{
	char digits[REAL_DIGITS_MAX];

	if (is_text(text, "NaN"))
		*ret_real = (double)NAN;
	else if (is_text(text, "Infinity"))
		*ret_real = (double)INFINITY;
	else if (is_text(text, "-Infinity"))
		*ret_real = -(double)INFINITY;
	else if (!json_scan_is_number(text))
		return E_NO_NUMBER;
	else if (text->n >= sizeof(digits))
		return E_RANGE;
	else {
		memcpy(digits, text->bytes, text->n);
		digits[text->n] = '\0';
		*ret_real = strtod(digits, NULL);
		return isfinite(*ret_real) ? 0 : E_RANGE;
	}
	return 0;
}

static int read_real(struct json_read *read, enum pool_type type,
		     union value *value, const struct record_path *path)
{
	struct json_text text;
	int r = read_number_text(read, &text, path);

	if (r < 0)
		return r;
	r = parse_real(&text, &value->real);
	if (r == 0 && type == POOL_FLOAT) {
		float single = (float)value->real;

		if (isinf(single) && isfinite(value->real))
			r = E_RANGE;
		value->real = (double)single;
	}
	return r > 0 ? complain(read, path, r) : 0;
}

static int read_bool(struct json_read *read, union value *value,
		     const struct record_path *path)
{
	enum json_kind kind = json_scan_peek(&read->scan);

	if (kind != JSON_TRUE && kind != JSON_FALSE)
		return record_complain(read->error, path,
				       "neither true nor false");
	if (json_scan_word(&read->scan, kind) < 0)
		return json_read_failed(read, -EINVAL, path);
	value->number = kind == JSON_TRUE;
	return 0;
}

static int read_enum_name(struct json_read *read,
			  const struct pool_enum *enumeration,
			  union value *value, const struct record_path *path)
{
	const struct pool_value *found;
	struct json_text text;
	int r = json_scan_string(&read->scan, &text);

	if (r < 0)
		return json_read_failed(read, r, path);
	found = pool_value_lookup(enumeration, (const char *)text.bytes,
				  text.n);
	if (!found)
		return record_complain(read->error, path,
				       "%s has no such value",
				       enumeration->symbol.name);
	value->number = (uint64_t)(int64_t)found->number;
	return 0;
}

static int read_enum(struct json_read *read, const struct pool_field *field,
		     union value *value, const struct record_path *path)
{
	enum json_kind kind = json_scan_peek(&read->scan);
	int r;

	if (kind == JSON_STRING)
		return read_enum_name(read, field->enumeration, value, path);
	if (kind == JSON_NULL) {
		/* Only that of NullValue gets here. */
		value->number = 0;
		return json_scan_word(&read->scan, kind) < 0
			       ? json_read_failed(read, -EINVAL, path)
			       : 0;
	}
	if (kind != JSON_NUMBER)
		return record_complain(read->error, path,
				       "neither name nor number of a value");
	r = read_whole(read, POOL_ENUM, value, path);
	if (r == 0 && field->is_closed &&
	    !pool_value_by_number(field->enumeration, (int32_t)value->number))
		return record_complain(read->error, path,
				       "%s has no such value",
				       field->enumeration->symbol.name);
	return r;
}

static int read_string(struct json_read *read, struct json_text *ret_text,
		       const struct record_path *path)
{
	int r;

	if (json_scan_peek(&read->scan) != JSON_STRING)
		return record_complain(read->error, path, "not a string");
	r = json_scan_string(&read->scan, ret_text);
	return r < 0 ? json_read_failed(read, r, path) : 0;
}

static int read_bytes(struct json_read *read, union value *value,
		      const struct record_path *path)
{
	struct json_text text;
	uint8_t *bytes;
	int r = read_string(read, &text, path);

	if (r < 0)
		return r;
	bytes = arena_alloc(read->arena, text.n);
	if (!bytes)
		return json_read_no_room(read);
	if (!base64_decode(text.bytes, text.n, bytes, &value->text.n))
		return record_complain(read->error, path, "not base64");
	value->text.bytes = bytes;
	return 0;
}

int json_read_scalar(struct json_read *read, const struct pool_field *field,
		     union value *ret_value, const struct record_path *path)
{
	struct json_text text;
	int r;

	switch (field->type) {
	case POOL_DOUBLE:
	case POOL_FLOAT:
		return read_real(read, field->type, ret_value, path);
	case POOL_BOOL:
		return read_bool(read, ret_value, path);
	case POOL_ENUM:
		return read_enum(read, field, ret_value, path);
	case POOL_BYTES:
		return read_bytes(read, ret_value, path);
	case POOL_STRING:
		r = read_string(read, &text, path);
		if (r < 0)
			return r;
		ret_value->text.bytes = text.bytes;
		ret_value->text.n = text.n;
		return 0;
	default:
		return read_whole(read, field->type, ret_value, path);
	}
}

int json_read_key(struct json_read *read, const struct pool_field *field,
		  const struct json_text *key, union value *ret_value,
		  const struct record_path *path)
{
	int r;

	switch (field->type) {
	case POOL_STRING:
		ret_value->text.bytes = key->bytes;
		ret_value->text.n = key->n;
		return 0;
	case POOL_BOOL:
		ret_value->number = is_text(key, "true");
		if (!ret_value->number && !is_text(key, "false"))
			return record_complain(read->error, path,
					       "a key that is neither true "
					       "nor false");
		return 0;
	default:
		r = parse_whole(key, range_of(field->type), &ret_value->number);
		return r > 0 ? complain(read, path, r) : 0;
	}
}
