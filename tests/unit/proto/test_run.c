/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "proto/run.h"
#include "tests/fault.h"

#define BASE_NS UINT64_C(1700000000000000123)

/* What the i-th record of the tests says. */
struct sample {
	char subject[32];
	char principal[32];
	char body[64];
	uint8_t schema[RUN_SCHEMA_BYTES];
	struct run_record record;
};

static void make_sample(struct sample *sample, unsigned i)
{
	snprintf(sample->subject, sizeof(sample->subject), "vm.s%u.x", i % 7);
	snprintf(sample->principal, sizeof(sample->principal), "vm:p%u", i % 3);
	snprintf(sample->body, sizeof(sample->body), "body %u %.*s", i,
		 (int)(i % 20), "....................");
	memset(sample->schema, (int)(i % 5), sizeof(sample->schema));
	sample->record = (struct run_record){
		.time_ns = BASE_NS + (uint64_t)i * 5000,
		.kind = (enum run_kind)(RUN_MESSAGE + i % 4),
		.flags = i % 2 ? RUN_HAS_KEY : 0,
		.status = (uint16_t)(i % 17),
		.subject = sample->subject,
		.n_subject = strlen(sample->subject),
		.source = { .principal = sample->principal,
			    .n_principal = strlen(sample->principal),
			    .durable_id = "uuid",
			    .n_durable_id = 4,
			    .incarnation = i % 3 },
		.schema = i % 5 ? sample->schema : NULL,
		.metadata = "meta",
		.n_metadata = i % 5,
		.body = sample->body,
		.n_body = strlen(sample->body),
		.slot = i % 4 == 3 ? 0 : i,
		.n_lost = i % 4 == 3 ? i : 0,
	};
}

static void check_sample(const struct run_record *got, unsigned i,
			 uint64_t sequence)
{
	const struct run_record *want;
	struct sample sample;

	make_sample(&sample, i);
	want = &sample.record;
	assert_int_equal(got->sequence, sequence);
	assert_int_equal(got->time_ns, want->time_ns);
	assert_int_equal(got->kind, want->kind);
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->status, want->status);
	assert_int_equal(got->n_subject, want->n_subject);
	assert_memory_equal(got->subject, want->subject, want->n_subject);
	assert_int_equal(got->source.incarnation, want->source.incarnation);
	assert_int_equal(got->source.n_principal, want->source.n_principal);
	assert_memory_equal(got->source.principal, want->source.principal,
			    want->source.n_principal);
	assert_int_equal(got->source.n_durable_id, 4);
	assert_memory_equal(got->source.durable_id, "uuid", 4);
	assert_int_equal(!got->schema, !want->schema);
	if (got->schema)
		assert_memory_equal(got->schema, want->schema, 32);
	assert_int_equal(got->n_metadata, want->n_metadata);
	assert_memory_equal(got->metadata, want->metadata, want->n_metadata);
	assert_int_equal(got->n_body, want->n_body);
	assert_memory_equal(got->body, want->body, want->n_body);
	assert_int_equal(got->slot, want->kind == RUN_MESSAGE ? 0 : want->slot);
	assert_int_equal(got->n_lost, want->n_lost);
}

static void add_samples(struct run_builder *builder, unsigned from, unsigned to)
{
	struct sample sample;

	for (unsigned i = from; i < to; i++) {
		make_sample(&sample, i);
		assert_int_equal(run_builder_add(builder, &sample.record), 0);
	}
}

/* The finished run in one piece, to be freed. */
static uint8_t *finish(struct run_builder *builder, uint64_t base,
		       size_t *ret_n)
{
	const void *pieces[2];
	size_t lengths[2];
	uint8_t *run;

	assert_int_equal(run_builder_finish(builder, base, pieces, lengths), 0);
	*ret_n = lengths[0] + lengths[1];
	assert_int_equal(*ret_n, run_builder_bytes(builder));
	run = malloc(*ret_n);
	memcpy(run, pieces[0], lengths[0]);
	memcpy(run + lengths[0], pieces[1], lengths[1]);
	return run;
}

/* How many records can be had: n, or -EBADMSG as soon as something is. */
static int read_all(const uint8_t *run, size_t n)
{
	struct run_reader reader = { 0 };
	struct run_record record;
	int n_records = 0;
	int r;

	r = run_reader_begin(&reader, run, n);
	if (!r)
		while ((r = run_reader_next(&reader, &record)) > 0)
			n_records++;
	run_reader_deinit(&reader);
	return r < 0 ? r : n_records;
}

static void gives_back_what_was_put_in(void **state)
{
	struct run_reader reader = { 0 };
	struct run_builder builder;
	struct run_record record;
	uint8_t *run;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	for (unsigned round = 0; round < 3; round++) {
		unsigned n_records = 1 + round * 500;

		run_builder_clear(&builder);
		add_samples(&builder, round, round + n_records);
		run = finish(&builder, 77, &n);
		assert_int_equal(run_reader_begin(&reader, run, n), 0);
		assert_int_equal(reader.head.n_records, n_records);
		assert_int_equal(reader.head.n_bytes, n);
		for (unsigned i = 0; i < n_records; i++) {
			assert_int_equal(run_reader_next(&reader, &record), 1);
			check_sample(&record, round + i, 77 + i);
		}
		assert_int_equal(run_reader_next(&reader, &record), 0);
		free(run);
	}
	run_reader_deinit(&reader);
	run_builder_deinit(&builder);
}

static void words_stand_in_it_once(void **state)
{
	struct run_builder builder;
	struct run_use use;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 0, 700);
	assert_int_equal(run_builder_n_subjects(&builder), 7);
	assert_int_equal(run_builder_n_sources(&builder), 3);
	assert_memory_equal(run_builder_subject(&builder, 2, &n, &use),
			    "vm.s2.x", 7);
	assert_int_equal(n, 7);
	assert_int_equal(use.n_records, 100);
	assert_int_equal(use.last_sequence, 695);
	assert_memory_equal(run_builder_source(&builder, 1, &use).principal,
			    "vm:p1", 5);
	assert_int_equal(use.n_records, 233);
	run_builder_deinit(&builder);
}

/* One after the other, and then again: each is as it was said. */
static void sources_differ_in_any_part(void **state)
{
	static const struct run_source sources[] = {
		{ "vm:a", 4, "u1", 2, 1 }, { "vm:a", 4, "u1", 2, 2 },
		{ "vm:a", 4, "u2", 2, 2 }, { "vm:b", 4, "u2", 2, 2 },
		{ "vm:b", 4, "u", 1, 2 },  { "vm:b", 4, "ux", 2, 2 },
		{ "vm:", 3, "bu", 2, 2 },  { NULL, 0, NULL, 0, 2 },
	};
	const unsigned n_sources = sizeof(sources) / sizeof(sources[0]);
	struct run_builder builder;
	struct run_source source;
	struct run_use use;

	assert_int_equal(run_builder_init(&builder), 0);
	for (unsigned i = 0; i < 4 * n_sources; i++) {
		struct run_record record = {
			.kind = RUN_MESSAGE,
			.subject = "s",
			.n_subject = 1,
			.source = sources[i / 2 % n_sources]
		};

		assert_int_equal(run_builder_add(&builder, &record), 0);
	}
	assert_int_equal(run_builder_n_sources(&builder), n_sources);
	for (uint16_t i = 0; i < n_sources; i++) {
		source = run_builder_source(&builder, i, &use);
		assert_int_equal(use.n_records, 4);
		assert_int_equal(source.incarnation, sources[i].incarnation);
		assert_int_equal(source.n_principal, sources[i].n_principal);
		assert_int_equal(source.n_durable_id, sources[i].n_durable_id);
	}
	run_builder_deinit(&builder);
}

static void leaves_out_sequences(void **state)
{
	static const uint64_t sequences[] = { 1000, 1001, 1005, 5000000 };
	struct run_reader reader = { 0 };
	struct run_builder builder;
	struct run_record record;
	struct sample sample;
	uint8_t *run;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	for (unsigned i = 0; i < 4; i++) {
		make_sample(&sample, i);
		sample.record.sequence = sequences[i];
		assert_int_equal(run_builder_add(&builder, &sample.record), 0);
	}
	run = finish(&builder, 1000, &n);
	assert_int_equal(run_reader_begin(&reader, run, n), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(run_reader_next(&reader, &record), 1);
		check_sample(&record, i, sequences[i]);
	}
	assert_int_equal(run_reader_next(&reader, &record), 0);
	sample.record.sequence = UINT64_C(5000000000);
	assert_int_equal(run_builder_add(&builder, &sample.record), -EMSGSIZE);
	run_reader_deinit(&reader);
	run_builder_deinit(&builder);
	free(run);
}

static void times_do_not_go_back(void **state)
{
	struct run_reader reader = { 0 };
	struct run_builder builder;
	struct run_record record;
	uint64_t last_ns = 0;
	uint8_t *run;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 10, 20);
	add_samples(&builder, 0, 5);
	assert_int_equal(run_builder_last_ns(&builder), BASE_NS + 19 * 5000);
	run_builder_not_before(&builder, BASE_NS + 12 * 5000 + 7);
	run = finish(&builder, 1, &n);
	assert_int_equal(run_reader_begin(&reader, run, n), 0);
	while (run_reader_next(&reader, &record) > 0) {
		assert_true(record.time_ns >= BASE_NS + 12 * 5000 + 7);
		assert_true(record.time_ns >= last_ns);
		last_ns = record.time_ns;
	}
	assert_int_equal(run_builder_last_ns(&builder), last_ns);
	assert_true(last_ns <= BASE_NS + 19 * 5000 + 7);
	run_reader_deinit(&reader);
	run_builder_deinit(&builder);
	free(run);
}

static void what_is_removed_is_gone(void **state)
{
	static const uint32_t places[] = { 0, 1, 5, 9 };
	static const unsigned left[] = { 2, 3, 4, 6, 7, 8 };
	struct run_reader reader = { 0 };
	struct run_builder builder;
	struct run_added added;
	struct run_record record;
	struct run_use use;
	size_t at = 0;
	uint8_t *run;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 0, 10);
	run_builder_remove(&builder, places, 4);
	run_builder_subject(&builder, 2, &n, &use);
	assert_int_equal(use.n_records, 1);
	run_builder_subject(&builder, 5, &n, &use);
	assert_int_equal(use.n_records, 0);
	add_samples(&builder, 10, 11);
	for (unsigned i = 0; i < 7; i++) {
		assert_true(run_builder_next(&builder, &at, &added));
		assert_int_equal(added.sequence, i);
	}
	assert_false(run_builder_next(&builder, &at, &added));
	run = finish(&builder, 4, &n);
	assert_int_equal(run_reader_begin(&reader, run, n), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(run_reader_next(&reader, &record), 1);
		check_sample(&record, left[i], 4 + i);
	}
	free(run);
	run_reader_deinit(&reader);
	run_builder_deinit(&builder);
}

static void all_can_be_removed(void **state)
{
	static const uint32_t places[] = { 0, 1, 2 };
	struct run_builder builder;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 0, 3);
	run_builder_remove(&builder, places, 3);
	assert_int_equal(builder.n_records, 0);
	assert_int_equal(run_builder_bytes(&builder), RUN_HEAD_BYTES);
	run_builder_deinit(&builder);
}

static void no_flipped_bit_passes(void **state)
{
	struct run_builder builder;
	uint8_t *run;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 0, 9);
	run = finish(&builder, 123456, &n);
	assert_int_equal(read_all(run, n), 9);
	for (size_t bit = 0; bit < n * 8; bit++) {
		run[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(read_all(run, n), -EBADMSG);
		run[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(run);
	run_builder_deinit(&builder);
}

static void no_part_of_it_passes(void **state)
{
	struct run_builder builder;
	uint8_t *run, *part;
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 0, 9);
	run = finish(&builder, 1, &n);
	for (size_t n_part = 0; n_part < n; n_part++) {
		part = malloc(n_part + !n_part);
		memcpy(part, run, n_part);
		assert_int_equal(read_all(part, n_part), -EBADMSG);
		free(part);
	}
	free(run);
	run_builder_deinit(&builder);
}

/* A good record, in a good run, where it does not belong. */
static void a_record_fits_nowhere_else(void **state)
{
	struct run_builder builder;
	uint8_t *one, *other;
	size_t n_one, n_other, head;

	assert_int_equal(run_builder_init(&builder), 0);
	add_samples(&builder, 0, 1);
	one = finish(&builder, 1, &n_one);
	other = finish(&builder, 2, &n_other);
	assert_int_equal(n_one, n_other);
	head = RUN_HEAD_BYTES + le32_load(one + 28);
	memcpy(other + head, one + head, n_one - head);
	assert_int_equal(read_all(one, n_one), 1);
	assert_int_equal(read_all(other, n_other), -EBADMSG);
	free(one);
	free(other);
	run_builder_deinit(&builder);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	struct run_builder builder;
	struct sample sample;
	char *large = calloc(1, RUN_BYTES_MAX);
	size_t n;

	assert_int_equal(run_builder_init(&builder), 0);
	make_sample(&sample, 1);
	sample.record.body = large;
	sample.record.n_body = RUN_BYTES_MAX;
	assert_int_equal(run_builder_add(&builder, &sample.record), -EINVAL);
	sample.record.n_body = RUN_BYTES_MAX - 4096;
	assert_int_equal(run_builder_add(&builder, &sample.record), 0);
	n = run_builder_bytes(&builder);
	assert_true(n <= RUN_BYTES_MAX);
	make_sample(&sample, 2);
	sample.record.body = large;
	sample.record.n_body = 4096;
	assert_int_equal(run_builder_add(&builder, &sample.record), -EMSGSIZE);
	make_sample(&sample, 2);
	sample.record.time_ns = BASE_NS + 2 * RUN_SPAN_MAX_NS;
	assert_int_equal(run_builder_add(&builder, &sample.record), -EMSGSIZE);
	assert_int_equal(run_builder_bytes(&builder), n);
	assert_int_equal(run_builder_n_subjects(&builder), 1);
	add_samples(&builder, 2, 3);
	run_builder_deinit(&builder);
	free(large);
}

static void many_words_end_a_run(void **state)
{
	struct run_builder builder;
	struct sample sample;
	unsigned i;
	int r = 0;

	assert_int_equal(run_builder_init(&builder), 0);
	for (i = 0; !r && i < 70000; i++) {
		make_sample(&sample, 0);
		sample.record.n_subject =
			(size_t)snprintf(sample.subject, 32, "s.%u", i);
		r = run_builder_add(&builder, &sample.record);
	}
	assert_int_equal(r, -EMSGSIZE);
	assert_int_equal(builder.n_records, RUN_WORDS_MAX);
	run_builder_deinit(&builder);
}

static void survives_no_memory(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct run_builder builder;
		struct sample sample;
		const void *pieces[2];
		size_t lengths[2];
		int r;

		make_sample(&sample, 1);
		fault_arm(n);
		r = run_builder_init(&builder);
		if (!r) {
			for (unsigned i = 0; !r && i < 200; i++) {
				make_sample(&sample, i);
				snprintf(sample.subject, 32, "s.%05u", i);
				r = run_builder_add(&builder, &sample.record);
			}
			if (!r)
				r = run_builder_finish(&builder, 1, pieces,
						       lengths);
			run_builder_deinit(&builder);
		}
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_put_in),
		cmocka_unit_test(words_stand_in_it_once),
		cmocka_unit_test(sources_differ_in_any_part),
		cmocka_unit_test(leaves_out_sequences),
		cmocka_unit_test(times_do_not_go_back),
		cmocka_unit_test(what_is_removed_is_gone),
		cmocka_unit_test(all_can_be_removed),
		cmocka_unit_test(no_flipped_bit_passes),
		cmocka_unit_test(no_part_of_it_passes),
		cmocka_unit_test(a_record_fits_nowhere_else),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(many_words_end_a_run),
		cmocka_unit_test(survives_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
