/* SPDX-License-Identifier: MIT */

/*
 * A leaf between a hostile host and its own programs. The input is a list of
 * deeds: of the host, or of a program that asks much. After each input the
 * honest programs have had every message of their own switch in order, unless
 * the host forbade it or lets nobody in; and once all have left the leaf holds
 * nothing.
 */

#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/le.h"
#include "proto/frame.h"
#include "proto/reader.h"
#include "switch/envoy.h"
#include "switch/policy.h"
#include "switch/uplink.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"
#include "tests/unit/switch/leftover.h"
#include "transports/channel.h"
#include "transports/pair.h"

enum actor_index {
	HOST,
	BUSY,    /* does what the input says */
	WITNESS, /* publishes */
	READER,  /* subscribes */
	N_ACTORS,
};

enum { N_IDS = 16, RING_BYTES = 16384 };

struct actor {
	struct channel *channel;
	struct frame_reader reader;
	uint64_t ids[N_IDS]; /* of what it was sent last */
	unsigned n_ids;
};

static struct bus bus;
static struct uplink uplink;
static struct ledger ledger;
static struct actor actors[N_ACTORS];
static uint64_t now_ns;
static uint32_t witness_handle;
static uint32_t n_said;
static uint32_t n_heard;
static bool is_honest; /* the host allows all, for now */
static bool is_cut;    /* the reader was told that it may hear no more */

static const char wide[] = "allow ** any,group,capture,observe >\n"
			   "allow ** subscribe $sys.>\n";
static const char narrow[] = "deny ** any s.>\nallow ** any,group >\n";

static const char *const subjects[] = {
	"s.a", "s.b", "s.*", "s.>",       ">",  "svc.x", "svc",    "honest",
	"t",   "",    "$x",  "$sys.up.x", "s.", "svc.y", "honest", "l",
};

static void on_ready_nothing(struct channel *channel)
{
}

static void send_frame(struct actor *actor, struct frame *frame,
		       const char *subject, const void *body, size_t n_body)
{
	hostile_send(actor->channel, frame, subject, body, n_body);
}

/* What the witness said comes in order, and nothing else in its name. */
static void check(const struct frame *frame, const uint8_t *bytes)
{
	if (frame->kind == FRAME_RESULT &&
	    frame->correlation & FRAME_SWITCH_DRAWN)
		is_cut = true;
	if (frame->kind == FRAME_MESSAGE && !witness_handle)
		witness_handle = frame->source;
	if (frame->kind != FRAME_MESSAGE || frame->source != witness_handle)
		return;
	FUZZ_CHECK(frame_body_bytes(frame) == sizeof(uint32_t));
	FUZZ_CHECK(le32_load(bytes + frame_body_offset(frame)) == n_heard);
	n_heard++;
}

/* A varint of up to 21 bits. */
static size_t put(uint8_t *body, uint8_t field, uint32_t value)
{
	body[0] = (uint8_t)(field << 3);
	body[1] = (uint8_t)(value | 0x80);
	body[2] = (uint8_t)(value >> 7 | 0x80);
	body[3] = (uint8_t)(value >> 14 & 0x7f);
	return 4;
}

static size_t put_text(uint8_t *body, uint8_t field, const char *text)
{
	size_t n = strlen(text);

	body[0] = (uint8_t)(field << 3 | 2);
	body[1] = (uint8_t)n;
	memcpy(body + 2, text, n);
	return 2 + n;
}

static void result(uint64_t id, uint8_t status, uint8_t shape)
{
	struct frame frame = { .kind = FRAME_RESULT, .correlation = id };
	uint8_t body[32];
	size_t n = 0;

	frame.status = status % 20;
	if (shape & 1)
		n = put_text(body, 1, shape & 2 ? "18446744073709551615" : "7");
	send_frame(&actors[HOST], &frame, "", body, n);
}

static void allow(const struct frame *frame)
{
	if (frame->kind == FRAME_SUBSCRIBE || frame->kind == FRAME_SERVE ||
	    frame->kind == FRAME_SYNC || frame->kind == FRAME_BIND ||
	    frame->kind == FRAME_UNBIND)
		result(frame->correlation, STATUS_OK, 1);
}

static void read_all(struct actor *actor)
{
	struct channel *channel = actor->channel;

	while (channel && !channel_refill(channel) && channel->n_in) {
		const uint8_t *bytes;
		struct frame frame;
		size_t n_used;
		int r;

		r = frame_reader_next(&actor->reader, channel->in,
				      channel->n_in, channel->n_in_max, &n_used,
				      &frame, &bytes);
		FUZZ_CHECK(!r || r == FRAME_E_INCOMPLETE);
		if (!r && actor == &actors[READER])
			check(&frame, bytes);
		if (!r && is_honest && actor == &actors[HOST])
			allow(&frame);
		if (!r && frame.correlation)
			actor->ids[actor->n_ids++ % N_IDS] = frame.correlation;
		channel_consume(channel, n_used);
		channel_flush(channel);
		if (r)
			break;
	}
}

static void turn(void)
{
	for (unsigned i = 0; i < 3; i++) {
		hostile_settle(&bus, now_ns);
		for (unsigned j = 0; j < N_ACTORS; j++)
			read_all(&actors[j]);
	}
}

static void leave(struct actor *actor)
{
	actor->channel = channel_free(actor->channel);
	frame_reader_deinit(&actor->reader);
	*actor = (struct actor){ 0 };
}

static void join(struct actor *actor, const char *name)
{
	static const uint8_t hello[] = { 0x08, 1, 0x10, 1 };
	struct frame frame = { .kind = FRAME_HELLO };
	struct channel *theirs;

	FUZZ_CHECK(!pair_new(RING_BYTES, &actor->channel, &theirs));
	actor->channel->on_ready = on_ready_nothing;
	theirs->evidence.kind = EVIDENCE_SOCKET;
	memcpy(theirs->evidence.name, name, strlen(name));
	FUZZ_CHECK(!bus_add_channel(&bus, theirs));
	ledger_watch(&ledger, &bus);
	send_frame(actor, &frame, "", hello, sizeof(hello));
	turn();
}

/* The other end of the uplink, which has sent nothing yet. */
static void be_connected(void)
{
	struct actor *host = &actors[HOST];
	struct channel *theirs;

	if (host->channel)
		leave(host);
	hostile_settle(&bus, now_ns);
	if (uplink.peer || uplink.state == UPLINK_FAILED)
		return;
	FUZZ_CHECK(!pair_new(RING_BYTES, &host->channel, &theirs));
	host->channel->on_ready = on_ready_nothing;
	FUZZ_CHECK(!uplink_take(&uplink, theirs));
	ledger_watch(&ledger, &bus);
	turn();
}

/* Sometimes what it should be, sometimes not: the principal above all. */
static void welcome(uint8_t shape)
{
	static const char *const paths[] = { "vm:web", "vm:web",    "",  "vm:x",
					     "a/b/c",  "a/b/c/d/e", "/", "*" };
	struct frame frame = { .kind = FRAME_WELCOME };
	uint8_t body[128];
	size_t n = put(body, 1, shape == 255 ? 2 : 1);

	n += put_text(body + n, 3, paths[shape & 7]);
	if (shape >> 3 & 1)
		n += put(body + n, 6, 100); /* message_max */
	n += put(body + n, 9, shape >> 4 & 1 ? 64 : 0);
	if (shape >> 5 == 1)
		n += put(body + n, 12, 3); /* principals_max */
	else if (shape >> 5 == 2)
		n += put(body + n, 12, (1 << 21) - 1);
	else if (shape >> 5 == 3)
		n += put(body + n, 12, 0);
	send_frame(&actors[HOST], &frame, "", body, n);
}

static uint64_t id_of(const struct actor *actor, uint8_t pick)
{
	return actor->ids[pick % N_IDS];
}

/* Everything in order, as an honest host does it. */
static void be_honest(void)
{
	is_honest = true;
	be_connected();
	welcome(16);
	turn();
}

static void name(uint8_t shape)
{
	static const char *const names[] = { "vm:a", "vm:web/uid:1", "",
					     "\1\n" };
	struct frame frame = { .kind = FRAME_PEER };
	uint8_t body[64];
	size_t n = put(body, 1, shape & 128 ? 1 << 20 : shape & 7);

	n += put_text(body + n, 2, names[shape >> 3 & 3]);
	if (shape >> 5 & 1)
		n += put_text(body + n, 3, names[shape >> 4 & 3]);
	if (shape >> 6 & 1)
		frame.kind = FRAME_FORGET;
	send_frame(&actors[HOST], &frame, "", body, n);
}

/* MESSAGE, CALL or REPLY, whole or in part, of anybody to any id. */
static void speak(struct actor *actor, struct input *input)
{
	static const uint8_t zeros[HOSTILE_BODY_MAX_BYTES];
	uint8_t shape = take(input);
	uint8_t pick = take(input);
	const char *subject = subjects[take(input) % 16];
	size_t n = take(input) * 2;
	struct frame frame = {
		.kind = FRAME_MESSAGE + shape % 3,
		.flags = FRAME_WHOLE,
		.source = actor == &actors[HOST] ? pick >> 5 : 0,
		.callee = shape >> 5 & 1,
		.hops = shape >> 6 & 3,
		.correlation = 1 + pick % 4,
		.time_left_ms = 1 + take(input),
	};

	if (actor == &actors[HOST])
		frame.correlation = FRAME_SWITCH_DRAWN |
				    (uint64_t)(1 + pick % 8) << 32 |
				    (pick >> 3 & 3);
	if (frame.kind == FRAME_CALL && actor == &actors[HOST])
		frame.flags |= take(input) & (FRAME_MORE | FRAME_STREAM);
	if (frame.kind == FRAME_REPLY)
		frame.correlation = id_of(actor, pick);
	if (frame.kind == FRAME_REPLY || (shape >> 3 & 3) == 3)
		subject = "";
	if ((shape >> 3 & 3) == 1) {
		frame.flags = FRAME_FIRST | FRAME_EXTENDED;
		frame.total_bytes = n + 100;
	} else if ((shape >> 3 & 3) == 3) {
		frame.flags = shape & 128 ? FRAME_LAST : 0;
		n = 100;
	}
	if (actor != &actors[HOST])
		frame.flags |= take(input) & (FRAME_ACK_ROUTED |
					      FRAME_ACK_STORED | FRAME_WAIT);
	send_frame(actor, &frame, subject, zeros, n);
}

static void tell_gap(uint8_t shape, uint8_t reason)
{
	struct frame frame = { .kind = FRAME_GAP };
	uint8_t body[16] = { shape & 7, 0, 0, 0, reason };

	body[8] = shape >> 3;
	send_frame(&actors[HOST], &frame, "", body, 16 - (shape >> 7));
}

static void tell_acked(struct input *input)
{
	struct frame frame = { .kind = FRAME_ACK };
	uint8_t shape = take(input);
	uint8_t body[48] = { 0 };

	le64_store(body, id_of(&actors[HOST], shape));
	le32_store(body + 8, take(input));
	body[12] = take(input);
	body[14] = shape >> 7;
	le64_store(body + 24, take_u64(input));
	le64_store(body + 32, take_u64(input));
	send_frame(&actors[HOST], &frame, shape & 64 ? "l" : "", body,
		   shape & 32 ? 48 : 24);
}

/* What is about something that the leaf has begun. */
static void tell_about(uint8_t kind, uint8_t pick, uint8_t status)
{
	struct frame frame = { .kind = kind,
			       .correlation = id_of(&actors[HOST], pick) };

	frame.status = status % 20;
	if (pick & 128)
		frame.correlation = FRAME_SWITCH_DRAWN |
				    (uint64_t)(1 + pick % 8) << 32 |
				    (pick >> 3 & 3);
	send_frame(&actors[HOST], &frame, "", "why", 3);
}

static void any_frame(struct actor *actor, struct input *input)
{
	const char *subject = subjects[take(input) % 16];
	size_t n_body = take(input) % 64;
	struct frame frame = {
		.kind = take(input) % 32,
		.flags = take(input) & 0x7f,
		.source = take(input) % 8,
		.correlation = take_u64(input),
		.total_bytes = take(input) * 16,
	};

	frame.status = take(input) % 20;
	if (n_body > input->n)
		n_body = input->n;
	send_frame(actor, &frame, subject, input->bytes, n_body);
	input->bytes += n_body;
	input->n -= n_body;
}

static void ask(struct actor *actor, uint8_t kind, uint8_t shape,
		const char *subject)
{
	struct frame frame = { .kind = kind, .correlation = 1 + shape % 8 };
	uint8_t body[64];
	size_t n = put(body, 1, 1 + shape % 4);

	if (kind == FRAME_UNSUBSCRIBE || kind == FRAME_UNSERVE) {
		le32_store(body, 1 + shape % 4);
		send_frame(actor, &frame, "", body, 4);
		return;
	}
	n += put(body + n, 4, shape >> 4 & 3);
	n += put(body + n, 5, 10000);
	if (kind == FRAME_SUBSCRIBE && shape >> 6 == 1)
		n += put_text(body + n, 2, "g");
	else if (kind == FRAME_SUBSCRIBE && shape >> 6 == 2)
		n += put_text(body + n, 9, "l");
	else if (kind == FRAME_SUBSCRIBE && shape >> 6 == 3)
		n += put(body + n, 8, 1);
	send_frame(actor, &frame, subject, body, n);
}

static void say(void)
{
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	uint8_t body[4];

	le32_store(body, n_said++);
	send_frame(&actors[WITNESS], &frame, "honest", body, sizeof(body));
	turn();
	FUZZ_CHECK(is_cut || n_heard == n_said);
}

/* SUBSCRIBE: id 1, 2^28 messages, as many bytes. */
static void join_honest(void)
{
	static const uint8_t subscribe[] = { 8, 1,  32,  128, 128, 128, 128,
					     1, 40, 128, 128, 128, 128, 1 };
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 1 };

	be_honest();
	FUZZ_CHECK(uplink.state == UPLINK_THERE);
	join(&actors[BUSY], "vm:busy");
	join(&actors[WITNESS], "vm:witness");
	join(&actors[READER], "vm:reader");
	send_frame(&actors[READER], &frame, "honest", subscribe,
		   sizeof(subscribe));
	turn();
	say();
	is_honest = false;
}

/* With a stream of a call that it has made, by ids like these, or has got. */
static void go_on(struct actor *actor, uint64_t made, struct input *input)
{
	uint8_t pick = take(input);
	uint64_t id = 1 + pick % 4;
	uint8_t shape = take(input);

	if (made)
		id = made | (uint64_t)(1 + pick % 8) << 32 | (pick >> 3 & 3);
	if (pick & 128)
		id = id_of(actor, pick);
	hostile_stream(actor->channel, id, shape, take(input));
}

static void act_of_host(uint8_t deed, struct input *input)
{
	static const uint8_t kinds[] = { FRAME_REFUSED, FRAME_CANCEL,
					 FRAME_ABORT,   FRAME_PING,
					 FRAME_GOODBYE, FRAME_WELCOME,
					 FRAME_REFUSED, FRAME_PONG };
	struct actor *host = &actors[HOST];
	uint8_t pick = take(input);

	switch (deed) {
	case 0:
		welcome(pick);
		break;
	case 1:
		result(id_of(host, pick), take(input), pick >> 4);
		break;
	case 2:
		result(ENVOY_RENEWAL | pick % 8, take(input), pick >> 4);
		break;
	case 3:
		name(pick);
		break;
	case 4:
		speak(host, input);
		break;
	case 5:
		tell_gap(pick, take(input));
		break;
	case 6:
		tell_acked(input);
		break;
	case 7:
		if (pick & 8)
			go_on(host, FRAME_SWITCH_DRAWN, input);
		else
			tell_about(kinds[pick % 8], take(input), take(input));
		break;
	case 8:
		any_frame(host, input);
	}
}

static void act_of_busy(uint8_t deed, struct input *input)
{
	static const uint8_t kinds[] = { FRAME_SUBSCRIBE, FRAME_SERVE,
					 FRAME_UNSUBSCRIBE, FRAME_UNSERVE };
	struct actor *busy = &actors[BUSY];
	uint8_t pick = take(input);

	if (!busy->channel || channel_refill(busy->channel) < 0) {
		leave(busy);
		join(busy, "vm:busy");
	}
	if (deed == 0 && pick & 8)
		hostile_schema(busy->channel, 0, take(input), pick);
	else if (deed == 0)
		ask(busy, kinds[pick % 4], take(input), subjects[pick >> 4]);
	else if (deed == 1 && pick & 8)
		go_on(busy, 0, input);
	else if (deed == 1)
		speak(busy, input);
	else
		any_frame(busy, input);
}

static void act(struct input *input)
{
	uint8_t deed = take(input) % 20;

	if (deed < 9) {
		act_of_host(deed, input);
	} else if (deed < 13) {
		act_of_busy(deed % 3, input);
	} else if (deed == 13) {
		be_connected();
	} else if (deed == 14) {
		be_honest();
	} else if (deed == 15) {
		is_honest = take(input) % 2;
	} else if (deed == 16) {
		now_ns += take(input) * (200 * NS_PER_MS);
	} else if (deed == 17) {
		leave(&actors[BUSY]);
	} else if (deed == 18) {
		hostile_settle(&bus, now_ns);
		bus_set_policy(&bus,
			       hostile_policy(take(input) % 2 ? wide : narrow));
	} else {
		turn();
	}
}

static void end_world(void)
{
	const char *what;

	for (unsigned i = 0; i < N_ACTORS; i++)
		if (actors[i].channel)
			leave(&actors[i]);
	hostile_settle(&bus, now_ns);
	what = leftover(&bus, &ledger);
	if (what)
		fprintf(stderr, "still there: %s\n", what);
	FUZZ_CHECK(!what);
	FUZZ_CHECK(!uplink.peer && !uplink.envoys.n_nodes &&
		   !uplink.feeds.n_nodes && !uplink.feed_ids.n_nodes);
	FUZZ_CHECK(list_is_empty(&uplink.asks) &&
		   list_is_empty(&uplink.slots) && !uplink.n_open);
	ledger_close(&ledger);
	bus_deinit(&bus);
	uplink_deinit(&uplink);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input input = { .bytes = bytes, .n = n };
	struct uplink_options options = { 0 };

	diag_init("fuzz", DIAG_ERROR);
	now_ns = clock_now_ns();
	n_said = n_heard = witness_handle = 0;
	is_cut = false;
	FUZZ_CHECK(!bus_init(&bus, hostile_policy(wide), &bus_default_limits));
	FUZZ_CHECK(!uplink_init(&uplink, &bus, &options));
	join_honest();
	for (unsigned i = 1; input.n; i++) {
		act(&input);
		if (i % 16 == 0)
			say();
	}
	say();
	end_world();
	return 0;
}
