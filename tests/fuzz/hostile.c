/* SPDX-License-Identifier: MIT */

#include "tests/fuzz/hostile.h"

#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "proto/frame.h"
#include "switch/bus.h"
#include "switch/policy.h"
#include "switch/verdict.h"
#include "tests/fuzz/fuzz.h"
#include "transports/channel.h"

struct policy *hostile_policy(const char *text)
{
	struct policy *policy;
	char error[256];

	FUZZ_CHECK(!policy_parse("fuzz", text, strlen(text), error,
				 sizeof(error), &policy));
	return policy;
}

void hostile_settle(struct bus *bus, uint64_t now_ns)
{
	for (unsigned i = 0; i < 3; i++) {
		while (bus_turn(bus, now_ns))
			;
		(void)bus_sleep(bus);
	}
}

void hostile_send_bytes(struct channel *channel, const void *bytes, size_t n)
{
	uint8_t *room;

	if (!channel || channel_reserve(channel, n, &room))
		return;
	memcpy(room, bytes, n);
	channel_commit(channel, n);
	channel_flush(channel);
}

void hostile_send(struct channel *channel, struct frame *frame,
		  const char *subject, const void *body, size_t n_body)
{
	uint8_t bytes[FRAME_HEADER_MAX_BYTES + FRAME_SUBJECT_MAX_BYTES +
		      HOSTILE_BODY_MAX_BYTES];
	size_t n;

	FUZZ_CHECK(n_body <= HOSTILE_BODY_MAX_BYTES);
	frame->n_subject = (uint16_t)strlen(subject);
	frame->n_metadata = 0;
	frame_set_body(frame, n_body);
	n = frame_encode(frame, bytes);
	memcpy(bytes + n, subject, frame->n_subject);
	memcpy(bytes + n + frame->n_subject, body, n_body);
	hostile_send_bytes(channel, bytes, frame->length);
}

/* The kinds of deeds are in the two lowest bits. */
void hostile_schema(struct channel *channel, uint32_t source, uint8_t shape,
		    uint8_t id)
{
	static const uint8_t kinds[] = { FRAME_BIND, FRAME_UNBIND, FRAME_SERVE,
					 FRAME_CALL };
	uint8_t handle = 1 + (shape >> 2 & 3);
	struct frame frame = { .kind = kinds[shape & 3],
			       .source = source,
			       .correlation = 1 + id % 4,
			       .time_left_ms = 1 + id };
	/* Fields 1, 4, 5, a method and a hash of 32 bytes. */
	uint8_t serve[64] = { 8,   handle, 32, 3,   40, 0xe8,
			      0x7, 18,     1,  'x', 26, 32 };
	uint8_t bind[64] = { 8, handle, 18, 32 };
	uint8_t plain[4] = { handle };

	memset(serve + 12, 1 + (shape >> 4 & 1), 32);
	memset(bind + 4, 1 + (shape >> 4 & 1), 32);
	if (frame.kind == FRAME_CALL) {
		frame.handle = handle;
		frame.flags = FRAME_WHOLE | (shape & FRAME_WAIT);
		hostile_send(channel, &frame, shape & 64 ? "y" : "x", "?", 1);
	} else if (frame.kind == FRAME_UNBIND) {
		hostile_send(channel, &frame, "", plain, 4);
	} else if (frame.kind == FRAME_SERVE) {
		hostile_send(channel, &frame, "svc", serve, 44);
	} else {
		hostile_send(channel, &frame, "svc", bind, 36);
	}
}

static void send_window(struct channel *channel, uint64_t id, uint8_t shape,
			uint8_t n)
{
	struct frame frame = { .kind = FRAME_WINDOW };
	uint8_t body[32];

	le64_store(body, id);
	le64_store(body + 8, shape & 128 ? UINT64_MAX - n : n * UINT64_C(64));
	le64_store(body + 16, shape & 64 ? id : id + 1);
	le64_store(body + 24, n);
	hostile_send(channel, &frame, "", body, shape & 32 ? 32 : 16);
}

/* What it is is in the three lowest bits. */
void hostile_stream(struct channel *channel, uint64_t id, uint8_t shape,
		    uint8_t n)
{
	static const uint8_t flags[] = { FRAME_WHOLE,
					 FRAME_FIRST | FRAME_EXTENDED, 0,
					 FRAME_LAST };
	static const uint8_t zeros[HOSTILE_BODY_MAX_BYTES];
	struct frame frame = { .kind = FRAME_NEXT, .correlation = id };
	uint8_t drained[4] = { 1 + n % 4 };

	switch (shape & 7) {
	case 4:
		frame.kind = FRAME_END;
		hostile_send(channel, &frame, "", "", 0);
		break;
	case 5:
	case 6:
		send_window(channel, id, shape, n);
		break;
	case 7:
		frame.kind = FRAME_DRAIN;
		hostile_send(channel, &frame, "", drained, sizeof(drained));
		break;
	default:
		frame.flags = flags[shape & 3];
		frame.total_bytes = (shape >> 3) * 16U;
		hostile_send(channel, &frame, shape == 128 ? "s" : "", zeros,
			     n % 128U);
	}
}

enum { QUESTIONS_MAX = 16 };

static struct verdict *questions[QUESTIONS_MAX];
static size_t n_questions;

static int on_question(void *userdata, struct verdict *verdict)
{
	if (n_questions == QUESTIONS_MAX)
		return -EAGAIN;
	questions[n_questions++] = verdict;
	return 0;
}

void hostile_registry_init(struct bus *bus)
{
	n_questions = 0;
	bus->verdicts.ask = on_question;
}

void hostile_registry_say(uint8_t shape)
{
	struct verdict *verdict;
	size_t i;

	if (!n_questions)
		return;
	i = (shape >> 2) % n_questions;
	verdict = questions[i];
	questions[i] = questions[--n_questions];
	verdict_answer(verdict, (enum answer_kind)(shape % (ANSWER_AWAY + 1)),
		       shape & 128 ? "why" : NULL);
}
