/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/fake_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/le.h"
#include "switch/policy.h"
#include "transports/channel.h"
#include "transports/pair.h"

static const char allow_all[] =
	"allow ** any >\nallow ** group >\nallow ** capture >\n"
	"allow ** observe >\nallow ** subscribe $sys.>\n";

void world_init(struct world *world, const char *text)
{
	struct policy *policy;
	char error[256] = "";
	int r;

	diag_init("test", DIAG_ERROR);
	if (!text)
		text = allow_all;
	r = policy_parse("test", text, strlen(text), error, sizeof(error),
			 &policy);
	if (r < 0)
		fail_msg("policy: %s", error);
	assert_int_equal(bus_init(&world->bus, policy, &bus_default_limits), 0);
	world->ledger.n_accounts = 0;
	world->beside = NULL;
	world->now_ns = clock_now_ns();
}

void world_is_empty(struct world *world)
{
	const char *what;

	world_settle(world);
	(void)bus_sleep(&world->bus);
	world_settle(world);
	what = leftover(&world->bus, &world->ledger);
	if (what)
		fail_msg("still there: %s", what);
}

void world_deinit(struct world *world)
{
	world_is_empty(world);
	ledger_close(&world->ledger);
	bus_deinit(&world->bus);
}

static bool turn(struct world *world)
{
	bool was_busy = bus_turn(&world->bus, world->now_ns);

	if (world->beside &&
	    bus_turn(&world->beside->bus, world->beside->now_ns))
		was_busy = true;
	return was_busy;
}

void world_settle(struct world *world)
{
	for (unsigned i = 0; i < 4; i++)
		while (turn(world))
			;
}

static void on_ready_nothing(struct channel *channel)
{
}

void fake_connect(struct world *world, const char *name, size_t n_bytes,
		  struct fake_peer *ret_peer)
{
	struct channel *theirs;

	*ret_peer = (struct fake_peer){ .world = world };
	assert_int_equal(pair_new(n_bytes, &ret_peer->channel, &theirs), 0);
	ret_peer->channel->on_ready = on_ready_nothing;
	theirs->evidence.kind = EVIDENCE_SOCKET;
	snprintf(theirs->evidence.name, sizeof(theirs->evidence.name), "vm:%s",
		 name);
	assert_int_equal(bus_add_channel(&world->bus, theirs), 0);
	ledger_watch(&world->ledger, &world->bus);
}

void fake_join(struct world *world, const char *name,
	       struct fake_peer *ret_peer)
{
	Helio__Bus__V1__Hello hello = HELIO__BUS__V1__HELLO__INIT;
	struct frame frame = { .kind = FRAME_HELLO };
	struct got got;
	uint8_t body[64];

	fake_connect(world, name, 256 * 1024, ret_peer);
	hello.has_version_min = hello.has_version_max = 1;
	hello.version_min = hello.version_max = 1;
	fake_send(ret_peer, &frame, "", body,
		  helio__bus__v1__hello__pack(&hello, body));
	fake_expect(ret_peer, FRAME_WELCOME, &got);
}

void fake_announce_with(struct fake_peer *leaf,
			const Helio__Bus__V1__Peer *announced)
{
	struct frame frame = { .kind = FRAME_PEER };
	uint8_t body[1024];
	uint32_t speaks_for = leaf->speaks_for;

	leaf->speaks_for = 0;
	fake_send(leaf, &frame, "", body,
		  helio__bus__v1__peer__pack(announced, body));
	leaf->speaks_for = speaks_for;
	ledger_watch(&leaf->world->ledger, &leaf->world->bus);
}

void fake_announce(struct fake_peer *leaf, uint32_t handle,
		   const char *principal)
{
	Helio__Bus__V1__Peer announced = HELIO__BUS__V1__PEER__INIT;
	char name[300];

	snprintf(name, sizeof(name), "%s", principal);
	announced.has_handle = announced.has_incarnation = 1;
	announced.handle = handle;
	announced.incarnation = 7;
	announced.principal = announced.durable_id = name;
	fake_announce_with(leaf, &announced);
}

void fake_forget(struct fake_peer *leaf, uint32_t handle)
{
	struct frame frame = { .kind = FRAME_FORGET };
	Helio__Bus__V1__Forget forget = HELIO__BUS__V1__FORGET__INIT;
	uint8_t body[16];

	forget.has_handle = 1;
	forget.handle = handle;
	leaf->speaks_for = 0;
	fake_send(leaf, &frame, "", body,
		  helio__bus__v1__forget__pack(&forget, body));
}

void fake_leave(struct fake_peer *peer)
{
	channel_free(peer->channel);
	frame_reader_deinit(&peer->reader);
	world_settle(peer->world);
}

/* In pieces, as far as there is room, with turns of the switch in between. */
void fake_send_bytes(struct fake_peer *peer, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n) {
		size_t n_piece = n;
		uint8_t *room = NULL;

		if (channel_reserve(peer->channel, 1, &room) < 0)
			fail_msg("the switch takes nothing");
		if (n_piece > peer->channel->n_out)
			n_piece = peer->channel->n_out;
		memcpy(room, at, n_piece);
		channel_commit(peer->channel, n_piece);
		channel_flush(peer->channel);
		world_settle(peer->world);
		at += n_piece;
		n -= n_piece;
	}
}

void fake_try_send(struct fake_peer *peer, struct frame *frame,
		   const char *subject, const void *body, size_t n_body)
{
	size_t n;
	uint8_t *room;

	frame->n_subject = (uint16_t)strlen(subject);
	frame_set_body(frame, n_body);
	if (channel_reserve(peer->channel, frame->length, &room))
		return;
	n = frame_encode(frame, room);
	memcpy(room + n, subject, frame->n_subject);
	if (n_body)
		memcpy(room + n + frame->n_subject, body, n_body);
	channel_commit(peer->channel, frame->length);
	channel_flush(peer->channel);
	world_settle(peer->world);
}

void fake_send(struct fake_peer *peer, struct frame *frame, const char *subject,
	       const void *body, size_t n_body)
{
	static uint8_t bytes[FRAME_MAX_BYTES];
	size_t n;

	if (!frame->source)
		frame->source = peer->speaks_for;
	frame->n_subject = (uint16_t)strlen(subject);
	frame_set_body(frame, n_body);
	n = frame_encode(frame, bytes);
	memcpy(bytes + n, subject, frame->n_subject);
	if (n_body)
		memcpy(bytes + n + frame->n_subject, body, n_body);
	fake_send_bytes(peer, bytes, frame->length);
}

static bool next_of_any_kind(struct fake_peer *peer, struct got *got)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct channel *channel = peer->channel;
		const uint8_t *bytes;
		size_t n_used;
		size_t n_header;
		int r;

		if (channel_refill(channel) < 0)
			return false;
		r = frame_reader_next(&peer->reader, channel->in, channel->n_in,
				      channel->n_in_max, &n_used, &got->frame,
				      &bytes);
		if (!r) {
			n_header = frame_header_bytes(&got->frame);
			memcpy(got->subject, bytes + n_header,
			       got->frame.n_subject);
			got->subject[got->frame.n_subject] = '\0';
			memcpy(got->metadata,
			       bytes + n_header + got->frame.n_subject,
			       got->frame.n_metadata);
			got->n_body = frame_body_bytes(&got->frame);
			memcpy(got->body,
			       bytes + frame_body_offset(&got->frame),
			       got->n_body);
			got->body[got->n_body] = '\0';
		}
		channel_consume(channel, n_used);
		channel_flush(channel);
		if (!r)
			return true;
		if (r != FRAME_E_INCOMPLETE)
			fail_msg("not a frame: %s", frame_error_text(r));
		world_settle(peer->world);
		if (!n_used && !channel_refill(channel) && !channel->n_in)
			return false;
	}
	return false;
}

static void learn(struct fake_peer *peer, const struct got *got)
{
	Helio__Bus__V1__Peer *known =
		helio__bus__v1__peer__unpack(NULL, got->n_body, got->body);

	assert_non_null(known);
	if (known->handle < FAKE_KNOWN_MAX)
		snprintf(peer->known[known->handle], sizeof(*peer->known), "%s",
			 known->principal);
	helio__bus__v1__peer__free_unpacked(known, NULL);
}

static void unlearn(struct fake_peer *peer, const struct got *got)
{
	Helio__Bus__V1__Forget *forget =
		helio__bus__v1__forget__unpack(NULL, got->n_body, got->body);

	assert_non_null(forget);
	if (forget->handle < FAKE_KNOWN_MAX)
		peer->known[forget->handle][0] = '\0';
	helio__bus__v1__forget__free_unpacked(forget, NULL);
}

bool fake_next(struct fake_peer *peer, struct got *ret_got)
{
	while (next_of_any_kind(peer, ret_got)) {
		if (ret_got->frame.kind == FRAME_PEER) {
			learn(peer, ret_got);
		} else if (ret_got->frame.kind == FRAME_FORGET) {
			unlearn(peer, ret_got);
		} else {
			return true;
		}
	}
	return false;
}

void fake_expect(struct fake_peer *peer, enum frame_kind kind,
		 struct got *ret_got)
{
	if (!fake_next(peer, ret_got))
		fail_msg("nothing came instead of %s", frame_kind_name(kind));
	if (ret_got->frame.kind != kind)
		fail_msg("%s came instead of %s: %s",
			 frame_kind_name(ret_got->frame.kind),
			 frame_kind_name(kind), (char *)ret_got->body);
}

void fake_expect_silence(struct fake_peer *peer)
{
	static struct got got;

	if (fake_next(peer, &got))
		fail_msg("%s came: %s", frame_kind_name(got.frame.kind),
			 (char *)got.body);
	assert_int_equal(channel_refill(peer->channel), 0);
}

void fake_expect_end(struct fake_peer *peer, const char *reason)
{
	static struct got got;

	while (fake_next(peer, &got) && got.frame.kind != FRAME_GOODBYE)
		;
	assert_int_equal(got.frame.kind, FRAME_GOODBYE);
	assert_string_equal((char *)got.body, reason);
	assert_int_equal(channel_refill(peer->channel), -EPIPE);
}

void fake_subscribe(struct fake_peer *peer, uint32_t id, const char *pattern,
		    uint32_t credit, enum status status)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = id };
	static struct got got;
	uint8_t body[64];

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = id;
	subscribe.credit_messages = credit;
	subscribe.credit_bytes = credit * UINT64_C(65536);
	fake_send(peer, &frame, pattern, body,
		  helio__bus__v1__subscribe__pack(&subscribe, body));
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, id);
	if (got.frame.status != status)
		fail_msg("%s: %s", status_name(got.frame.status),
			 (char *)got.body);
}

void fake_subscribe_with(struct fake_peer *peer,
			 const Helio__Bus__V1__Subscribe *subscribe,
			 const char *pattern, enum status status)
{
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 99 };
	static struct got got;
	uint8_t body[128];

	fake_send(peer, &frame, pattern, body,
		  helio__bus__v1__subscribe__pack(subscribe, body));
	fake_expect(peer, FRAME_RESULT, &got);
	if (got.frame.status != status)
		fail_msg("%s: %s", status_name(got.frame.status),
			 (char *)got.body);
}

void fake_unsubscribe(struct fake_peer *peer, uint32_t id)
{
	struct frame frame = { .kind = FRAME_UNSUBSCRIBE };
	uint8_t body[4];

	le32_store(body, id);
	fake_send(peer, &frame, "", body, sizeof(body));
}

void fake_serve_with(struct fake_peer *peer, const Helio__Bus__V1__Serve *serve,
		     const char *name, struct got *ret_got)
{
	struct frame frame = { .kind = FRAME_SERVE, .correlation = 98 };
	uint8_t body[256];

	fake_send(peer, &frame, name, body,
		  helio__bus__v1__serve__pack(serve, body));
	fake_expect(peer, FRAME_RESULT, ret_got);
}

void fake_call(struct fake_peer *caller, uint64_t id, uint8_t flags,
	       const char *subject)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = id,
			       .time_left_ms = 1000 };

	fake_send(caller, &frame, subject, "question", 8);
}

void fake_answer(struct fake_peer *callee, uint64_t id)
{
	struct frame frame = { .kind = FRAME_REPLY,
			       .flags = FRAME_WHOLE,
			       .correlation = id };

	fake_send(callee, &frame, "", "answer", 6);
}

void fake_expect_status(struct fake_peer *caller, uint64_t id,
			enum status status, bool is_handed_over)
{
	static struct got got;

	fake_expect(caller, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, id);
	if (got.frame.status != status)
		fail_msg("%s: %s", status_name(got.frame.status),
			 (char *)got.body);
	assert_int_equal(got.frame.origin, ORIGIN_BUS);
	assert_int_equal(got.frame.handed_over, is_handed_over);
}

void fake_fragment(struct fake_peer *peer, enum frame_kind kind, uint8_t flags,
		   uint64_t id, const char *subject, uint64_t total_bytes,
		   size_t n)
{
	static const uint8_t zeros[FRAME_MAX_BYTES];
	struct frame frame = { .kind = (uint8_t)kind,
			       .flags = flags,
			       .correlation = id,
			       .total_bytes = total_bytes };

	if (flags & FRAME_FIRST)
		frame.flags |= FRAME_EXTENDED;
	fake_send(peer, &frame, subject, zeros, n);
}

void fake_serve(struct fake_peer *peer, uint32_t id, const char *subject,
		uint32_t credit)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	struct frame frame = { .kind = FRAME_SERVE, .correlation = id };
	static struct got got;
	uint8_t body[64];

	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = id;
	serve.credit_calls = credit;
	serve.credit_bytes = credit * UINT64_C(65536);
	fake_send(peer, &frame, subject, body,
		  helio__bus__v1__serve__pack(&serve, body));
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

void fake_publish(struct fake_peer *peer, const char *subject, const char *text)
{
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	fake_send(peer, &frame, subject, text, strlen(text));
}

void fake_expect_message(struct fake_peer *peer, const char *subject,
			 const char *text)
{
	static struct got got;

	fake_expect(peer, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, subject);
	assert_string_equal((char *)got.body, text);
}

void fake_expect_message_of(struct fake_peer *peer, const char *source,
			    const char *subject, const char *text)
{
	static struct got got;

	fake_expect(peer, FRAME_MESSAGE, &got);
	assert_in_range(got.frame.source, 1, FAKE_KNOWN_MAX - 1);
	assert_string_equal(peer->known[got.frame.source], source);
	assert_string_equal(got.subject, subject);
	assert_string_equal((char *)got.body, text);
}

void fake_credit(struct fake_peer *peer, uint32_t id, uint32_t n_messages,
		 uint64_t n_bytes)
{
	struct frame frame = { .kind = FRAME_CREDIT };
	uint8_t body[16];

	le32_store(body, id);
	le32_store(body + 4, n_messages);
	le64_store(body + 8, n_bytes);
	fake_send(peer, &frame, "", body, sizeof(body));
}
