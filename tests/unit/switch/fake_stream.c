/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/fake_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"

static struct got got;

void fake_open_with(struct fake_peer *caller, struct frame *frame,
		    const char *subject)
{
	bool has_request = !(frame->flags & FRAME_MORE);

	frame->kind = FRAME_CALL;
	frame->flags |= FRAME_WHOLE;
	fake_send(caller, frame, subject, "question", has_request ? 8 : 0);
}

void fake_open(struct fake_peer *caller, uint64_t id, uint8_t flags,
	       const char *subject)
{
	struct frame frame = { .flags = flags, .correlation = id };

	fake_open_with(caller, &frame, subject);
}

uint64_t fake_expect_open(struct fake_peer *callee, uint8_t flags)
{
	fake_expect(callee, FRAME_CALL, &got);
	assert_int_equal(got.frame.flags & FAKE_BOTH, flags);
	return got.frame.correlation;
}

static void say(struct fake_peer *peer, uint64_t id, const void *body, size_t n)
{
	struct frame frame = { .kind = FRAME_NEXT,
			       .flags = FRAME_WHOLE,
			       .correlation = id };

	fake_send(peer, &frame, "", body, n);
}

void fake_say(struct fake_peer *peer, uint64_t id, const char *text)
{
	say(peer, id, text, strlen(text));
}

void fake_say_bytes(struct fake_peer *peer, uint64_t id, size_t n)
{
	static const uint8_t zeros[FRAME_MAX_BYTES];

	say(peer, id, zeros, n);
}

void fake_expect_said(struct fake_peer *peer, uint64_t id, const char *text)
{
	fake_expect(peer, FRAME_NEXT, &got);
	assert_int_equal(got.frame.correlation, id);
	assert_int_equal(got.frame.flags, FRAME_WHOLE);
	assert_int_equal(got.frame.source, 0);
	assert_int_equal(got.frame.hops, 0);
	assert_string_equal((char *)got.body, text);
}

void fake_end(struct fake_peer *caller, uint64_t id)
{
	struct frame frame = { .kind = FRAME_END, .correlation = id };

	fake_send(caller, &frame, "", NULL, 0);
}

void fake_grant(struct fake_peer *peer, uint64_t id, uint64_t n_bytes)
{
	struct frame frame = { .kind = FRAME_WINDOW };
	uint8_t body[FAKE_WINDOW_BYTES];

	le64_store(body, id);
	le64_store(body + 8, n_bytes);
	fake_send(peer, &frame, "", body, sizeof(body));
}

void fake_expect_granted(struct fake_peer *peer, uint64_t id, uint64_t n_bytes)
{
	fake_expect(peer, FRAME_WINDOW, &got);
	assert_int_equal(got.n_body, FAKE_WINDOW_BYTES);
	assert_int_equal(le64_load(got.body), id);
	assert_int_equal(le64_load(got.body + 8), n_bytes);
}

void fake_expect_of(struct fake_peer *peer, enum frame_kind kind, uint64_t id)
{
	fake_expect(peer, kind, &got);
	assert_int_equal(got.frame.correlation, id);
	assert_int_equal(got.n_body, 0);
}
