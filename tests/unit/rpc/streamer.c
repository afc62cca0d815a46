/* SPDX-License-Identifier: MIT */

#include "tests/unit/rpc/streamer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"

static void note(struct streamed *streamed, const void *body, size_t n_body)
{
	streamed->n_messages++;
	streamed->n_bytes += n_body;
	snprintf(streamed->last, sizeof(streamed->last), "%.*s", (int)n_body,
		 (const char *)body);
}

static void on_next(struct helio_call *call, const void *body, size_t n_body,
		    void *userdata)
{
	struct streamed *streamed = userdata;

	note(streamed, body, n_body);
	if (streamed->keeps) {
		streamed->kept = helio_call_keep(call);
		streamed->kept_body = body;
		assert_null(helio_call_keep(call));
	}
	if (streamed->cancels)
		helio_call_cancel(call);
}

static void on_writable(struct helio_call *call, void *userdata)
{
	struct streamed *streamed = userdata;

	(void)call;
	streamed->n_writable++;
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct streamed *streamed = userdata;

	streamed->n_ended++;
	streamed->status = reply->status;
	streamed->is_from_bus = reply->is_from_bus;
	snprintf(streamed->reason, sizeof(streamed->reason), "%s",
		 reply->reason);
	snprintf(streamed->details, sizeof(streamed->details), "%.*s",
		 (int)reply->n_details,
		 reply->details ? (const char *)reply->details : "");
	assert_int_equal(helio_call_send(call, "", 0), -EPIPE);
	assert_int_equal(helio_call_finish(call), -EPIPE);
	helio_call_pause(call);
	helio_call_cancel(call);
}

uint64_t streamed_call(struct fake_switch *fake, struct streamed *streamed,
		       struct helio_call_options options, const char *body)
{
	struct received received;

	if (!options.has_more)
		options.on_next = on_next;
	options.on_writable = on_writable;
	assert_int_equal(helio_call_start(fake->bus, "a.v1.B.C", body,
					  strlen(body), &options, on_reply,
					  streamed, &streamed->call),
			 0);
	fake_expect(fake, FRAME_CALL, &received);
	assert_int_equal(!!(received.frame.flags & FRAME_MORE),
			 options.has_more);
	assert_int_equal(!!(received.frame.flags & FRAME_STREAM),
			 !options.has_more);
	assert_int_equal(received.frame.time_left_ms, options.timeout_ms);
	return received.frame.correlation;
}

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	struct streamed *streamed = userdata;

	(void)service;
	(void)message;
	streamed->request = request;
	helio_request_set_userdata(request, streamed);
	if (streamed->pauses)
		helio_request_pause(request);
}

static void on_request_next(struct helio_request *request, const void *body,
			    size_t n_body, void *userdata)
{
	struct streamed *streamed = userdata;

	note(streamed, body, n_body);
	if (streamed->cancels)
		assert_int_equal(helio_fail(request, HELIO_ABORTED, "enough"),
				 0);
}

static void on_request_finish(struct helio_request *request, void *userdata)
{
	struct streamed *streamed = userdata;

	(void)request;
	streamed->n_finished++;
}

static void on_request_writable(struct helio_request *request, void *userdata)
{
	struct streamed *streamed = userdata;

	(void)request;
	streamed->n_writable++;
}

static void on_cancelled(struct helio_request *request, void *userdata)
{
	struct streamed *streamed = userdata;

	assert_int_equal(helio_request_send(request, "", 0), -EPIPE);
	streamed->n_cancelled++;
}

struct helio_service *streamed_serve(struct fake_switch *fake,
				     struct streamed *streamed)
{
	static const char *const methods[] = { "C" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 1,
		.on_cancelled = on_cancelled,
		.on_next = on_request_next,
		.on_finish = on_request_finish,
		.on_writable = on_request_writable,
	};
	struct helio_service *service;
	struct received received;

	assert_int_equal(helio_serve(fake->bus, "a.v1.B", &options, on_request,
				     streamed, &service),
			 0);
	fake_expect(fake, FRAME_SERVE, &received);
	fake_result(fake, received.frame.correlation, 0, "\x0a\x03x7q");
	return service;
}

void streamed_hand_over(struct fake_switch *fake, uint64_t id, uint8_t flags,
			uint32_t room_kib)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = FRAME_WHOLE | flags | (room_kib ? FRAME_EXTENDED : 0),
		.correlation = id,
		.room_kib = room_kib,
	};

	fake_send(fake, &frame, "a.v1.B.C", "", 0);
}

void streamed_next(struct fake_switch *fake, uint64_t id, const char *text)
{
	struct frame frame = {
		.kind = FRAME_NEXT,
		.flags = FRAME_WHOLE,
		.correlation = id,
	};

	fake_send(fake, &frame, NULL, text, strlen(text));
}

void streamed_fragment(struct fake_switch *fake, uint64_t id, uint8_t flags,
		       uint64_t n_total, size_t n)
{
	static const uint8_t body[FRAME_MAX_BYTES];
	struct frame frame = {
		.kind = FRAME_NEXT,
		.flags = flags,
		.correlation = id,
		.total_bytes = n_total,
	};

	if (flags & FRAME_FIRST)
		frame.flags |= FRAME_EXTENDED;
	fake_send(fake, &frame, NULL, body, n);
}

void streamed_window(struct fake_switch *fake, uint64_t id, uint64_t n_bytes)
{
	struct frame frame = { .kind = FRAME_WINDOW };
	uint8_t entry[16];

	le64_store(entry, id);
	le64_store(entry + 8, n_bytes);
	fake_send(fake, &frame, NULL, entry, sizeof(entry));
}

void streamed_reply(struct fake_switch *fake, uint64_t id, unsigned status,
		    const char *text)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.correlation = id,
		.status = (uint16_t)status,
	};

	fake_send(fake, &frame, NULL, text, strlen(text));
}

uint64_t streamed_expect_window(struct fake_switch *fake, uint64_t id)
{
	struct received received;

	fake_expect(fake, FRAME_WINDOW, &received);
	assert_int_equal(received.n_body, 16);
	assert_true(le64_load(received.body) == id);
	return le64_load(received.body + 8);
}
