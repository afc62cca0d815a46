/* SPDX-License-Identifier: MIT */

/* What ends the channel of whoever does it with a stream, each once. */

#include <string.h>

#include "tests/unit/switch/fake_stream.h"
#include "tests/unit/switch/stage.h"

/* a calls, b serves. */

enum { MINE = 5 };

static uint64_t id_of_b;

static void open_to_b(uint8_t flags)
{
	fake_serve(&b, 1, "svc", 10);
	fake_open(&a, MINE, flags, "svc");
	id_of_b = fake_expect_open(&b, flags);
	fake_grant(&b, id_of_b, 1000);
	if (flags & FRAME_MORE)
		fake_expect_granted(&a, MINE, 1000);
}

/* It is b's fault: a is told that its call has failed, and goes on. */
static void expect_b_ended(const char *reason)
{
	fake_expect_end(&b, reason);
	fake_expect_status(&a, MINE, STATUS_UNAVAILABLE, true);
	fake_expect_silence(&a);
}

static void expect_a_ended(const char *reason)
{
	fake_expect_end(&a, reason);
	fake_expect_of(&b, FRAME_CANCEL, id_of_b);
	fake_expect_silence(&b);
}

static void try_next(struct fake_peer *peer, struct frame frame,
		     const char *subject)
{
	frame.kind = FRAME_NEXT;
	fake_try_send(peer, &frame, subject, "0123456789", 10);
}

static void a_caller_sends_what_was_granted(void **state)
{
	open_to_b(FRAME_MORE);
	fake_say_bytes(&a, MINE, 1000 - FRAME_HEADER_BYTES);
	fake_expect(&b, FRAME_NEXT, &got);
	fake_say(&a, MINE, "");
	expect_a_ended("more of a stream than was granted");
}

static void a_server_sends_what_was_granted(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_say_bytes(&b, id_of_b, 60000);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_say_bytes(&b, id_of_b, 60000);
	expect_b_ended("more of a stream than was granted");
}

/* Nobody has granted anything: there is nobody yet. */
static void a_call_that_waits_says_nothing(void **state)
{
	fake_open(&a, MINE, FRAME_MORE | FRAME_WAIT, "svc");
	fake_say(&a, MINE, "x");
	fake_expect_end(&a, "more of a stream than was granted");
}

static void a_caller_has_no_stream_without_more(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_say(&a, MINE, "x");
	expect_a_ended("a message of a stream that the call has not");
}

static void a_server_has_no_stream_without_stream(void **state)
{
	open_to_b(FRAME_MORE);
	fake_say(&b, id_of_b, "x");
	expect_b_ended("a message of a stream that the call has not");
}

static void a_plain_call_has_no_stream(void **state)
{
	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, MINE, 0, "svc");
	id_of_b = fake_expect_open(&b, 0);
	fake_say(&b, id_of_b, "x");
	expect_b_ended("a message of a stream that the call has not");
}

static void nothing_follows_the_end(void **state)
{
	open_to_b(FRAME_MORE);
	fake_end(&a, MINE);
	fake_expect_of(&b, FRAME_END, id_of_b);
	fake_say(&a, MINE, "x");
	expect_a_ended("a message of a stream that has ended");
}

static void nothing_follows_the_reply(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_say(&b, id_of_b, "x");
	expect_b_ended("a message of a stream that has ended");
}

static void a_stream_ends_once(void **state)
{
	open_to_b(FRAME_MORE);
	fake_end(&a, MINE);
	fake_expect_of(&b, FRAME_END, id_of_b);
	fake_end(&a, MINE);
	expect_a_ended("the end of a stream that has ended");
}

static void only_requests_end_so(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_end(&b, id_of_b);
	expect_b_ended("the end of a stream that is the server's");
}

static void nothing_ends_after_the_reply(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_end(&b, id_of_b);
	expect_b_ended("the end of a stream that is the server's");
}

static void what_is_no_stream_has_no_end(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_end(&a, MINE);
	expect_a_ended("the end of a stream that the call has not");
}

static void a_message_has_its_own_end_first(void **state)
{
	open_to_b(FRAME_MORE);
	fake_fragment(&a, FRAME_NEXT, FRAME_FIRST, MINE, "", 20, 10);
	fake_expect(&b, FRAME_NEXT, &got);
	fake_end(&a, MINE);
	expect_a_ended("the end of a stream within a message");
}

static void the_reply_comes_after_the_last_message(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_answer(&b, id_of_b);
	expect_b_ended("a reply before the last message of its stream ends");
}

static void there_is_one_reply(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_answer(&b, id_of_b);
	expect_b_ended("a second reply to a call");
}

static void messages_come_one_after_the_other(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_say(&b, id_of_b, "x");
	expect_b_ended("a stream's message within another");
}

static void a_message_has_a_beginning(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_LAST, id_of_b, "", 0, 10);
	expect_b_ended("a stream's fragment without a first");
}

static void a_message_has_the_length_that_it_tells(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_fragment(&b, FRAME_NEXT, FRAME_LAST, id_of_b, "", 0, 11);
	expect_b_ended("a stream's fragments exceed the total length");
}

static void the_last_is_where_the_length_ends(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 20, 10);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_fragment(&b, FRAME_NEXT, 0, id_of_b, "", 0, 10);
	expect_b_ended("a stream's last fragment is not at the total length");
}

static void a_first_fragment_tells_the_length(void **state)
{
	open_to_b(FRAME_STREAM);
	try_next(&b,
		 (struct frame){ .flags = FRAME_FIRST, .correlation = id_of_b },
		 "");
	expect_b_ended("a stream's first fragment without the total length");
}

static void a_first_fragment_is_not_the_whole(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 10, 10);
	expect_b_ended("a stream's first fragment that is the whole message");
}

static void a_message_has_no_subject(void **state)
{
	open_to_b(FRAME_STREAM);
	try_next(&b,
		 (struct frame){ .flags = FRAME_WHOLE, .correlation = id_of_b },
		 "svc");
	expect_b_ended("a stream's message with a subject or metadata");
}

static void a_message_names_nobody(void **state)
{
	open_to_b(FRAME_STREAM);
	try_next(&b,
		 (struct frame){ .flags = FRAME_WHOLE,
				 .correlation = id_of_b,
				 .source = 3 },
		 "");
	expect_b_ended("a stream's message in another's name");
}

static void a_message_has_passed_no_switch(void **state)
{
	open_to_b(FRAME_STREAM);
	try_next(&b,
		 (struct frame){ .flags = FRAME_WHOLE,
				 .correlation = id_of_b,
				 .hops = 1 },
		 "");
	expect_b_ended("a stream's message in another's name");
}

static void a_message_is_of_a_call_that_one_has(void **state)
{
	open_to_b(FRAME_STREAM);
	fake_say(&b, id_of_b + 1, "x");
	expect_b_ended("a stream's message to a call that it never had");
}

static void a_window_has_whole_entries(void **state)
{
	struct frame frame = { .kind = FRAME_WINDOW };

	open_to_b(FRAME_STREAM);
	fake_try_send(&b, &frame, "", "0123456789abcde", 15);
	expect_b_ended("WINDOW of a wrong length");
}

static void a_window_has_an_entry(void **state)
{
	struct frame frame = { .kind = FRAME_WINDOW };

	open_to_b(FRAME_STREAM);
	fake_try_send(&b, &frame, "", "", 0);
	expect_b_ended("WINDOW of a wrong length");
}

static void a_window_has_at_most_256(void **state)
{
	static const uint8_t body[257 * FAKE_WINDOW_BYTES];
	struct frame frame = { .kind = FRAME_WINDOW };

	open_to_b(FRAME_STREAM);
	fake_send(&b, &frame, "", body, sizeof(body) - FAKE_WINDOW_BYTES);
	fake_try_send(&b, &frame, "", body, sizeof(body));
	expect_b_ended("WINDOW of a wrong length");
}

static void a_stream_of_requests_begins_with_a_whole_call(void **state)
{
	fake_serve(&b, 1, "svc", 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST | FRAME_MORE, MINE, "svc", 20,
		      10);
	fake_expect_end(&a, "a call in fragments whose requests are a stream");
	fake_expect_silence(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(a_caller_sends_what_was_granted),
		TEST_OF_THREE(a_server_sends_what_was_granted),
		TEST_OF_THREE(a_call_that_waits_says_nothing),
		TEST_OF_THREE(a_caller_has_no_stream_without_more),
		TEST_OF_THREE(a_server_has_no_stream_without_stream),
		TEST_OF_THREE(a_plain_call_has_no_stream),
		TEST_OF_THREE(nothing_follows_the_end),
		TEST_OF_THREE(nothing_follows_the_reply),
		TEST_OF_THREE(a_stream_ends_once),
		TEST_OF_THREE(only_requests_end_so),
		TEST_OF_THREE(nothing_ends_after_the_reply),
		TEST_OF_THREE(what_is_no_stream_has_no_end),
		TEST_OF_THREE(a_message_has_its_own_end_first),
		TEST_OF_THREE(the_reply_comes_after_the_last_message),
		TEST_OF_THREE(there_is_one_reply),
		TEST_OF_THREE(messages_come_one_after_the_other),
		TEST_OF_THREE(a_message_has_a_beginning),
		TEST_OF_THREE(a_message_has_the_length_that_it_tells),
		TEST_OF_THREE(the_last_is_where_the_length_ends),
		TEST_OF_THREE(a_first_fragment_tells_the_length),
		TEST_OF_THREE(a_first_fragment_is_not_the_whole),
		TEST_OF_THREE(a_message_has_no_subject),
		TEST_OF_THREE(a_message_names_nobody),
		TEST_OF_THREE(a_message_has_passed_no_switch),
		TEST_OF_THREE(a_message_is_of_a_call_that_one_has),
		TEST_OF_THREE(a_window_has_whole_entries),
		TEST_OF_THREE(a_window_has_an_entry),
		TEST_OF_THREE(a_window_has_at_most_256),
		TEST_OF_THREE(a_stream_of_requests_begins_with_a_whole_call),
	};

	return cmocka_run_group_tests_name("stream_rules", tests, NULL, NULL);
}
