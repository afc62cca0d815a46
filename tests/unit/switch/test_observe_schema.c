/* SPDX-License-Identifier: MIT */

/* By which schema what an observer sees is read: a calls, b serves, c observes.
 */

#include <string.h>

#include "switch/observe.h"
#include "tests/unit/switch/fake_stream.h"
#include "tests/unit/switch/schema_stage.h"

static void observe(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.has_credit_messages = subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.observe = 1;
	subscribe.credit_messages = 100;
	subscribe.credit_bytes = 1000000;
	fake_subscribe_with(&c, &subscribe, BAR ".Get", STATUS_OK);
}

/* A copy, behind whose own metadata stands a schema; 0: none does. */
static void expect_copy(enum frame_kind kind, size_t n_own, uint8_t schema)
{
	Helio__Bus__V1__Metadata *metadata;

	fake_expect(&c, kind, &got);
	assert_int_equal(got.frame.n_metadata,
			 n_own + (schema ? OBSERVE_SCHEMA_BYTES : 0));
	metadata = helio__bus__v1__metadata__unpack(NULL, got.frame.n_metadata,
						    got.metadata);
	assert_non_null(metadata);
	assert_int_equal(metadata->has_schema_hash, schema != 0);
	if (schema) {
		assert_int_equal(metadata->schema_hash.len, SCHEMA_HASH_BYTES);
		for (size_t i = 0; i < SCHEMA_HASH_BYTES; i++)
			assert_int_equal(metadata->schema_hash.data[i], schema);
	}
	helio__bus__v1__metadata__free_unpacked(metadata, NULL);
}

static void answer(void)
{
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.n_metadata, 0);
	fake_answer(&b, got.frame.correlation);
}

static void each_side_has_its_own(void **state)
{
	observe();
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 5, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 5, "Get");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	expect_copy(FRAME_OBSERVED_CALL, 0, NEW);
	assert_string_equal((char *)got.body, "question");
	answer();
	expect_copy(FRAME_OBSERVED_REPLY, 0, OLD);
	assert_string_equal((char *)got.body, "answer");
}

static void who_names_none_is_read_by_the_servers(void **state)
{
	observe();
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_call(&a, 1, 0, BAR ".Get");
	expect_copy(FRAME_OBSERVED_CALL, 0, OLD);
	answer();
	expect_copy(FRAME_OBSERVED_REPLY, 0, OLD);
}

static void without_a_schema_there_is_none(void **state)
{
	observe();
	fake_call(&a, 1, 0, BAR ".Get");
	expect_copy(FRAME_OBSERVED_CALL, 0, 0);
	expect_copy(FRAME_OBSERVED_REPLY, 0, 0);
	assert_int_equal(got.frame.origin, ORIGIN_BUS);
	fake_serve(&b, 1, BAR ".Get", 10);
	fake_call(&a, 2, 0, BAR ".Get");
	expect_copy(FRAME_OBSERVED_CALL, 0, 0);
	answer();
	expect_copy(FRAME_OBSERVED_REPLY, 0, 0);
}

/* CALL with metadata of its own, in which another schema is named. */
static void send_with_claim(size_t n_content_type)
{
	static uint8_t bytes[FRAME_MAX_BYTES];
	static char content_type[FRAME_METADATA_MAX_BYTES];
	Helio__Bus__V1__Metadata metadata = HELIO__BUS__V1__METADATA__INIT;
	uint8_t hash[SCHEMA_HASH_BYTES];
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE,
			       .correlation = 1,
			       .time_left_ms = 2000,
			       .n_subject = strlen(BAR ".Get") };
	size_t n;

	memset(hash, OTHER, sizeof(hash));
	memset(content_type, 'x', n_content_type);
	content_type[n_content_type] = '\0';
	metadata.has_schema_hash = 1;
	metadata.schema_hash = (ProtobufCBinaryData){ sizeof(hash), hash };
	metadata.content_type = content_type;
	frame.n_metadata =
		(uint16_t)helio__bus__v1__metadata__get_packed_size(&metadata);
	frame_set_body(&frame, 8);
	n = frame_encode(&frame, bytes);
	memcpy(bytes + n, BAR ".Get", frame.n_subject);
	n += frame.n_subject;
	n += helio__bus__v1__metadata__pack(&metadata, bytes + n);
	memcpy(bytes + n, "question", 8);
	fake_send_bytes(&a, bytes, n + 8);
}

static void what_the_caller_says_of_it_does_not_count(void **state)
{
	size_t n_own;

	observe();
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	send_with_claim(10);
	fake_expect(&b, FRAME_CALL, &got);
	n_own = got.frame.n_metadata;
	expect_copy(FRAME_OBSERVED_CALL, n_own, OLD);
	assert_string_equal((char *)got.body, "question");
}

static void metadata_that_is_full_stays_as_it_is(void **state)
{
	size_t n_full = FRAME_METADATA_MAX_BYTES;

	observe();
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	send_with_claim(n_full - OBSERVE_SCHEMA_BYTES - 3);
	fake_expect(&c, FRAME_OBSERVED_CALL, &got);
	assert_int_equal(got.frame.n_metadata, n_full);
	assert_string_equal((char *)got.body, "question");
}

static void a_frame_of_full_length_goes_on_behind_it(void **state)
{
	static uint8_t body[FRAME_MAX_BYTES];
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE,
			       .correlation = 1 };
	size_t n = FRAME_MAX_BYTES - FRAME_HEADER_BYTES - strlen(BAR ".Get");
	size_t n_rest = FRAME_EXTENSION_BYTES + OBSERVE_SCHEMA_BYTES;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7);
	observe();
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_send(&a, &frame, BAR ".Get", body, n);
	expect_copy(FRAME_OBSERVED_CALL, 0, OLD);
	assert_int_equal(got.frame.total_bytes, n);
	assert_int_equal(got.n_body, n - n_rest);
	assert_memory_equal(got.body, body, n - n_rest);
	fake_expect(&c, FRAME_OBSERVED_CALL, &got);
	assert_int_equal(got.frame.flags, FRAME_LAST);
	assert_int_equal(got.n_body, n_rest);
	assert_memory_equal(got.body, body + n - n_rest, n_rest);
}

static void messages_of_streams_have_it_too(void **state)
{
	uint64_t id;

	observe();
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_open(&a, 7, FAKE_BOTH, BAR ".Get");
	id = fake_expect_open(&b, FAKE_BOTH);
	expect_copy(FRAME_OBSERVED_CALL, 0, OLD);
	fake_grant(&b, id, 1000);
	fake_say(&a, 7, "one");
	expect_copy(FRAME_OBSERVED_CALL, 0, OLD);
	assert_string_equal((char *)got.body, "one");
	fake_say(&b, id, "two");
	expect_copy(FRAME_OBSERVED_REPLY, 0, OLD);
	assert_string_equal((char *)got.body, "two");
}

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, schema_stage_set_up, \
					stage_tear_down_three)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_side_has_its_own),
		TEST(who_names_none_is_read_by_the_servers),
		TEST(without_a_schema_there_is_none),
		TEST(what_the_caller_says_of_it_does_not_count),
		TEST(metadata_that_is_full_stays_as_it_is),
		TEST(a_frame_of_full_length_goes_on_behind_it),
		TEST(messages_of_streams_have_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
