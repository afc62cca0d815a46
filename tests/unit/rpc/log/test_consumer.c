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
#include "tests/unit/rpc/streamer.h"

struct told {
	struct fake_switch fake;
	struct helio_log_consumer *consumer;
	unsigned n_records;
	uint64_t last;
	uint64_t token;
	uint32_t n_redelivered;
	uint64_t late;
	uint64_t acked_to;
	unsigned n_interrupted;
	unsigned n_ended;
	unsigned status;
	bool frees;
};

static void on_record(struct helio_log_consumer *consumer,
		      const struct helio_log_record *record,
		      const struct helio_log_delivery *delivery, void *userdata)
{
	struct told *told = userdata;

	told->n_records++;
	told->last = record->sequence;
	told->token = delivery->token;
	told->n_redelivered = delivery->n_redelivered;
	if (!told->frees)
		return;
	helio_log_consumer_free(consumer);
	told->consumer = NULL;
}

static void on_late(struct helio_log_consumer *consumer, uint64_t token,
		    void *userdata)
{
	struct told *told = userdata;

	told->late = token;
}

static void on_acked(struct helio_log_consumer *consumer, uint64_t sequence,
		     void *userdata)
{
	struct told *told = userdata;

	told->acked_to = sequence;
}

static void on_interrupted(struct helio_log_consumer *consumer, unsigned status,
			   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_interrupted++;
}

static void on_end(struct helio_log_consumer *consumer, unsigned status,
		   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_ended++;
	told->status = status;
}

static const struct helio_log_consume_options options = {
	.batch = 16,
	.on_record = on_record,
	.on_late = on_late,
	.on_acked = on_acked,
	.on_interrupted = on_interrupted,
	.on_end = on_end,
};

/* One of the stream of requests, to be freed. */
static Helio__Log__V1__ConsumeRequest *expect_request(struct told *told)
{
	Helio__Log__V1__ConsumeRequest *request;
	struct received received;

	fake_expect(&told->fake, FRAME_NEXT, &received);
	request = helio__log__v1__consume_request__unpack(NULL, received.n_body,
							  received.body);
	assert_non_null(request);
	return request;
}

static uint64_t expect_consume(struct told *told)
{
	Helio__Log__V1__ConsumeRequest *request;
	struct received received;

	fake_expect(&told->fake, FRAME_CALL, &received);
	assert_string_equal(received.subject, "Consume");
	streamed_window(&told->fake, received.frame.correlation, 65536);
	request = expect_request(told);
	assert_string_equal(request->log, "events");
	assert_string_equal(request->cursor, "worker");
	assert_int_equal(request->batch, 16);
	helio__log__v1__consume_request__free_unpacked(request, NULL);
	return received.frame.correlation;
}

static uint64_t open_consumer(struct told *told)
{
	*told = (struct told){ 0 };
	fake_connect(&told->fake, NULL);
	assert_int_equal(helio_log_consume(told->fake.bus, "events", "worker",
					   &options, told, &told->consumer),
			 0);
	scribe_bind(&told->fake);
	return expect_consume(told);
}

static void close_consumer(struct told *told)
{
	helio_log_consumer_free(told->consumer);
	fake_close(&told->fake);
}

static void give(struct told *told, uint64_t id, uint64_t first, uint64_t last,
		 size_t n_tokens)
{
	Helio__Log__V1__ConsumeReply reply =
		HELIO__LOG__V1__CONSUME_REPLY__INIT;
	uint64_t tokens[8] = { 101, 102, 103, 104 };
	uint32_t redelivered[8] = { 0, 3 };
	struct scribe_run run;

	scribe_run(&run, first, last);
	reply.has_run = true;
	reply.run = (ProtobufCBinaryData){ run.n, run.bytes };
	reply.n_token = n_tokens;
	reply.token = tokens;
	reply.n_redelivered = n_tokens;
	reply.redelivered = redelivered;
	scribe_next(&told->fake, id, &reply.base);
}

static void test_acks_go_together(void **state)
{
	Helio__Log__V1__ConsumeRequest *request;
	struct told told;
	uint64_t id = open_consumer(&told);

	give(&told, id, 5, 6, 2);
	assert_int_equal(told.n_records, 2);
	assert_int_equal(told.last, 6);
	assert_int_equal(told.token, 102);
	assert_int_equal(told.n_redelivered, 3);
	assert_int_equal(helio_log_ack(told.consumer, 101), 0);
	assert_int_equal(helio_log_nak(told.consumer, 102, 500), 0);
	assert_int_equal(helio_log_in_progress(told.consumer, 103), 0);
	assert_int_equal(helio_log_ack_to(told.consumer, 104), 0);
	scribe_wait(&told.fake, 1);
	request = expect_request(&told);
	assert_int_equal(request->n_ack, 1);
	assert_int_equal(request->ack[0], 101);
	assert_int_equal(request->n_nak, 1);
	assert_int_equal(request->nak[0]->token, 102);
	assert_int_equal(request->nak[0]->delay_ms, 500);
	assert_int_equal(request->n_in_progress, 1);
	assert_int_equal(request->ack_to, 104);
	helio__log__v1__consume_request__free_unpacked(request, NULL);
	fake_expect_nothing(&told.fake);
	close_consumer(&told);
}

static void test_what_is_said_of_acks(void **state)
{
	Helio__Log__V1__ConsumeReply reply =
		HELIO__LOG__V1__CONSUME_REPLY__INIT;
	uint64_t late[1] = { 7 };
	struct told told;
	uint64_t id = open_consumer(&told);

	reply.has_acked_to = true;
	reply.acked_to = 9;
	reply.n_late = 1;
	reply.late = late;
	scribe_next(&told.fake, id, &reply.base);
	assert_int_equal(told.acked_to, 9);
	assert_int_equal(told.late, 7);
	close_consumer(&told);
}

static void test_tokens_are_void_after_a_loss(void **state)
{
	struct told told;
	uint64_t id = open_consumer(&told);

	give(&told, id, 5, 5, 1);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	assert_int_equal(helio_log_ack(told.consumer, told.token), -ENOTCONN);
	scribe_wait(&told.fake, 60);
	assert_int_equal(told.n_interrupted, 1);
	id = expect_consume(&told);
	fake_expect_nothing(&told.fake);
	give(&told, id, 5, 5, 1);
	assert_int_equal(told.n_records, 2);
	close_consumer(&told);
}

static void test_a_record_without_a_token(void **state)
{
	struct received received;
	struct told told;
	uint64_t id = open_consumer(&told);

	give(&told, id, 5, 6, 1);
	assert_int_equal(told.n_records, 1);
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	scribe_wait(&told.fake, 1);
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.status, HELIO_DATA_LOSS);
	close_consumer(&told);
}

static void test_freed_by_a_callback(void **state)
{
	struct received received;
	struct told told;
	uint64_t id = open_consumer(&told);

	told.frees = true;
	give(&told, id, 5, 6, 2);
	assert_int_equal(told.n_records, 1);
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	fake_close(&told.fake);
}

static void test_without_memory(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct told told = { 0 };
		int r;

		fake_connect(&told.fake, NULL);
		fault_arm(n);
		r = helio_log_consume(told.fake.bus, "events", "worker",
				      &options, &told, &told.consumer);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!told.consumer, fault_hit());
		close_consumer(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acks_go_together),
		cmocka_unit_test(test_what_is_said_of_acks),
		cmocka_unit_test(test_tokens_are_void_after_a_loss),
		cmocka_unit_test(test_a_record_without_a_token),
		cmocka_unit_test(test_freed_by_a_callback),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
