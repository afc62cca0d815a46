/* SPDX-License-Identifier: MIT */

/*
 * Files of a log that were changed behind its back. Whatever is changed: the
 * log is not taken for another one, what is served is what was stored, and what
 * is not served is said to be damaged. HELIO_SEED and HELIO_ROUNDS try others.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/logger/world.h"

enum { N_RECORDS = 260, N_SUBJECTS = 13, FILES_MAX = 32, READ_BYTES = 1 << 18 };

struct file {
	char path[400];
	uint8_t *bytes;
	size_t n;
};

static struct world world;
static struct file files[FILES_MAX];
static size_t n_files;
static uint64_t random_state;

static size_t draw(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)((random_state >> 16) % n);
}

/* ---- files ---- */

static void load_file(struct file *file)
{
	struct stat status;
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	file->n = (size_t)status.st_size;
	file->bytes = malloc(file->n + 1);
	assert_int_equal(read(fd, file->bytes, file->n), file->n);
	close(fd);
}

static void write_file(const char *path, const uint8_t *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void each_name(void (*on_name)(const char *name))
{
	DIR *folder = opendir(world.path);
	const struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			on_name(entry->d_name);
	closedir(folder);
}

static void load(const char *name)
{
	struct file *file = &files[n_files++];

	assert_true(n_files <= FILES_MAX);
	snprintf(file->path, sizeof(file->path), "%s/%s", world.path, name);
	load_file(file);
}

static void remove_name(const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", world.path, name);
	unlink(path);
}

static void restore(void)
{
	each_name(remove_name);
	for (size_t i = 0; i < n_files; i++)
		write_file(files[i].path, files[i].bytes, files[i].n);
}

/* ---- what was stored ---- */

static void describe(uint64_t sequence, char subject[32], char body[400])
{
	snprintf(subject, 32, "s.%u", (unsigned)(sequence % N_SUBJECTS));
	snprintf(body, 400, "%0300u", (unsigned)(sequence * 7919));
}

static int begin(void **state)
{
	char subject[32], body[400], key[32];

	world_begin(&world, true);
	world.limits.segment_bytes_max = 32 * 1024;
	world_make(&world);
	for (uint64_t i = 1; i <= N_RECORDS; i++) {
		describe(i, subject, body);
		snprintf(key, sizeof(key), "key%u", (unsigned)i);
		world.now_ns += 1000;
		world_add_by(&world, subject, body, "writer", key);
		if (i % 2 == 0)
			assert_int_equal(world_append(&world), 0);
	}
	assert_int_equal(log_state_put(world.log, "cursor/a", "17", 2), 0);
	assert_int_equal(log_state_commit(world.log), 0);
	assert_int_equal(log_expire(world.log, world.now_ns), 0);
	assert_true(log_status(world.log)->n_segments > 3);
	world_close(&world);
	n_files = 0;
	each_name(load);
	return 0;
}

static int end(void **state)
{
	restore();
	world_end(&world);
	for (size_t i = 0; i < n_files; i++)
		free(files[i].bytes);
	return 0;
}

/* ---- what must hold ---- */

static void see(const struct run_record *record, void *userdata)
{
	uint64_t *next = userdata;
	char subject[32], body[400];

	assert_true(record->sequence >= *next);
	assert_true(record->sequence <= N_RECORDS);
	describe(record->sequence, subject, body);
	assert_int_equal(record->n_subject, strlen(subject));
	assert_memory_equal(record->subject, subject, record->n_subject);
	assert_int_equal(record->n_body, strlen(body));
	assert_memory_equal(record->body, body, record->n_body);
	*next = record->sequence + 1;
}

/* Read on behind what is damaged. Returns whether something was. */
static bool read_all(struct view *view)
{
	static uint8_t buffer[READ_BYTES];
	struct run_reader reader = { 0 };
	struct run_record record;
	uint64_t sequence = 1, seen = 1, next;
	bool is_damaged = false;
	size_t n, at;
	int r;

	for (;;) {
		r = view_read(view, sequence, buffer, READ_BYTES, &n, &next);
		if (r == -ENOENT)
			break;
		if (r && r != -EBADMSG)
			fail_msg("view_read: %d", r);
		assert_true(next > sequence);
		for (at = 0; !r && at < n; at += reader.head.n_bytes) {
			r = run_reader_begin(&reader, buffer + at, n - at);
			while (!r &&
			       (r = run_reader_next(&reader, &record)) > 0) {
				if (!is_damaged)
					assert_int_equal(record.sequence, seen);
				see(&record, &seen);
				r = 0;
			}
		}
		assert_true(!r || r == -EBADMSG);
		is_damaged |= r != 0;
		sequence = next;
	}
	if (!is_damaged)
		assert_int_equal(seen, N_RECORDS + 1);
	run_reader_deinit(&reader);
	return is_damaged;
}

/* Whether the index gave a wrong answer, or said that it is damaged. */
static bool ask_index(struct view *view)
{
	bool is_wrong = false;

	for (unsigned i = 0; i < N_SUBJECTS; i++) {
		uint64_t want = N_RECORDS, found = 0;
		char subject[32];
		int r;

		while (want % N_SUBJECTS != i)
			want--;
		snprintf(subject, sizeof(subject), "s.%u", i);
		r = view_last_of(view, subject, &found);
		is_wrong |= r != 1 || found != want;
		r = view_seek_time(view, WORLD_NS + want * 1000, &found);
		is_wrong |= r != 0 || found != want;
	}
	return is_wrong;
}

static bool look(void)
{
	struct view *view;
	bool is_wrong;
	char *why = NULL;
	int r;

	r = view_open(world.backend, world.path, &view, &why);
	if (r) {
		assert_true(r == -EBADMSG || r == -EPROTO || r == -ENOENT ||
			    r == -EBUSY || r == -EIO);
		free(why);
		return true;
	}
	is_wrong = view_status(view)->last != N_RECORDS;
	if (!is_wrong)
		is_wrong = read_all(view);
	is_wrong |= ask_index(view);
	view_close(view);
	return is_wrong;
}

static void check(const char *what)
{
	struct log_finding finding;
	struct log *log;
	bool is_wrong;
	char *why = NULL;
	int r;

	is_wrong = look();
	r = log_verify(world.backend, world.path, &finding);
	if (is_wrong && !r && finding.is_good)
		fail_msg("%s: verify finds nothing", what);
	if (!r && !finding.is_good)
		assert_true(finding.file[0] && finding.fault[0]);
	r = log_open(world.backend, world.path, false, &world.limits, &log,
		     &why);
	if (!r) {
		if (log_status(log)->last != N_RECORDS)
			fail_msg("%s: opened as another log", what);
		log_close(log);
		return;
	}
	assert_non_null(why);
	assert_true(strlen(why) > 4);
	free(why);
}

static unsigned rounds(unsigned n)
{
	const char *text = getenv("HELIO_ROUNDS");

	return text ? (unsigned)strtoul(text, NULL, 10) : n;
}

static void begin_course(void)
{
	const char *seed = getenv("HELIO_SEED");

	random_state = seed ? strtoull(seed, NULL, 10) : 99;
}

static void nothing_is_wrong_before(void **state)
{
	struct log_finding finding;

	assert_false(look());
	assert_int_equal(log_verify(world.backend, world.path, &finding), 0);
	if (!finding.is_good)
		fail_msg("%s: %s", finding.file, finding.fault);
	assert_int_equal(finding.n_records, N_RECORDS);
	check("nothing");
}

static void flipped_bits_are_found_or_do_no_harm(void **state)
{
	char what[500];

	begin_course();
	for (unsigned i = 0; i < rounds(150); i++) {
		struct file *file = &files[draw(n_files)];
		size_t at = file->n ? draw(file->n) : 0;
		uint8_t bit = (uint8_t)(1 << draw(8));

		if (!file->n)
			continue;
		restore();
		file->bytes[at] ^= bit;
		write_file(file->path, file->bytes, file->n);
		snprintf(what, sizeof(what), "%s, byte %zu, bit %u", file->path,
			 at, bit);
		check(what);
		file->bytes[at] ^= bit;
	}
}

static void what_was_cut_off_is_found_or_does_no_harm(void **state)
{
	char what[500];

	begin_course();
	for (unsigned i = 0; i < rounds(60); i++) {
		const struct file *file = &files[draw(n_files)];
		size_t n = file->n ? draw(file->n) : 0;

		restore();
		write_file(file->path, file->bytes, n);
		snprintf(what, sizeof(what), "%s cut to %zu", file->path, n);
		check(what);
	}
}

static void a_file_that_is_missing_is_named(void **state)
{
	for (size_t i = 0; i < n_files; i++) {
		const char *name = strrchr(files[i].path, '/') + 1;
		struct log *log;
		char *why = NULL;
		int r;

		if (strchr(name, '-') && !strstr(name, ".seg"))
			continue;
		if (strstr(name, ".seg-") || !strncmp(name, "state-", 6))
			continue;
		restore();
		unlink(files[i].path);
		r = log_open(world.backend, world.path, false, &world.limits,
			     &log, &why);
		assert_int_equal(r, -EBADMSG);
		assert_non_null(strstr(why, name));
		free(why);
		r = log_open(world.backend, world.path, true, &world.limits,
			     &log, &why);
		assert_true(r == -EBADMSG || r == -EEXIST);
		free(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_wrong_before, begin,
						end),
		cmocka_unit_test_setup_teardown(
			flipped_bits_are_found_or_do_no_harm, begin, end),
		cmocka_unit_test_setup_teardown(
			what_was_cut_off_is_found_or_does_no_harm, begin, end),
		cmocka_unit_test_setup_teardown(a_file_that_is_missing_is_named,
						begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
