/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/heliograph-log.h"
#include "tests/fault.h"
#include "tests/unit/rpc/log/scribe.h"

/* What a reader was told. */
struct told {
	struct fake_switch fake;
	struct helio_log_reader *reader;
	char records[256]; /* "1 2 3" */
	unsigned n_records;
	unsigned n_live;
	uint64_t expired_to;
	unsigned n_interrupted;
	unsigned n_ended;
	unsigned status;
	char reason[128];
	unsigned free_at; /* in the callback of this record */
};

static void on_record(struct helio_log_reader *reader,
		      const struct helio_log_record *record, void *userdata)
{
	struct told *told = userdata;
	size_t n = strlen(told->records);

	snprintf(told->records + n, sizeof(told->records) - n, "%s%.*s",
		 n ? " " : "", (int)record->message.n_body,
		 (const char *)record->message.body);
	assert_string_equal(record->message.subject, "demo.a");
	assert_string_equal(record->message.source, "vm:web");
	assert_string_equal(record->message.durable_id, "u1");
	assert_string_equal(record->message.idempotency_key, "k");
	if (++told->n_records != told->free_at)
		return;
	helio_log_reader_free(reader);
	told->reader = NULL;
}

static void on_live(struct helio_log_reader *reader, void *userdata)
{
	struct told *told = userdata;

	told->n_live++;
}

static void on_expired(struct helio_log_reader *reader, uint64_t sequence,
		       void *userdata)
{
	struct told *told = userdata;

	told->expired_to = sequence;
}

static void on_interrupted(struct helio_log_reader *reader, unsigned status,
			   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_interrupted++;
}

/* The reader is freed where it is told to be a good place for it. */
static void on_end(struct helio_log_reader *reader, unsigned status,
		   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_ended++;
	told->status = status;
	snprintf(told->reason, sizeof(told->reason), "%s", reason);
	helio_log_reader_free(reader);
	told->reader = NULL;
}

static struct helio_log_read_options options_all(void)
{
	return (struct helio_log_read_options){
		.on_record = on_record,
		.on_live = on_live,
		.on_expired = on_expired,
		.on_interrupted = on_interrupted,
		.on_end = on_end,
	};
}

/* The CALL and what it asks for, to be freed; its id. */
static uint64_t expect_read(struct told *told,
			    Helio__Log__V1__ReadRequest **ret_request)
{
	struct received received;

	fake_expect(&told->fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "Read");
	*ret_request = helio__log__v1__read_request__unpack(
		NULL, received.n_body, received.body);
	assert_non_null(*ret_request);
	return received.frame.correlation;
}

static uint64_t expect_read_from(struct told *told, uint64_t sequence)
{
	Helio__Log__V1__ReadRequest *request;
	uint64_t id = expect_read(told, &request);

	assert_string_equal(request->log, "events");
	assert_int_equal(request->place->sequence, sequence);
	helio__log__v1__read_request__free_unpacked(request, NULL);
	return id;
}

static void open_reader(struct told *told,
			const struct helio_log_read_options *options)
{
	*told = (struct told){ 0 };
	fake_connect(&told->fake, NULL);
	assert_int_equal(helio_log_read(told->fake.bus, "events", options, told,
					&told->reader),
			 0);
	scribe_bind(&told->fake);
}

static void close_reader(struct told *told)
{
	helio_log_reader_free(told->reader);
	fake_close(&told->fake);
}

static void test_to_the_end(void **state)
{
	struct helio_log_read_options options = options_all();
	struct told told;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_records(&told.fake, id, 1, 3);
	scribe_records(&told.fake, id, 4, 5);
	scribe_reply(&told.fake, id, HELIO_OK);
	scribe_wait(&told.fake, 1);
	assert_string_equal(told.records, "1 2 3 4 5");
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.status, HELIO_OK);
	close_reader(&told);
}

static void test_it_goes_on_after_a_loss(void **state)
{
	struct helio_log_read_options options = options_all();
	struct received received;
	struct told told;
	uint64_t id;

	options.is_following = true;
	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_records(&told.fake, id, 1, 3);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	assert_int_equal(told.n_interrupted, 0);
	scribe_wait(&told.fake, 60);
	assert_int_equal(told.n_interrupted, 1);
	fake_expect(&told.fake, FRAME_CALL, &received);
	assert_true(received.frame.flags & FRAME_WAIT);
	/* What it had comes again; it is not told again. */
	id = received.frame.correlation;
	scribe_records(&told.fake, id, 2, 5);
	assert_string_equal(told.records, "1 2 3 4 5");
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 60);
	expect_read_from(&told, 6);
	assert_int_equal(told.n_ended, 0);
	close_reader(&told);
}

static void test_it_goes_on_where_the_logger_said(void **state)
{
	Helio__Log__V1__ReadReply live = HELIO__LOG__V1__READ_REPLY__INIT;
	struct helio_log_read_options options = options_all();
	Helio__Log__V1__ReadRequest *request;
	struct told told;
	uint64_t id;

	options.is_following = true;
	options.place.is_end = true;
	open_reader(&told, &options);
	id = expect_read(&told, &request);
	assert_true(request->place->end);
	helio__log__v1__read_request__free_unpacked(request, NULL);
	live.has_is_live = live.is_live = true;
	live.has_next = true;
	live.next = 10;
	scribe_next(&told.fake, id, &live.base);
	assert_int_equal(told.n_live, 1);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 60);
	id = expect_read(&told, &request);
	assert_false(request->place->end);
	assert_int_equal(request->place->sequence, 10);
	helio__log__v1__read_request__free_unpacked(request, NULL);
	close_reader(&told);
}

static void test_expired(void **state)
{
	Helio__Log__V1__ReadReply expired = HELIO__LOG__V1__READ_REPLY__INIT;
	struct helio_log_read_options options = options_all();
	struct told told;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	expired.has_expired_to = true;
	expired.expired_to = 7;
	scribe_next(&told.fake, id, &expired.base);
	assert_int_equal(told.expired_to, 7);
	assert_int_equal(helio_log_position(told.reader), 7);
	scribe_records(&told.fake, id, 7, 7);
	assert_string_equal(told.records, "7");
	close_reader(&told);
}

/* Before the logger has said anything, its absence is the answer. */
static void test_nobody_there(void **state)
{
	struct helio_log_read_options options = options_all();
	struct told told;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 1);
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	close_reader(&told);
}

static void test_refused(void **state)
{
	struct helio_log_read_options options = options_all();
	struct told told;
	uint64_t id;

	options.is_waiting = true;
	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_reply(&told.fake, id, HELIO_PERMISSION_DENIED);
	scribe_wait(&told.fake, 1);
	assert_int_equal(told.status, HELIO_PERMISSION_DENIED);
	close_reader(&told);
}

static void send_damaged(struct told *told, uint64_t id, size_t from_end)
{
	Helio__Log__V1__ReadReply reply = HELIO__LOG__V1__READ_REPLY__INIT;
	struct scribe_run run;

	scribe_run(&run, 3, 4);
	run.bytes[run.n - from_end] ^= 1;
	reply.has_run = true;
	reply.run = (ProtobufCBinaryData){ run.n, run.bytes };
	scribe_next(&told->fake, id, &reply.base);
}

static void test_damaged(void **state)
{
	struct helio_log_read_options options = options_all();
	struct received received;
	struct told told;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_records(&told.fake, id, 1, 2);
	send_damaged(&told, id, 1);
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	scribe_wait(&told.fake, 1);
	assert_string_equal(told.records, "1 2 3");
	assert_int_equal(told.status, HELIO_DATA_LOSS);
	assert_string_equal(told.reason,
			    "a record is damaged, after what was told up to 3");
	close_reader(&told);
}

/* What says of itself that it is a run, and is not; what is nothing at all. */
static void test_no_reply(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} replies[] = {
		{ "\x0a\x05HRUN", 6 },
		{ "\x0a\x03HRUN", 6 },
		{ "\x0a\xff\xff\xff\xff\xff\x01HRUN", 11 },
		{ "\x0a\x80", 2 },
		{ "\x0b", 1 },
	};

	for (unsigned i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		struct helio_log_read_options options = options_all();
		struct received received;
		struct told told;
		uint64_t id;

		open_reader(&told, &options);
		id = expect_read_from(&told, 0);
		scribe_records(&told.fake, id, 1, 2);
		scribe_bytes(&told.fake, id, replies[i].bytes, replies[i].n);
		fake_expect(&told.fake, FRAME_CANCEL, &received);
		scribe_wait(&told.fake, 1);
		assert_string_equal(told.records, "1 2");
		assert_int_equal(told.status, HELIO_INTERNAL);
		assert_int_equal(told.n_ended, 1);
		close_reader(&told);
	}
}

static void see_subject(struct helio_log_reader *reader,
			const struct helio_log_record *record, void *userdata)
{
	struct told *told = userdata;

	snprintf(told->records + strlen(told->records), 32, "%s=%.*s ",
		 record->message.subject, (int)record->message.n_body,
		 (const char *)record->message.body);
}

/* Each lies where the one before did. */
static void test_each_run_has_its_own_words(void **state)
{
	static const char *const subjects[] = { "demo.a", "demo.b", "demo.a" };
	struct helio_log_read_options options = options_all();
	Helio__Log__V1__ReadReply reply = HELIO__LOG__V1__READ_REPLY__INIT;
	struct told told;
	uint64_t id;

	options.on_record = see_subject;
	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	for (unsigned i = 0; i < 3; i++) {
		struct scribe_run run;

		scribe_run_of(&run, subjects[i], 2 * i + 1, 2 * i + 2);
		reply.has_run = true;
		reply.run = (ProtobufCBinaryData){ run.n, run.bytes };
		scribe_next(&told.fake, id, &reply.base);
	}
	fake_turn(&told.fake);
	assert_string_equal(told.records, "demo.a=1 demo.a=2 demo.b=3 demo.b=4 "
					  "demo.a=5 demo.a=6 ");
	close_reader(&told);
}

static void test_no_more_than_asked_for(void **state)
{
	struct helio_log_read_options options = options_all();
	struct received received;
	struct told told;
	uint64_t id;

	options.limit = 2;
	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_records(&told.fake, id, 1, 3);
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	scribe_wait(&told.fake, 1);
	assert_string_equal(told.records, "1 2");
	assert_int_equal(told.status, HELIO_OK);
	close_reader(&told);
}

static void test_newest_first(void **state)
{
	struct helio_log_read_options options = options_all();
	Helio__Log__V1__ReadRequest *request;
	struct told told;
	uint64_t id;

	options.is_reverse = true;
	open_reader(&told, &options);
	id = expect_read(&told, &request);
	helio__log__v1__read_request__free_unpacked(request, NULL);
	scribe_records(&told.fake, id, 9, 9);
	scribe_records(&told.fake, id, 8, 8);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 60);
	id = expect_read(&told, &request);
	assert_true(request->reverse);
	assert_int_equal(request->until_sequence, 8);
	helio__log__v1__read_request__free_unpacked(request, NULL);
	scribe_records(&told.fake, id, 8, 8);
	scribe_records(&told.fake, id, 7, 7);
	assert_string_equal(told.records, "9 8 7");
	close_reader(&told);
}

static void test_freed_by_a_callback(void **state)
{
	struct helio_log_read_options options = options_all();
	struct received received;
	struct told told;
	uint64_t id;

	open_reader(&told, &options);
	told.free_at = 2;
	id = expect_read_from(&told, 0);
	scribe_records(&told.fake, id, 1, 3);
	assert_string_equal(told.records, "1 2");
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	scribe_wait(&told.fake, 60);
	assert_int_equal(told.n_ended, 0);
	fake_close(&told.fake);
}

static void test_taken_when_wanted(void **state)
{
	const struct helio_log_read_options options = { 0 };
	const struct helio_log_record *record;
	struct told told;
	unsigned status = 99;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	assert_int_equal(helio_log_next(told.reader, &record), 0);
	scribe_records(&told.fake, id, 1, 2);
	scribe_reply(&told.fake, id, HELIO_OK);
	for (uint64_t i = 1; i <= 2; i++) {
		assert_false(helio_log_is_over(told.reader, NULL, NULL));
		assert_int_equal(helio_log_next(told.reader, &record), 1);
		assert_int_equal(record->sequence, i);
	}
	assert_int_equal(helio_log_next(told.reader, &record), 0);
	assert_true(helio_log_is_over(told.reader, &status, NULL));
	assert_int_equal(status, HELIO_OK);
	assert_int_equal(helio_log_position(told.reader), 3);
	close_reader(&told);
}

static struct fake_switch *the_fake;

int __wrap_helio_run(struct helio *bus, int timeout_ms);

/* Nothing comes: what is over by a timer is seen only by who waits for those.
 */
int __wrap_helio_run(struct helio *bus, int timeout_ms)
{
	assert_true(timeout_ms >= 0);
	scribe_wait(the_fake, (uint64_t)timeout_ms + 1);
	return 0;
}

static void free_reader(struct helio *bus, void *userdata)
{
	struct told *told = userdata;

	helio_log_reader_free(told->reader);
	told->reader = NULL;
}

/* A wait without end is over when the reader is, whoever ends it. */
static void test_freed_while_it_is_waited_for(void **state)
{
	const struct helio_log_read_options options = { 0 };
	const struct helio_log_record *record;
	struct helio_timer *timer;
	struct told told;

	open_reader(&told, &options);
	the_fake = &told.fake;
	expect_read_from(&told, 0);
	assert_int_equal(
		helio_timer_start(told.fake.bus, 1, free_reader, &told, &timer),
		0);
	assert_int_equal(helio_log_next_wait(told.reader, -1, &record), 0);
	assert_null(told.reader);
	fake_close(&told.fake);
}

/* From now on there is no memory to go on. */
static void on_interrupted_for_good(struct helio_log_reader *reader,
				    unsigned status, const char *reason,
				    void *userdata)
{
	on_interrupted(reader, status, reason, userdata);
	fault_arm(0);
}

static void test_over_while_it_is_waited_for(void **state)
{
	const struct helio_log_read_options options = {
		.on_interrupted = on_interrupted_for_good,
	};
	const struct helio_log_record *record;
	struct told told;
	unsigned status;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	the_fake = &told.fake;
	scribe_records(&told.fake, id, 1, 1);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	assert_int_equal(helio_log_next_wait(told.reader, -1, &record), 1);
	assert_int_equal(helio_log_next_wait(told.reader, -1, &record), 0);
	fault_disarm();
	assert_int_equal(told.n_interrupted, 1);
	assert_true(helio_log_is_over(told.reader, &status, NULL));
	assert_int_equal(status, HELIO_INTERNAL);
	close_reader(&told);
}

static void test_runs(void **state)
{
	const struct helio_log_read_options options = { 0 };
	struct scribe_run expected;
	struct told told;
	const void *run;
	uint64_t id;
	size_t n;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	scribe_records(&told.fake, id, 1, 2);
	scribe_run(&expected, 1, 2);
	assert_int_equal(helio_log_next_run(told.reader, &run, &n), 1);
	assert_int_equal(n, expected.n);
	assert_memory_equal(run, expected.bytes, n);
	assert_int_equal(helio_log_next_run(told.reader, &run, &n), 0);
	/* A run that comes again is not handed on. */
	scribe_records(&told.fake, id, 2, 3);
	assert_int_equal(helio_log_next_run(told.reader, &run, &n), 0);
	assert_true(helio_log_is_over(told.reader, NULL, NULL));
	close_reader(&told);
}

static void test_paused(void **state)
{
	struct helio_log_read_options options = options_all();
	struct told told;
	uint64_t id;

	open_reader(&told, &options);
	id = expect_read_from(&told, 0);
	helio_log_pause(told.reader);
	scribe_records(&told.fake, id, 1, 2);
	scribe_reply(&told.fake, id, HELIO_OK);
	scribe_wait(&told.fake, 1);
	assert_int_equal(told.n_records, 0);
	assert_int_equal(told.n_ended, 0);
	helio_log_resume(told.reader);
	assert_string_equal(told.records, "1 2");
	assert_int_equal(told.n_ended, 1);
	close_reader(&told);
}

static void test_contradictions(void **state)
{
	struct helio_log_read_options options = options_all();
	struct told told = { 0 };

	fake_connect(&told.fake, NULL);
	options.is_following = options.is_reverse = true;
	assert_int_equal(helio_log_read(told.fake.bus, "events", &options,
					&told, &told.reader),
			 -EINVAL);
	options.is_reverse = false;
	assert_int_equal(helio_log_read(told.fake.bus, "", &options, &told,
					&told.reader),
			 -EINVAL);
	fake_close(&told.fake);
}

static void test_without_memory(void **state)
{
	static const char *const subjects[] = { "a.>", "b.*" };
	struct helio_log_read_options options = options_all();

	options.filter.subjects = subjects;
	options.filter.n_subjects = 2;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct told told = { 0 };
		int r;

		fake_connect(&told.fake, NULL);
		fault_arm(n);
		r = helio_log_read(told.fake.bus, "events", &options, &told,
				   &told.reader);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!told.reader, fault_hit());
		close_reader(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_the_end),
		cmocka_unit_test(test_it_goes_on_after_a_loss),
		cmocka_unit_test(test_it_goes_on_where_the_logger_said),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_reply),
		cmocka_unit_test(test_each_run_has_its_own_words),
		cmocka_unit_test(test_no_more_than_asked_for),
		cmocka_unit_test(test_newest_first),
		cmocka_unit_test(test_freed_by_a_callback),
		cmocka_unit_test(test_taken_when_wanted),
		cmocka_unit_test(test_freed_while_it_is_waited_for),
		cmocka_unit_test(test_over_while_it_is_waited_for),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
