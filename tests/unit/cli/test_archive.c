/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/archive.h"

#define TIME_NS UINT64_C(1796045400000000000)

enum { N_RUNS = 3, N_RECORDS = 4 };

/* An archive in memory. */
struct file {
	char *bytes;
	size_t n;
};

static void add_run(struct archive_writer *writer, uint64_t first)
{
	struct run_builder builder;
	const void *pieces[2];
	size_t lengths[2];
	uint8_t *run;

	assert_int_equal(run_builder_init(&builder), 0);
	for (unsigned i = 0; i < N_RECORDS; i++) {
		struct run_record record = {
			.time_ns = TIME_NS + i,
			.kind = RUN_MESSAGE,
			.subject = "demo.a",
			.n_subject = 6,
			.source = { .principal = "vm:web",
				    .n_principal = 6,
				    .durable_id = "",
				    .incarnation = 1 },
			.body = "hello",
			.n_body = 5,
		};

		assert_int_equal(run_builder_add(&builder, &record), 0);
	}
	assert_int_equal(run_builder_finish(&builder, first, pieces, lengths),
			 0);
	run = malloc(lengths[0] + lengths[1]);
	assert_non_null(run);
	memcpy(run, pieces[0], lengths[0]);
	memcpy(run + lengths[0], pieces[1], lengths[1]);
	assert_int_equal(archive_add_run(writer, run, lengths[0] + lengths[1]),
			 0);
	free(run);
	run_builder_deinit(&builder);
}

/* Three runs of four records, 1 to 12, and a schema. */
static struct file make(void)
{
	Helio__Log__V1__Log log = HELIO__LOG__V1__LOG__INIT;
	struct archive_writer writer = { 0 };
	const uint8_t hash[ARCHIVE_HASH_BYTES] = { 1, 2, 3 };
	char name[] = "events";
	struct file file;
	FILE *out = open_memstream(&file.bytes, &file.n);

	assert_non_null(out);
	log.name = name;
	assert_int_equal(archive_begin(&writer, out, &log), 0);
	assert_int_equal(archive_add_schema(&writer, hash, "set", 3), 0);
	for (unsigned i = 0; i < N_RUNS; i++)
		add_run(&writer, 1 + i * N_RECORDS);
	assert_int_equal(archive_finish(&writer), 0);
	archive_writer_deinit(&writer);
	fclose(out);
	return file;
}

/* What all of it is found to be, and the reader's last words. */
static int walk(const struct file *file, size_t n,
		struct archive_totals *ret_totals, uint64_t *ret_bad)
{
	struct archive_reader reader = { 0 };
	struct archive_block block;
	FILE *in = n ? fmemopen(file->bytes, n, "r") : fopen("/dev/null", "r");
	int r;

	assert_non_null(in);
	r = archive_open(&reader, in);
	while (r >= 0 && (r = archive_next(&reader, &block)) > 0)
		;
	assert_true(r != -EBADMSG || *reader.error);
	*ret_totals = reader.totals;
	*ret_bad = reader.bad_sequence;
	archive_reader_deinit(&reader);
	fclose(in);
	return r;
}

static void test_good(void **state)
{
	struct file file = make();
	struct archive_totals totals;
	uint64_t bad;

	assert_int_equal(walk(&file, file.n, &totals, &bad), 0);
	assert_int_equal(totals.n_records, N_RUNS * N_RECORDS);
	assert_int_equal(totals.n_runs, N_RUNS);
	assert_int_equal(totals.first, 1);
	assert_int_equal(totals.last, N_RUNS * N_RECORDS);
	free(file.bytes);
}

static void test_truncated(void **state)
{
	struct file file = make();
	struct archive_totals totals;
	uint64_t bad, last_bad = 1;

	for (size_t n = 0; n < file.n; n++) {
		assert_int_equal(walk(&file, n, &totals, &bad), -EBADMSG);
		/* What is told is the first that is missing. */
		assert_int_equal(bad, totals.last + 1);
		assert_true(bad >= last_bad);
		last_bad = bad;
	}
	assert_int_equal(last_bad, N_RUNS * N_RECORDS + 1);
	free(file.bytes);
}

static void test_flipped(void **state)
{
	struct file file = make();
	struct archive_totals totals;
	uint64_t bad;

	for (size_t i = 0; i < file.n * 8; i++) {
		file.bytes[i / 8] = (char)(file.bytes[i / 8] ^ 1 << i % 8);
		assert_int_equal(walk(&file, file.n, &totals, &bad), -EBADMSG);
		file.bytes[i / 8] = (char)(file.bytes[i / 8] ^ 1 << i % 8);
	}
	free(file.bytes);
}

/* In the second run's third record: the one that is named. */
static void test_names_the_record(void **state)
{
	struct file file = make();
	struct archive_totals totals;
	char *at = file.bytes;
	uint64_t bad;

	for (unsigned i = 0; i < N_RECORDS + 3; i++) {
		at = memmem(at + 1, file.n - (size_t)(at + 1 - file.bytes),
			    "hello", 5);
		assert_non_null(at);
	}
	*at ^= 1;
	assert_int_equal(walk(&file, file.n, &totals, &bad), -EBADMSG);
	assert_int_equal(bad, N_RECORDS + 3);
	free(file.bytes);
}

static void test_more_behind_it(void **state)
{
	struct file file = make();
	struct archive_totals totals;
	uint64_t bad;
	char *longer = realloc(file.bytes, file.n + 1);

	assert_non_null(longer);
	file.bytes = longer;
	file.bytes[file.n] = 'x';
	assert_int_equal(walk(&file, file.n + 1, &totals, &bad), -EBADMSG);
	free(file.bytes);
}

/* A run that is good, but not the next one. */
static void test_order(void **state)
{
	Helio__Log__V1__Log log = HELIO__LOG__V1__LOG__INIT;
	struct archive_writer writer = { 0 };
	struct file file;
	FILE *out = open_memstream(&file.bytes, &file.n);
	struct run_builder builder;
	struct run_record record = { .time_ns = TIME_NS,
				     .kind = RUN_MESSAGE,
				     .subject = "a",
				     .n_subject = 1,
				     .source = { .principal = "",
						 .durable_id = "" },
				     .body = "" };
	const void *pieces[2];
	size_t lengths[2];
	uint8_t run[512];

	assert_int_equal(archive_begin(&writer, out, &log), 0);
	add_run(&writer, 5);
	assert_int_equal(run_builder_init(&builder), 0);
	assert_int_equal(run_builder_add(&builder, &record), 0);
	assert_int_equal(run_builder_finish(&builder, 8, pieces, lengths), 0);
	memcpy(run, pieces[0], lengths[0]);
	memcpy(run + lengths[0], pieces[1], lengths[1]);
	assert_int_equal(archive_add_run(&writer, run, lengths[0] + lengths[1]),
			 -EBADMSG);
	run_builder_deinit(&builder);
	archive_writer_deinit(&writer);
	fclose(out);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_names_the_record),
		cmocka_unit_test(test_more_behind_it),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
