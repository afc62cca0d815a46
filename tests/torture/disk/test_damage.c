/* SPDX-License-Identifier: MIT */

/*
 * A log that was whole is damaged: a bit is turned, bytes are overwritten, a
 * file is cut, a sector is zero or that of another place, in any of its files.
 * Then each question is answered rightly or with an error, and if one is not
 * answered, or anything is missing, verify says what is wrong.
 *
 * HELIO_ROUNDS is the number of logs that are damaged, HELIO_SEED where to
 * begin.
 */

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backend/backend.h"
#include "tests/torture/complaint.h"
#include "tests/torture/disk/content.h"
#include "tests/torture/disk/harm.h"
#include "tests/torture/disk/judge.h"
#include "tests/torture/disk/place.h"
#include "tests/torture/disk/tape.h"
#include "tests/torture/disk/workload.h"

enum {
	ROUNDS = 5000,
	ROUNDS_PER_LOG = 500,
	STEPS = 60,
	FILES_MAX = 64,
	BUFFER_BYTES = 1 << 20,
};

/* What came out of a damaged log. */
struct outcome {
	unsigned n_errors;     /* told */
	bool is_told;          /* of what would come next */
	unsigned n_missing;    /* not told: records */
	unsigned n_astray;     /* not told: where to look for them */
	char what[160];        /* the first of those */
	bool has_other_things; /* small ones: a row of them can be lost */
};

struct file {
	char name[256];
	struct content content;
};

struct test {
	uint64_t seed;
	struct dice dice;
	char root[256], image[256], log[300];
	struct workload work;
	struct file files[FILES_MAX]; /* of the log, whole */
	unsigned n_files;
	struct log_status status; /* of the log, whole */
	struct harm harm;
	unsigned n_harmless, n_told, n_found;
};

__attribute__((format(printf, 2, 3))) static void miss(struct outcome *outcome,
						       const char *format, ...)
{
	va_list arguments;

	if (outcome->n_missing++)
		return;
	va_start(arguments, format);
	vsnprintf(outcome->what, sizeof(outcome->what), format, arguments);
	va_end(arguments);
}

/* A row of an index that is not found any more looks like one never made. */
__attribute__((format(printf, 2, 3))) static void stray(struct outcome *outcome,
							const char *format, ...)
{
	va_list arguments;

	if (outcome->n_astray++ || outcome->n_missing)
		return;
	va_start(arguments, format);
	vsnprintf(outcome->what, sizeof(outcome->what), format, arguments);
	va_end(arguments);
}

/* ---- damaging ---- */

/* The log again, with one of its files damaged. */
static void make_damaged(struct test *test)
{
	unsigned which = (unsigned)dice_below(&test->dice, test->n_files);
	struct content content;
	char path[600];
	size_t n;

	place_empty(test->image);
	snprintf(path, sizeof(path), "%s/log", test->image);
	if (mkdir(path, 0700) < 0)
		complain("%s: %s", path, strerror(errno));
	test->harm = (struct harm){ 0 };
	for (unsigned i = 0; i < test->n_files; i++) {
		snprintf(path, sizeof(path), "%s/log/%s", test->image,
			 test->files[i].name);
		content_copy(&test->files[i].content, &content);
		if (i == which)
			harm_do(&test->harm, &content, &test->dice);
		content_save(&content, path);
		content_deinit(&content);
	}
	n = strlen(test->harm.what);
	snprintf(test->harm.what + n, sizeof(test->harm.what) - n, " of %.80s",
		 test->files[which].name);
}

/* ---- asking ---- */

/* A record that comes out has to be right, whatever else is. */
static void check_record(struct test *test, const struct run_record *record)
{
	const struct oracle *oracle = &test->work.oracle;
	const struct entry *entry =
		oracle_lookup(oracle, oracle->n_appends, record->sequence);
	const char *what = "nobody's";

	if (!entry || !entry_is(entry, record, &what))
		complain("%s: record %llu is wrong: %s", test->harm.what,
			 (unsigned long long)record->sequence, what);
}

/* Returns the number of records, which follow each other from *next on. */
static void take_run(struct test *test, const uint8_t *run, size_t n,
		     uint64_t *next, struct outcome *outcome)
{
	static struct run_reader reader;
	struct run_record record;
	int r = run_reader_begin(&reader, run, n);

	if (r < 0) {
		outcome->n_errors++;
		outcome->is_told = true;
		return;
	}
	while ((r = run_reader_next(&reader, &record)) > 0) {
		check_record(test, &record);
		if (record.sequence > *next && !outcome->is_told)
			miss(outcome, "record %llu is left out",
			     (unsigned long long)*next);
		if (record.sequence >= *next)
			*next = record.sequence + 1;
		outcome->is_told = false;
	}
	outcome->n_errors += r < 0;
	outcome->is_told = r < 0;
}

static uint32_t length_of(const uint8_t *run, size_t n)
{
	uint32_t length;

	if (n < RUN_HEAD_BYTES)
		return 0;
	memcpy(&length, run + 4, sizeof(length));
	return length <= n ? length : 0;
}

static void read_all(struct test *test, struct view *view,
		     struct outcome *outcome)
{
	static uint8_t buffer[BUFFER_BYTES];
	uint64_t next = test->status.first, go_on, taken;
	size_t n, at;
	int r;

	while (next <= test->status.last) {
		r = view_read(view, next, buffer, sizeof(buffer), &n, &go_on);
		if (r < 0) {
			outcome->n_errors++;
			/* A run that is damaged can be passed over. */
			if (r != -EBADMSG || go_on <= next)
				return;
			next = go_on;
			continue;
		}
		taken = next;
		for (at = 0; at < n; at += length_of(buffer + at, n - at)) {
			if (!length_of(buffer + at, n - at))
				complain("%s: no runs are read at %llu",
					 test->harm.what,
					 (unsigned long long)next);
			take_run(test, buffer + at,
				 length_of(buffer + at, n - at), &taken,
				 outcome);
		}
		if (go_on <= next)
			complain("%s: reading %llu leads to %llu",
				 test->harm.what, (unsigned long long)next,
				 (unsigned long long)go_on);
		if (taken < go_on && !outcome->n_errors)
			miss(outcome, "records %llu to %llu do not come",
			     (unsigned long long)taken,
			     (unsigned long long)go_on - 1);
		next = go_on;
	}
}

/* The first record from `sequence` on of a subject, by the oracle. */
static uint64_t next_of(const struct test *test, const char *subject,
			uint64_t sequence)
{
	const struct oracle *oracle = &test->work.oracle;

	for (; sequence <= test->status.last; sequence++) {
		const struct entry *entry =
			oracle_lookup(oracle, oracle->n_appends, sequence);

		if (!strcmp(entry_subject(entry->subject), subject))
			break;
	}
	return sequence;
}

static void seek_subjects(struct test *test, struct view *view,
			  struct outcome *outcome)
{
	uint64_t from = dice_between(&test->dice, test->status.first,
				     test->status.last);

	for (unsigned i = 0; i < ORACLE_SUBJECTS; i++) {
		const char *subject = entry_subject(i);
		uint64_t right = next_of(test, subject, from), found;
		int r = view_seek_subject(view, &subject, 1, from, &found);

		if (r < 0)
			outcome->n_errors++;
		else if (found > right)
			stray(outcome,
			      "seeking %s from %llu passes over %llu to %llu",
			      subject, (unsigned long long)from,
			      (unsigned long long)right,
			      (unsigned long long)found);
	}
}

static uint64_t last_of(const struct test *test, const char *subject)
{
	const struct oracle *oracle = &test->work.oracle;
	uint64_t sequence = test->status.last;

	for (; sequence >= test->status.first; sequence--) {
		const struct entry *entry =
			oracle_lookup(oracle, oracle->n_appends, sequence);

		if (!strcmp(entry_subject(entry->subject), subject))
			return sequence;
	}
	return 0;
}

static void ask_last(struct test *test, struct view *view,
		     struct outcome *outcome)
{
	for (unsigned i = 0; i < ORACLE_SUBJECTS; i++) {
		const char *subject = entry_subject(i);
		uint64_t right = last_of(test, subject), found = 0;
		int r = view_last_of(view, subject, &found);

		if (r < 0)
			outcome->n_errors++;
		else if ((r ? found : 0) != right)
			stray(outcome, "the last of %s is %llu and not %llu",
			      subject, r ? (unsigned long long)found : 0,
			      (unsigned long long)right);
	}
}

static void seek_times(struct test *test, struct view *view,
		       struct outcome *outcome)
{
	const struct oracle *oracle = &test->work.oracle;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t right = dice_between(&test->dice, test->status.first,
					      test->status.last);
		uint64_t time_ns =
			oracle_lookup(oracle, oracle->n_appends, right)
				->time_ns;
		uint64_t found;
		int r = view_seek_time(view, time_ns, &found);

		while (right > test->status.first &&
		       oracle_lookup(oracle, oracle->n_appends, right - 1)
				       ->time_ns == time_ns)
			right--;
		if (r < 0)
			outcome->n_errors++;
		else if (found != right)
			stray(outcome, "at %llu is %llu and not %llu",
			      (unsigned long long)time_ns,
			      (unsigned long long)found,
			      (unsigned long long)right);
	}
}

static void ask_view(struct test *test, struct outcome *outcome)
{
	struct view *view;
	char *why = NULL;
	int r = view_open(backend_sqlite(), test->log, &view, &why);

	if (r < 0) {
		outcome->n_errors++;
		free(why);
		return;
	}
	if (view_status(view)->last != test->status.last ||
	    view_status(view)->first != test->status.first)
		miss(outcome, "it goes from %llu to %llu",
		     (unsigned long long)view_status(view)->first,
		     (unsigned long long)view_status(view)->last);
	read_all(test, view, outcome);
	seek_subjects(test, view, outcome);
	ask_last(test, view, outcome);
	seek_times(test, view, outcome);
	view_close(view);
}

/* The writer: it opens rightly, or says which file it is that is damaged. */
static void ask_log(struct test *test, struct outcome *outcome)
{
	const struct oracle *oracle = &test->work.oracle;
	struct log_limits limits = { .segment_bytes_max = 64 << 10 };
	struct log *log;
	char *why = NULL;
	int r = log_open(backend_sqlite(), test->log, false, &limits, &log,
			 &why);

	if (r < 0) {
		if (!why || !*why)
			complain("%s: it does not open (%s) and says not why",
				 test->harm.what, strerror(-r));
		outcome->n_errors++;
		free(why);
		return;
	}
	free(why);
	if (log_status(log)->last != test->status.last)
		miss(outcome, "the log ends at %llu and not at %llu",
		     (unsigned long long)log_status(log)->last,
		     (unsigned long long)test->status.last);
	else if (!judge_is_state_or_error(log,
					  &oracle->states[oracle->n_states - 1],
					  &outcome->n_errors))
		outcome->has_other_things = true;
	log_close(log);
}

static void try_damage(struct test *test)
{
	struct outcome outcome = { 0 };
	struct log_finding finding = { 0 };
	int r;

	make_damaged(test);
	r = log_verify(backend_sqlite(), test->log, &finding);
	if (r < 0)
		finding.is_good = false;
	if (r >= 0 && !finding.is_good &&
	    (!finding.file[0] || !finding.fault[0]))
		complain("%s: verify finds '%s' in '%s'", test->harm.what,
			 finding.fault, finding.file);
	ask_view(test, &outcome);
	ask_log(test, &outcome);
	if (outcome.n_missing && (finding.is_good || !test->harm.is_misplaced))
		complain("%s: %s; verify says %s", test->harm.what,
			 outcome.what,
			 finding.is_good ? "good" : finding.fault);
	if (outcome.n_astray && finding.is_good)
		complain("%s: %s, and verify finds nothing", test->harm.what,
			 outcome.what);
	if (outcome.has_other_things && finding.is_good)
		complain("%s: small things are others, and verify finds "
			 "nothing",
			 test->harm.what);
	if (outcome.n_errors && finding.is_good)
		complain("%s: there are errors and verify finds nothing",
			 test->harm.what);
	test->n_harmless += finding.is_good;
	test->n_told += outcome.n_errors > 0;
	test->n_found += !finding.is_good;
}

/* ---- the log that is damaged ---- */

static void load_files(struct test *test)
{
	char path[600];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/log", test->root);
	dir = opendir(path);
	if (!dir)
		complain("%s: %s", path, strerror(errno));
	test->n_files = 0;
	while ((entry = readdir(dir))) {
		struct file *file = &test->files[test->n_files];

		if (entry->d_name[0] == '.' || entry->d_type != DT_REG ||
		    strstr(entry->d_name, "-shm"))
			continue;
		if (++test->n_files == FILES_MAX)
			complain("more files than expected");
		snprintf(file->name, sizeof(file->name), "%s", entry->d_name);
		snprintf(path, sizeof(path), "%s/log/%s", test->root,
			 file->name);
		content_load(&file->content, path);
	}
	closedir(dir);
}

static void make_log(struct test *test, unsigned number)
{
	struct workload *work = &test->work;
	char path[300];
	struct tape tape;

	snprintf(path, sizeof(path), "%s/log", test->root);
	place_empty(test->root);
	tape_begin(&tape, test->root);
	workload_init(work, path, test->seed + number);
	while (log_status(work->log)->n_segments < 3 ||
	       work->oracle.n_appends < STEPS)
		workload_step(work);
	workload_recover(work);
	test->status = *log_status(work->log);
	workload_close(work);
	tape_stop();
	tape_deinit(&tape);
	load_files(test);
}

static void run_log(struct test *test, unsigned number, unsigned n_rounds)
{
	complaint_case("damage, HELIO_SEED=%llu: log %u",
		       (unsigned long long)test->seed, number);
	test->dice = dice_new(test->seed, number);
	make_log(test, number);
	for (unsigned i = 0; i < n_rounds; i++) {
		complaint_case("damage, HELIO_SEED=%llu: log %u, round %u",
			       (unsigned long long)test->seed, number, i);
		try_damage(test);
	}
	for (unsigned i = 0; i < test->n_files; i++)
		content_deinit(&test->files[i].content);
	workload_deinit(&test->work);
}

int main(void)
{
	static struct test test;
	unsigned n_rounds = dice_environment("HELIO_ROUNDS", ROUNDS);
	struct place place;

	test.seed = dice_seed("damage");
	place_init(&place);
	place_make(&place, "root", test.root, sizeof(test.root));
	place_make(&place, "image", test.image, sizeof(test.image));
	snprintf(test.log, sizeof(test.log), "%s/log", test.image);
	for (unsigned i = 0; i * ROUNDS_PER_LOG < n_rounds; i++) {
		unsigned n = n_rounds - i * ROUNDS_PER_LOG;

		run_log(&test, i, n < ROUNDS_PER_LOG ? n : ROUNDS_PER_LOG);
	}
	printf("%u damaged logs: %u found by verify, %u told by readers, "
	       "%u harmless\n",
	       n_rounds, test.n_found, test.n_told, test.n_harmless);
	place_deinit(&place);
	return EXIT_SUCCESS;
}
