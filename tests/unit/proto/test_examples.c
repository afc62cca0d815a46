/* SPDX-License-Identifier: MIT */

/*
 * The frames in hex in docs/PROTOCOL.md, read by the code that reads frames
 * from channels. tests/docs/test_protocol_examples.py encodes them anew in
 * Python; here they are decoded, judged, and encoded back.
 */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/frame.h"
#include "proto/status.h"
#include "proto/subject.h"
#include "proto/unpack.h"

enum { EXAMPLES_MAX = 64, EXAMPLE_MAX_BYTES = 512 };

struct example {
	char name[32];
	uint8_t bytes[EXAMPLE_MAX_BYTES];
	size_t n;
};

static struct example examples[EXAMPLES_MAX];
static size_t n_examples;

/* The pairs of hex digits up to the first two spaces in a row. */
static void read_line(const char *line, struct example *example)
{
	unsigned byte;

	while (isxdigit((unsigned char)line[0]) &&
	       sscanf(line, "%2x", &byte) == 1) {
		assert_true(example->n < EXAMPLE_MAX_BYTES);
		example->bytes[example->n++] = (uint8_t)byte;
		line += 2;
		if (line[0] != ' ' || line[1] == ' ')
			return;
		line++;
	}
}

static int read_page(void **state)
{
	FILE *page = fopen(HELIO_PROTOCOL_PAGE, "re");
	struct example *example = NULL;
	char line[1024];

	(void)state;
	if (!page)
		return -1;
	while (fgets(line, sizeof(line), page)) {
		if (!strncmp(line, "```hex ", 7)) {
			assert_true(n_examples < EXAMPLES_MAX);
			example = &examples[n_examples++];
			assert_int_equal(
				1, sscanf(line + 7, "%31s", example->name));
		} else if (!strncmp(line, "```", 3)) {
			example = NULL;
		} else if (example) {
			read_line(line, example);
		}
	}
	return fclose(page);
}

static const struct example *find(const char *name)
{
	for (size_t i = 0; i < n_examples; i++) {
		if (!strcmp(examples[i].name, name))
			return &examples[i];
	}
	fail_msg("no example %s", name);
	return NULL;
}

static struct frame decode(const char *name)
{
	const struct example *example = find(name);
	struct frame frame;

	assert_int_equal(0, frame_decode(example->bytes, example->n, &frame));
	return frame;
}

static void *unpack_body(const char *name,
			 const ProtobufCMessageDescriptor *descriptor)
{
	static uint64_t room[512];
	struct unpack_arena arena = { .bytes = (uint8_t *)room,
				      .n_bytes = sizeof(room) };
	const struct example *example = find(name);
	struct frame frame = decode(name);
	ProtobufCMessage *message;

	assert_int_equal(0, unpack(descriptor,
				   example->bytes + frame_body_offset(&frame),
				   frame_body_bytes(&frame), &arena, &message));
	return message;
}

static void test_each_is_one_whole_frame(void **state)
{
	struct frame frame;

	(void)state;
	assert_true(n_examples > 30);
	for (size_t i = 0; i < n_examples; i++) {
		const struct example *example = &examples[i];

		print_message("%s\n", example->name);
		assert_int_equal(
			0, frame_decode(example->bytes, example->n, &frame));
		assert_int_equal(example->n, frame.length);
		assert_string_not_equal("unknown", frame_kind_name(frame.kind));
	}
}

static void test_each_is_encoded_back_the_same(void **state)
{
	uint8_t header[FRAME_HEADER_MAX_BYTES];
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < n_examples; i++) {
		const struct example *example = &examples[i];
		size_t n;

		assert_int_equal(
			0, frame_decode(example->bytes, example->n, &frame));
		n = frame_encode(&frame, header);
		assert_int_equal(frame_header_bytes(&frame), n);
		assert_memory_equal(example->bytes, header, n);
	}
}

static void test_subjects_are_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_examples; i++) {
		const struct example *example = &examples[i];
		struct frame frame = decode(example->name);
		const char *subject = (const char *)example->bytes +
				      frame_header_bytes(&frame);

		if (frame.n_subject)
			assert_true(pattern_is_valid(subject, frame.n_subject));
	}
}

static void test_headers_say_what_the_page_says(void **state)
{
	(void)state;
	struct frame frame = decode("delivery");
	assert_int_equal(FRAME_MESSAGE, frame.kind);
	assert_int_equal(FRAME_WHOLE, frame.flags);
	assert_int_equal(3, frame.source);
	assert_int_equal(UINT64_C(1) << 32, frame.correlation);
	assert_int_equal(12, frame.n_metadata);
	assert_int_equal(4, frame_body_bytes(&frame));

	frame = decode("fragment-first");
	assert_int_equal(FRAME_FIRST | FRAME_EXTENDED, frame.flags);
	assert_int_equal(10, frame.total_bytes);

	frame = decode("call-room");
	assert_true(frame.flags & FRAME_WAIT);
	assert_int_equal(2000, frame.time_left_ms);
	assert_int_equal(16, frame.room_kib);

	frame = decode("call-handed");
	assert_true(frame.correlation == (FRAME_SWITCH_DRAWN | 2ULL << 32));

	frame = decode("reply-failed");
	assert_int_equal(STATUS_NOT_FOUND, frame.status);
	assert_int_equal(ORIGIN_SERVICE, frame.origin);

	frame = decode("reply-bus");
	assert_int_equal(STATUS_UNAVAILABLE, frame.status);
	assert_int_equal(ORIGIN_BUS, frame.origin);
	assert_int_equal(1, frame.handed_over);
}

static void test_streams_say_what_the_page_says(void **state)
{
	(void)state;
	const struct example *window = find("window");
	struct frame frame = decode("call-streams");
	uint64_t id = FRAME_SWITCH_DRAWN | 2ULL << 32 | 2;

	assert_int_equal(FRAME_WHOLE | FRAME_EXTENDED | FRAME_MORE |
				 FRAME_STREAM,
			 frame.flags);
	assert_int_equal(16, frame.room_kib);
	assert_int_equal(0, frame.time_left_ms);

	frame = decode("window");
	assert_int_equal(FRAME_WINDOW, frame.kind);
	assert_true(le64_load(window->bytes + 32) == id);
	assert_true(le64_load(window->bytes + 40) == 65536);

	frame = decode("next-first");
	assert_int_equal(FRAME_NEXT, frame.kind);
	assert_true(frame.correlation == id);
	assert_int_equal(8, frame.total_bytes);
	assert_int_equal(5, frame_body_bytes(&frame));

	assert_int_equal(FRAME_END, decode("end").kind);
	assert_int_equal(FRAME_DRAIN, decode("drain").kind);
	frame = decode("result-drain");
	assert_true(frame.correlation == (FRAME_SWITCH_DRAWN | 2));
	assert_int_equal(STATUS_OK, frame.status);
}

static void test_handshake_unpacks(void **state)
{
	Helio__Bus__V1__Hello *hello;
	Helio__Bus__V1__Welcome *welcome;

	(void)state;
	hello = unpack_body("hello", &helio__bus__v1__hello__descriptor);
	assert_int_equal(1, hello->version_min);
	assert_int_equal(1, hello->version_max);
	assert_string_equal("tour", hello->program);
	assert_int_equal(8 << 20, hello->message_max);

	welcome = unpack_body("welcome", &helio__bus__v1__welcome__descriptor);
	assert_string_equal("vm:web", welcome->principal);
	assert_true(welcome->incarnation == 0x1122334455667788);
	assert_int_equal(65536, welcome->fragment_bytes);
	assert_int_equal(3600000, welcome->deadline_max_ms);
}

static void test_requests_unpack(void **state)
{
	Helio__Bus__V1__Subscribe *subscribe;
	Helio__Bus__V1__Serve *serve;
	Helio__Bus__V1__Served *served;
	Helio__Bus__V1__Bind *bind;

	(void)state;
	subscribe = unpack_body("subscribe",
				&helio__bus__v1__subscribe__descriptor);
	assert_int_equal(1, subscribe->id);
	assert_int_equal(256, subscribe->credit_messages);
	assert_int_equal(1 << 20, subscribe->credit_bytes);
	assert_int_equal(HELIO__BUS__V1__OVERFLOW__DROP_NEW,
			 subscribe->overflow);

	serve = unpack_body("serve", &helio__bus__v1__serve__descriptor);
	assert_int_equal(2, serve->id);
	assert_int_equal(2, serve->n_methods);
	assert_string_equal("Zone", serve->methods[1]);

	served = unpack_body("result-served",
			     &helio__bus__v1__served__descriptor);
	assert_string_equal("7", served->instance);

	bind = unpack_body("bind", &helio__bus__v1__bind__descriptor);
	assert_int_equal(5, bind->handle);
	assert_int_equal(32, bind->schema_hash.len);
	assert_int_equal(31, bind->schema_hash.data[31]);
}

static void test_sources_unpack(void **state)
{
	Helio__Bus__V1__Peer *peer;
	Helio__Bus__V1__Forget *forget;

	(void)state;
	peer = unpack_body("peer", &helio__bus__v1__peer__descriptor);
	assert_int_equal(3, peer->handle);
	assert_string_equal("vm:kitchen", peer->principal);
	assert_true(peer->incarnation == 0x99aabbccddeeff00);

	forget = unpack_body("forget", &helio__bus__v1__forget__descriptor);
	assert_int_equal(3, forget->handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_one_whole_frame),
		cmocka_unit_test(test_each_is_encoded_back_the_same),
		cmocka_unit_test(test_subjects_are_valid),
		cmocka_unit_test(test_headers_say_what_the_page_says),
		cmocka_unit_test(test_streams_say_what_the_page_says),
		cmocka_unit_test(test_handshake_unpacks),
		cmocka_unit_test(test_requests_unpack),
		cmocka_unit_test(test_sources_unpack),
	};

	return cmocka_run_group_tests(tests, read_page, NULL);
}
