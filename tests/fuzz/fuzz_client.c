/* SPDX-License-Identifier: MIT */

/*
 * A client whose switch is hostile. The first byte of the input chooses
 * whether the switch has said WELCOME already (the client then has a
 * subscription with id 1, a service with id 2, a call with id 4, a publish
 * with id 5 that waits for an ack, and a call with id 6 both of whose ways are
 * a stream), and how the rest, the bytes of the switch, is cut.
 */

#include <string.h>

#include "rpc/client.h"
#include "tests/fuzz/fuzz.h"
#include "transports/pair.h"

enum { RING_BYTES = 4096, PIECE_MAX_BYTES = 1024 };

/* WELCOME: version 1, principal "p", 1,024 bytes to a fragment. */
static const uint8_t welcome[] = { 40, 0,   0,  0,   FRAME_WELCOME,
				   0,  0,   0,  0,   0,
				   0,  0,   0,  0,   0,
				   0,  0,   0,  0,   0,
				   0,  0,   0,  0,   0,
				   0,  0,   0,  0,   0,
				   0,  0,   8,  1,   26,
				   1,  'p', 40, 128, 8 };

static unsigned sum;

/* Every byte that a callback is shown must be there. */
static void touch(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++)
		sum += at[i];
}

static void touch_text(const char *text)
{
	if (text)
		touch(text, strlen(text));
}

static void touch_message(const struct helio_message *message)
{
	touch_text(message->subject);
	touch(message->body, message->n_body);
	touch_text(message->source);
	touch_text(message->idempotency_key);
	touch_text(message->content_type);
	touch_text(message->traceparent);
	for (size_t i = 0; i < message->n_headers; i++) {
		touch_text(message->headers[i].name);
		touch(message->headers[i].value, message->headers[i].n_value);
	}
}

static void on_message(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	(void)userdata;
	touch_message(message);
	if (message->n_body == 1)
		helio_unsubscribe(subscription);
}

static void on_gap(struct helio_subscription *subscription, uint64_t n_lost,
		   const char *reason, void *userdata)
{
	(void)subscription;
	(void)n_lost;
	(void)userdata;
	touch_text(reason);
}

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	(void)userdata;
	touch_message(message);
	if (message->n_body % 4 == 0)
		(void)helio_respond(request, message->body, message->n_body);
	else if (message->n_body % 4 == 1)
		(void)helio_fail(request, HELIO_ABORTED, "no");
	else if (message->n_body % 4 == 2)
		helio_unserve(service);
}

static void on_request_next(struct helio_request *request, const void *body,
			    size_t n_body, void *userdata)
{
	(void)userdata;
	touch(body, n_body);
	if (n_body % 4 == 0)
		(void)helio_request_send(request, body, n_body);
	else if (n_body % 4 == 1)
		(void)helio_respond(request, body, n_body);
	else if (n_body % 4 == 2)
		helio_request_pause(request);
	else
		(void)helio_fail_with(request, HELIO_ABORTED, "no", body,
				      n_body);
}

static void on_request_event(struct helio_request *request, void *userdata)
{
	(void)userdata;
	(void)helio_request_send(request, "", 0);
	helio_request_resume(request);
}

static void on_next(struct helio_call *call, const void *body, size_t n_body,
		    void *userdata)
{
	(void)userdata;
	touch(body, n_body);
	if (n_body % 8 == 1)
		helio_call_cancel(call);
	else if (n_body % 8 == 2)
		helio_call_pause(call);
	else if (n_body % 8 == 3)
		(void)helio_call_finish(call);
	else
		(void)helio_call_send(call, body, n_body);
}

static void on_writable(struct helio_call *call, void *userdata)
{
	(void)userdata;
	(void)helio_call_send(call, welcome, sizeof(welcome));
	helio_call_resume(call);
}

static void on_drained(struct helio_service *service, void *userdata)
{
	(void)userdata;
	helio_unserve(service);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	(void)call;
	(void)userdata;
	touch_text(reply->reason);
	touch(reply->details, reply->n_details);
	if (reply->message)
		touch_message(reply->message);
}

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	(void)bus;
	(void)userdata;
	touch_text(ack->reason);
	touch_text(ack->log);
}

static void ignore(struct channel *channel)
{
	(void)channel;
}

static void turn(struct helio *bus, struct channel *end)
{
	(void)helio_dispatch(bus);
	if (channel_refill(end) < 0)
		return;
	channel_consume(end, end->n_in);
	(void)channel_flush(end);
}

static void say(struct helio *bus, struct channel *end, const uint8_t *bytes,
		size_t n)
{
	uint8_t *room;

	if (!n || channel_reserve(end, n, &room) < 0)
		return;
	memcpy(room, bytes, n);
	channel_commit(end, n);
	if (channel_flush(end) == 0)
		turn(bus, end);
}

static void answer(struct helio *bus, struct channel *end, uint64_t id)
{
	struct frame frame = { .kind = FRAME_RESULT, .correlation = id };
	uint8_t bytes[FRAME_HEADER_BYTES];

	frame_set_body(&frame, 0);
	frame_encode(&frame, bytes);
	say(bus, end, bytes, sizeof(bytes));
}

static void connect_client(struct helio *bus, struct channel *end)
{
	const struct helio_publish_options options = {
		.flags = HELIO_ACK_STORED,
		.on_ack = on_ack,
	};

	const struct helio_call_options stream = {
		.on_next = on_next,
		.has_more = true,
		.on_writable = on_writable,
	};

	say(bus, end, welcome, sizeof(welcome));
	for (uint64_t id = 1; id <= 3; id++)
		answer(bus, end, id);
	FUZZ_CHECK(helio_state(bus) == HELIO_CONNECTED);
	FUZZ_CHECK(helio_call_start(bus, "a.b", "", 0, NULL, on_reply, NULL,
				    NULL) == 0);
	FUZZ_CHECK(helio_publish(bus, "a.b", "", 0, &options) == 0);
	FUZZ_CHECK(helio_call_start(bus, "a.b", "", 0, &stream, on_reply, NULL,
				    NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct helio_subscribe_options options = {
		.capture = "log",
		.on_gap = on_gap,
	};
	const struct helio_serve_options serve_options = {
		.on_next = on_request_next,
		.on_finish = on_request_event,
		.on_writable = on_request_event,
		.on_drained = on_drained,
	};
	struct channel *ours, *end;
	size_t n_piece;
	struct helio *bus;

	if (!n || pair_new(RING_BYTES, &ours, &end) < 0)
		return 0;
	end->on_ready = ignore;
	FUZZ_CHECK(client_new_on(ours, NULL, &bus) == 0);
	FUZZ_CHECK(helio_subscribe(bus, ">", &options, on_message, NULL,
				   NULL) == 0);
	FUZZ_CHECK(helio_serve(bus, "s", &serve_options, on_request, NULL,
			       NULL) == 0);
	if (bytes[0] & 1)
		connect_client(bus, end);
	n_piece = 1 + (bytes[0] >> 1) * (PIECE_MAX_BYTES / 128);
	for (size_t at = 1; at < n; at += n_piece)
		say(bus, end, bytes + at, n - at < n_piece ? n - at : n_piece);
	turn(bus, end);
	helio_close(bus);
	channel_free(end);
	return 0;
}
