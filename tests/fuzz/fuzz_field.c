/* SPDX-License-Identifier: MIT */

/*
 * A record whose schema and body are a stranger's, and the path of a field that
 * is another's. In the input, each behind its length: the path, which is the
 * subject of calls too; the content type; the schema, u16, nothing for the one
 * of the samples; then the body. The first byte is the kind of the record.
 */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "logger/answer.h"
#include "logger/answer_columns.h"
#include "logger/answer_field.h"
#include "tests/fuzz/fuzz.h"
#include "tests/schema/sample.h"

struct input {
	const uint8_t *at;
	size_t n;
};

struct part {
	const uint8_t *bytes;
	size_t n;
};

static struct part take(struct input *input, unsigned n_length)
{
	struct part part = { .bytes = input->at };

	for (unsigned i = 0; i < n_length && input->n; i++, input->n--)
		part.n |= (size_t)*input->at++ << 8 * i;
	part.bytes = input->at;
	part.n = part.n < input->n ? part.n : input->n;
	input->at += part.n;
	input->n -= part.n;
	return part;
}

static int load(void *userdata, const uint8_t *hash, const uint8_t **ret_set,
		size_t *ret_n)
{
	static uint8_t *sample;
	static size_t n_sample;
	const struct part *set = userdata;

	(void)hash;
	if (!sample)
		sample = sample_read(&n_sample);
	*ret_set = set->n ? set->bytes : sample;
	*ret_n = set->n ? set->n : n_sample;
	return 1;
}

static void check_value(const struct question_value *value)
{
	if (value->type != QUESTION_TEXT && value->type != QUESTION_BYTES)
		return;
	FUZZ_CHECK(value->n_bytes <= ANSWER_VALUE_MAX);
	FUZZ_CHECK(value->type == QUESTION_BYTES ||
		   utf8_is_valid(value->bytes, value->n_bytes));
}

static struct question_value column(struct answer_bodies *bodies,
				    const struct run_record *record,
				    enum answer_column column)
{
	struct question_value value;
	char hex[ANSWER_HEX_BYTES];

	FUZZ_CHECK(answer_column_value(bodies, record, column, hex, &value) ==
		   0);
	check_value(&value);
	return value;
}

static void check_field(struct answer_bodies *bodies, const void *record,
			size_t n, const struct part *path)
{
	const struct question_value arguments[ANSWER_FIELD_ARGUMENTS] = {
		{ .type = QUESTION_BYTES, .bytes = record, .n_bytes = n },
		{ .type = QUESTION_TEXT,
		  .bytes = path->bytes,
		  .n_bytes = path->n },
	};
	struct question_value value;
	const char *why = NULL;

	FUZZ_CHECK(answer_field(bodies, arguments, &value, &why) == 0);
	check_value(&value);
}

static void check(struct input input, enum run_kind kind)
{
	static const uint8_t hash[POOL_CACHE_HASH_BYTES] = { 1 };
	_cleanup_(answer_bodies_deinit) struct answer_bodies bodies;
	const struct part path = take(&input, 1);
	const struct part content_type = take(&input, 1);
	struct part set = take(&input, 2);
	uint8_t metadata[2 + UINT8_MAX] = { 4 << 3 | 2 };
	const struct run_record record = {
		.kind = kind,
		.subject = (const char *)path.bytes,
		.n_subject = path.n,
		.schema = hash,
		.metadata = metadata,
		/* Its length is one byte of the encoding, too. */
		.n_metadata = content_type.n < 128 ? content_type.n + 2 : 0,
		.body = input.at,
		.n_body = input.n,
	};
	struct question_value value, type;

	metadata[1] = (uint8_t)content_type.n;
	memcpy(metadata + 2, content_type.bytes, content_type.n);
	answer_bodies_init(&bodies, load, &set);
	type = column(&bodies, &record, ANSWER_TYPE);
	value = column(&bodies, &record, ANSWER_MESSAGE);
	FUZZ_CHECK(type.type == QUESTION_TEXT || value.type == QUESTION_NULL);
	value = column(&bodies, &record, ANSWER_RECORD);
	if (value.type == QUESTION_BYTES)
		check_field(&bodies, value.bytes, value.n_bytes, &path);
	check_field(&bodies, record.body, record.n_body, &path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	if (n)
		check((struct input){ bytes + 1, n - 1 },
		      (enum run_kind)(*bytes % 4 + 1));
	return 0;
}
