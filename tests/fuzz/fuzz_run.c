/* SPDX-License-Identifier: MIT */

/*
 * A run of anybody's: what can be taken apart can be put together again, and
 * is then the same. Checksums are set right first, or nothing would get far.
 */

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/le.h"
#include "proto/run.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD_CRC = 44, RECORD_CRC = 4 };

/* As proto/run.h says; whatever is out of bounds is left as it is. */
static void set_checksums(uint8_t *bytes, size_t n)
{
	size_t at, n_dictionary;
	uint32_t seed;

	if (n < RUN_HEAD_BYTES)
		return;
	n_dictionary = le32_load(bytes + 28);
	if (n_dictionary > n - RUN_HEAD_BYTES)
		return;
	le32_store(bytes + HEAD_CRC,
		   crc32c(crc32c(0, bytes, HEAD_CRC), bytes + RUN_HEAD_BYTES,
			  n_dictionary));
	seed = crc32c(0, bytes + 8, 8);
	at = RUN_HEAD_BYTES + n_dictionary;
	while (n - at >= RUN_RECORD_BYTES) {
		size_t length = le32_load(bytes + at);

		if (length < RUN_RECORD_BYTES || length > n - at)
			return;
		le32_store(bytes + at + RECORD_CRC,
			   crc32c(seed, bytes + at + 8, length - 8));
		at += length;
	}
}

static void check_same(const struct run_record *a, const struct run_record *b)
{
	FUZZ_CHECK(a->sequence == b->sequence && a->time_ns >= b->time_ns);
	FUZZ_CHECK(a->kind == b->kind && a->flags == b->flags &&
		   a->status == b->status && a->slot == b->slot &&
		   a->n_lost == b->n_lost);
	FUZZ_CHECK(a->n_subject == b->n_subject &&
		   !memcmp(a->subject, b->subject, a->n_subject));
	FUZZ_CHECK(a->n_metadata == b->n_metadata &&
		   !memcmp(a->metadata, b->metadata, a->n_metadata));
	FUZZ_CHECK(a->n_body == b->n_body &&
		   !memcmp(a->body, b->body, a->n_body));
	FUZZ_CHECK(!a->schema == !b->schema);
	FUZZ_CHECK(!a->schema ||
		   !memcmp(a->schema, b->schema, RUN_SCHEMA_BYTES));
	FUZZ_CHECK(a->source.incarnation == b->source.incarnation &&
		   a->source.n_principal == b->source.n_principal &&
		   a->source.n_durable_id == b->source.n_durable_id);
}

/* Put the records together again, until one does not fit. */
static void build(const uint8_t *bytes, size_t n, struct run_builder *builder)
{
	struct run_reader reader = { 0 };
	struct run_record record;

	if (!run_reader_begin(&reader, bytes, n))
		while (run_reader_next(&reader, &record) > 0)
			if (run_builder_add(builder, &record) < 0)
				break;
	run_reader_deinit(&reader);
}

static void compare(const uint8_t *bytes, size_t n, const uint8_t *again,
		    size_t n_again)
{
	struct run_reader a = { 0 }, b = { 0 };
	struct run_record old, new;

	FUZZ_CHECK(!run_reader_begin(&a, bytes, n));
	FUZZ_CHECK(!run_reader_begin(&b, again, n_again));
	while (run_reader_next(&b, &new) > 0) {
		FUZZ_CHECK(run_reader_next(&a, &old) > 0);
		check_same(&new, &old);
	}
	FUZZ_CHECK(!b.n_left);
	run_reader_deinit(&a);
	run_reader_deinit(&b);
}

static void build_again(const uint8_t *bytes, size_t n)
{
	struct run_builder builder;
	const void *pieces[2];
	size_t lengths[2];
	uint8_t *again;

	FUZZ_CHECK(!run_builder_init(&builder));
	build(bytes, n, &builder);
	if (builder.n_records && builder.first_sequence <= RUN_SEQUENCE_MAX &&
	    builder.base_time_ns <= INT64_MAX) {
		FUZZ_CHECK(!run_builder_finish(&builder, builder.first_sequence,
					       pieces, lengths));
		again = malloc(lengths[0] + lengths[1]);
		FUZZ_CHECK(again);
		memcpy(again, pieces[0], lengths[0]);
		memcpy(again + lengths[0], pieces[1], lengths[1]);
		compare(bytes, n, again, lengths[0] + lengths[1]);
		free(again);
	}
	run_builder_deinit(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint8_t *copy;

	build_again(bytes, n);
	copy = malloc(n + !n);
	FUZZ_CHECK(copy);
	memcpy(copy, bytes, n);
	set_checksums(copy, n);
	build_again(copy, n);
	free(copy);
	return 0;
}
