/* SPDX-License-Identifier: MIT */

/*
 * A log against a plain model of it: an array of what was stored. Whatever the
 * log is asked, the array is asked too, by the shortest way there is.
 * HELIO_SEED gives it another course, HELIO_ROUNDS more steps.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/subject.h"
#include "tests/unit/logger/world.h"

enum {
	RECORDS_MAX = 200000,
	N_SUBJECTS = 24,
	N_WRITERS = 3,
	N_KEYS = 400,
	BODY_BYTES = 160,
	READ_BYTES = 1 << 20,
};

#define WINDOW_NS UINT64_C(120000000000)

struct entry {
	uint64_t time_ns;
	unsigned subject;
	unsigned writer;
	unsigned key;    /* 0: none */
	unsigned number; /* of a producer; 0: none */
	unsigned body;
};

static struct {
	struct entry *entries; /* the first has sequence 1 */
	uint64_t n;
	uint64_t floor; /* nothing before it is served */
	unsigned numbers[N_WRITERS];
} model;

static struct world world;
static struct view *view;
static uint64_t random_state;

static unsigned draw(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % n;
}

static void name_subject(unsigned subject, char name[32])
{
	snprintf(name, 32, "t%u.s%u.x%u", subject % 3, subject % 5, subject);
}

static void write_body(unsigned body, char text[BODY_BYTES])
{
	snprintf(text, BODY_BYTES, "%u %0*u", body, (int)(1 + body % 100), 0);
}

/* ---- what the model says ---- */

static uint64_t first_served(void)
{
	return model.floor > model.n + 1 ? model.n + 1 : model.floor;
}

static const struct entry *entry_of(uint64_t sequence)
{
	return &model.entries[sequence - 1];
}

static bool is_subject(uint64_t sequence, const char *pattern)
{
	char name[32];

	name_subject(entry_of(sequence)->subject, name);
	return pattern_matches(pattern, strlen(pattern), name, strlen(name));
}

/* What becomes of an entry that would get the next sequence. */
static enum log_outcome judge(const struct entry *entry, uint64_t *ret_sequence)
{
	unsigned last = model.numbers[entry->writer];

	*ret_sequence = 0;
	if (entry->number == last + 1 || (!entry->number && !entry->key))
		return LOG_STORED;
	if (entry->number > last) {
		*ret_sequence = last + 1;
		return LOG_KEY_GAP;
	}
	for (uint64_t i = model.n; i > 0; i--) {
		const struct entry *old = entry_of(i);

		if (old->writer != entry->writer || old->key != entry->key ||
		    old->number != entry->number)
			continue;
		if (entry->key && old->time_ns + WINDOW_NS < entry->time_ns)
			return LOG_STORED;
		*ret_sequence = i;
		return old->body == entry->body ? LOG_DUPLICATE
						: LOG_KEY_CONFLICT;
	}
	return entry->number ? LOG_DUPLICATE : LOG_STORED;
}

static void keep(const struct entry *entry)
{
	assert_true(model.n < RECORDS_MAX);
	model.entries[model.n++] = *entry;
	if (entry->number)
		model.numbers[entry->writer] = entry->number;
}

/* ---- steps ---- */

static void draw_entry(struct entry *entry)
{
	*entry = (struct entry){
		.time_ns = world.now_ns,
		.subject = draw(draw(4) ? 4 : N_SUBJECTS),
		.writer = draw(N_WRITERS),
		.body = draw(1000),
	};
	if (!draw(3))
		entry->key = 1 + draw(N_KEYS);
	else if (!draw(4))
		entry->number = model.numbers[entry->writer] > 2 && !draw(3)
					? model.numbers[entry->writer] - draw(2)
					: model.numbers[entry->writer] + 1 +
						  (draw(8) == 0);
}

static void add_entry(const struct entry *entry)
{
	char subject[32], body[BODY_BYTES], writer[16], key[32];

	name_subject(entry->subject, subject);
	write_body(entry->body, body);
	snprintf(writer, sizeof(writer), "writer%u", entry->writer);
	if (entry->key)
		snprintf(key, sizeof(key), "key:%u", entry->key);
	else
		snprintf(key, sizeof(key), "producer:p:%u", entry->number);
	world_add_by(&world, subject, body, writer,
		     entry->key || entry->number ? key : NULL);
}

/* A batch, each of which is judged as if it came alone. */
static void append(void)
{
	enum log_outcome outcomes[16];
	uint64_t told[16];
	uint64_t first = model.n + 1;
	unsigned n = 1 + draw(16);
	size_t n_refused = 0;

	world.now_ns += draw(20) ? draw(1000000) : draw(2) * WINDOW_NS / 2;
	for (unsigned i = 0; i < n; i++) {
		struct entry entry;

		draw_entry(&entry);
		add_entry(&entry);
		outcomes[i] = judge(&entry, &told[i]);
		if (!entry.key && !entry.number && !draw(20)) {
			uint64_t expected = model.n + (draw(2) == 0);

			world_expect(&world, expected);
			if (expected != model.n) {
				outcomes[i] = LOG_NOT_EXPECTED;
				told[i] = model.n;
			}
		}
		if (outcomes[i] == LOG_STORED)
			keep(&entry);
	}
	assert_int_equal(world_append(&world), 0);
	assert_int_equal(world.first, first);
	for (unsigned i = 0; i < n; i++) {
		const struct log_verdict *verdict = &world.verdicts[n_refused];

		if (outcomes[i] == LOG_STORED)
			continue;
		assert_true(n_refused < world.n_verdicts);
		n_refused++;
		assert_int_equal(verdict->place, i);
		/* Of what was removed the log only knows the number. */
		if (told[i] < first_served() && !verdict->sequence &&
		    verdict->outcome == LOG_DUPLICATE)
			continue;
		assert_int_equal(verdict->outcome, outcomes[i]);
		assert_int_equal(verdict->sequence, told[i]);
	}
	assert_int_equal(world.n_verdicts, n_refused);
	assert_int_equal(log_status(world.log)->last, model.n);
}

static void open_again(void)
{
	world_close(&world);
	world_open(&world);
	assert_int_equal(log_status(world.log)->last, model.n);
	assert_int_equal(log_status(world.log)->first, first_served());
}

static void expire(void)
{
	uint64_t n_served = model.n - first_served() + 1;

	if (n_served < 4000)
		return;
	world.limits.records_max = n_served - draw(500);
	log_set_limits(world.log, &world.limits);
	assert_int_equal(log_expire(world.log, world.now_ns), 0);
	model.floor = model.n - world.limits.records_max + 1;
	world.limits.records_max = 0;
	log_set_limits(world.log, &world.limits);
	assert_int_equal(log_status(world.log)->first, first_served());
}

static void see(const struct run_record *record, void *userdata)
{
	const struct entry *entry;
	uint64_t *next = userdata;
	char subject[32], body[BODY_BYTES];

	assert_int_equal(record->sequence, *next);
	entry = entry_of((*next)++);
	name_subject(entry->subject, subject);
	write_body(entry->body, body);
	assert_int_equal(record->n_subject, strlen(subject));
	assert_memory_equal(record->subject, subject, record->n_subject);
	assert_int_equal(record->n_body, strlen(body));
	assert_memory_equal(record->body, body, record->n_body);
	assert_int_equal(record->time_ns, entry->time_ns);
}

static uint64_t draw_served(void)
{
	uint64_t n = model.n - first_served() + 1;

	return first_served() + (n ? draw((unsigned)n + 1) : 0);
}

static void read_forwards(void)
{
	uint64_t next = draw(3) ? draw_served() : first_served();

	assert_int_equal(world_read(view, next, see, &next), 0);
	assert_int_equal(next, model.n + 1);
}

static void read_backwards(void)
{
	static uint8_t buffer[READ_BYTES];
	uint64_t sequence = draw_served();
	struct run_reader reader = { 0 };
	uint64_t first, next;
	size_t n;
	int r;

	r = view_read_before(view, sequence, buffer, READ_BYTES, &n, &first);
	if (sequence == first_served()) {
		assert_int_equal(r, -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_true(first < sequence);
	assert_int_equal(run_reader_begin(&reader, buffer, n), 0);
	assert_int_equal(reader.head.base_sequence, first);
	next = first + reader.head.n_records;
	assert_true(next >= sequence);
	run_reader_deinit(&reader);
}

static void seek_time(void)
{
	uint64_t sequence = draw_served();
	uint64_t time_ns, found, want;

	time_ns = sequence <= model.n ? entry_of(sequence)->time_ns
				      : world.now_ns + 1;
	time_ns += draw(3);
	for (want = first_served(); want <= model.n; want++)
		if (entry_of(want)->time_ns >= time_ns)
			break;
	assert_int_equal(view_seek_time(view, time_ns, &found), 0);
	assert_int_equal(found, want);
}

static void seek_subject(void)
{
	static const char *const patterns[] = { "t0.>",     "*.s3.*",
						"t1.s1.x1", "t2.s4.>",
						">",        "t2.s2.x17",
						"t0.s3.x3", "none.>" };
	const char *chosen[2] = { patterns[draw(8)], patterns[draw(8)] };
	size_t n_chosen = 1 + draw(2);
	uint64_t from = draw_served();
	uint64_t found, want;
	int r;

	for (want = from; want <= model.n; want++)
		if (is_subject(want, chosen[0]) ||
		    (n_chosen > 1 && is_subject(want, chosen[1])))
			break;
	r = view_seek_subject(view, chosen, n_chosen, from, &found);
	if (want > model.n) {
		assert_int_equal(r, 1);
		assert_int_equal(found, model.n + 1);
	} else {
		assert_int_equal(r, 0);
		assert_true(found >= from);
		assert_true(found <= want);
	}
}

static uint64_t model_last_of(const char *subject)
{
	for (uint64_t i = model.n; i >= first_served() && i > 0; i--)
		if (is_subject(i, subject))
			return i;
	return 0;
}

static void ask_last_of(void)
{
	uint64_t found = 0, want;
	char subject[32];
	int r;

	name_subject(draw(N_SUBJECTS + 1), subject);
	want = model_last_of(subject);
	r = view_last_of(view, subject, &found);
	assert_int_equal(r, want != 0);
	assert_int_equal(found, want);
}

static void ask_floor_of(void)
{
	unsigned max = 1 + draw(draw(2) ? 20 : 2000);
	uint64_t found = 0, want = first_served();
	unsigned n_left = max;
	char subject[32];

	name_subject(draw(N_SUBJECTS + 1), subject);
	for (uint64_t i = model.n; i >= first_served() && i > 0; i--) {
		if (!is_subject(i, subject) || --n_left)
			continue;
		want = i;
		break;
	}
	assert_int_equal(view_floor_of(view, subject, max, &found), 0);
	assert_int_equal(found, want);
}

/* Whether it is one of the newest `max` of its subject. */
static bool is_among_newest(uint64_t sequence, unsigned max)
{
	unsigned subject = entry_of(sequence)->subject;
	unsigned n = 0;

	for (uint64_t i = sequence + 1; n < max && i <= model.n; i++)
		n += entry_of(i)->subject == subject;
	return n < max;
}

/* Of the runs from any place on all are left that are served, and no others. */
static void thin(void)
{
	static uint8_t buffer[READ_BYTES];
	unsigned max = 1 + draw(draw(2) ? 20 : 500);
	uint64_t sequence = draw_served();
	struct run_reader reader = { 0 };
	struct run_record record;
	uint64_t next, at;
	size_t n = 0;

	if (sequence > model.n)
		return;
	assert_int_equal(
		view_read(view, sequence, buffer, READ_BYTES, &n, &next), 0);
	assert_int_equal(run_reader_begin(&reader, buffer, n), 0);
	at = reader.head.base_sequence;
	assert_int_equal(view_thin(view, max, buffer, &n), 0);
	for (size_t k = 0; k < n; k += reader.head.n_bytes) {
		assert_int_equal(run_reader_begin(&reader, buffer + k, n - k),
				 0);
		while (run_reader_next(&reader, &record) == 1) {
			while (at < record.sequence)
				assert_false(is_among_newest(at++, max));
			assert_true(is_among_newest(at, max));
			assert_int_equal(view_serves(view, &record, max), 1);
			see(&record, &at);
		}
	}
	while (at < next)
		assert_false(is_among_newest(at++, max));
	run_reader_deinit(&reader);
}

struct listed {
	char before[32];
	unsigned n;
};

static int list(const char *subject, uint64_t last, void *userdata)
{
	struct listed *listed = userdata;

	assert_true(strcmp(listed->before, subject) < 0);
	assert_int_equal(last, model_last_of(subject));
	snprintf(listed->before, sizeof(listed->before), "%s", subject);
	listed->n++;
	return 0;
}

static void list_subjects(void)
{
	static const char *const patterns[] = { ">", "t1.>", "*.s2.*", "none.x",
						"t0.s0.x0" };
	const char *pattern = patterns[draw(5)];
	struct listed listed = { 0 };
	unsigned n_want = 0;

	for (unsigned i = 0; i < N_SUBJECTS; i++) {
		char name[32];

		name_subject(i, name);
		n_want += pattern_matches(pattern, strlen(pattern), name,
					  strlen(name)) &&
			  model_last_of(name);
	}
	assert_int_equal(view_subjects(view, pattern, list, &listed), 0);
	assert_int_equal(listed.n, n_want);
}

static void verify(void)
{
	struct log_finding finding;

	assert_int_equal(log_verify(world.backend, world.path, &finding), 0);
	if (!finding.is_good)
		fail_msg("%s: %s", finding.file, finding.fault);
	assert_int_equal(finding.n_segments, log_status(world.log)->n_segments);
}

static void step(void)
{
	static void (*const asked[])(void) = {
		read_backwards, seek_time,     seek_subject, ask_last_of,
		ask_floor_of,   list_subjects, thin,
	};
	unsigned chance = draw(1000);

	if (chance < 500)
		append();
	else if (chance < 505)
		open_again();
	else if (chance < 515)
		expire();
	else if (chance < 518)
		verify();
	assert_int_equal(view_refresh(view), 0);
	assert_int_equal(view_status(view)->last, model.n);
	assert_int_equal(view_status(view)->first, first_served());
	if (chance >= 990)
		read_forwards();
	else if (chance >= 518)
		asked[chance % 7]();
}

static unsigned rounds(unsigned n)
{
	const char *text = getenv("HELIO_ROUNDS");

	return text ? (unsigned)strtoul(text, NULL, 10) : n;
}

static void run(bool is_sqlite, unsigned n_steps)
{
	const char *seed = getenv("HELIO_SEED");

	random_state = seed ? strtoull(seed, NULL, 10) : 20240101;
	memset(&model, 0, sizeof(model));
	model.entries = calloc(RECORDS_MAX, sizeof(*model.entries));
	model.floor = 1;
	world_begin(&world, is_sqlite);
	world_make(&world);
	view = world_view(&world);
	for (unsigned i = 0; i < rounds(n_steps) && model.n < RECORDS_MAX - 16;
	     i++)
		step();
	verify();
	view = view_close(view);
	world_end(&world);
	free(model.entries);
}

static void memory_is_as_the_model(void **state)
{
	run(false, 6000);
}

static void sqlite_is_as_the_model(void **state)
{
	run(true, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_as_the_model),
		cmocka_unit_test(sqlite_is_as_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
