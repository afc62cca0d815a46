/* SPDX-License-Identifier: MIT */

/*
 * A switch between three hostile peers, all of which may be leaves, and two
 * honest ones. The input is a list of deeds: which peer, what it does, and what
 * the deed needs. After each input the honest ones have got every message in
 * order, and once all have left the switch holds nothing.
 */

#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/le.h"
#include "proto/frame.h"
#include "proto/reader.h"
#include "switch/policy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"
#include "tests/unit/switch/leftover.h"
#include "transports/channel.h"
#include "transports/pair.h"

enum {
	N_HOSTILE = 3,
	WITNESS = N_HOSTILE, /* publishes */
	READER,              /* subscribes */
	N_PEERS,
};

enum deed {
	DEED_FRAME,  /* any kind and fields */
	DEED_PLAIN,  /* a kind that gets past the first checks */
	DEED_BYTES,  /* no frame at all */
	DEED_CREDIT, /* plenty */
	DEED_READ,   /* take what came */
	DEED_WAIT,   /* the clock goes on */
	DEED_LEAVE,
	DEED_TURN,
	DEED_POLICY, /* another one */
	N_DEEDS,
	/* First bytes from here on are about streams, */
	FIRST_OF_STREAM = 219,
	/* from here on about schemas, */
	FIRST_OF_SCHEMA = 231,
	/* and from here on the deeds of a leaf. */
	FIRST_OF_LEAF = 243,
};

struct actor {
	struct channel *channel;
	struct frame_reader reader;
	uint32_t speaks_for; /* the source of all that it sends */
	uint64_t last_call;  /* an id by which it was called */
};

static struct bus bus;
static struct ledger ledger;
static struct actor actors[N_PEERS];
static uint64_t now_ns;
static uint32_t n_said;
static uint32_t n_heard;

#define HONEST_ALONE                  \
	"deny vm:h0 publish honest\n" \
	"deny vm:h1 publish honest\n" \
	"deny vm:h2 publish honest\n" \
	"allow ** uplink leaf\n"

static const char wide[] =
	HONEST_ALONE "allow ** any >\nallow ** group >\n"
		     "allow ** capture >\nallow ** observe >\n"
		     "allow ** subscribe $sys.>\n";
static const char narrow[] = HONEST_ALONE "deny vm:h0 any s.>\nallow ** any >\n"
					  "allow ** group >\n";

static const char *const subjects[] = {
	"s.a",    "s.b",           "s.*",     "s.>",   ">", "svc.x",
	"svc",    "*.x",           "t",       "",      ".", "$x",
	"$sys.>", "$inst.1.svc.x", "s.a.b.c", "*.*.*",
};

static void on_ready_nothing(struct channel *channel)
{
}

static void send_frame(struct actor *actor, struct frame *frame,
		       const char *subject, const void *body, size_t n_body)
{
	frame->source = actor->speaks_for;
	hostile_send(actor->channel, frame, subject, body, n_body);
}

/* What the reader gets must be what the witness said, in order. */
static void check(struct actor *actor, const struct frame *frame,
		  const uint8_t *bytes)
{
	if (frame->kind == FRAME_CALL)
		actor->last_call = frame->correlation;
	if (actor != &actors[READER] || frame->kind != FRAME_MESSAGE)
		return;
	FUZZ_CHECK(frame_body_bytes(frame) == sizeof(uint32_t));
	FUZZ_CHECK(le32_load(bytes + frame_body_offset(frame)) == n_heard);
	n_heard++;
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
		if (!r)
			check(actor, &frame, bytes);
		channel_consume(channel, n_used);
		channel_flush(channel);
		if (r)
			break;
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

	FUZZ_CHECK(!pair_new(4096, &actor->channel, &theirs));
	actor->channel->on_ready = on_ready_nothing;
	theirs->evidence.kind = EVIDENCE_SOCKET;
	memcpy(theirs->evidence.name, name, strlen(name));
	FUZZ_CHECK(!bus_add_channel(&bus, theirs));
	ledger_watch(&ledger, &bus);
	send_frame(actor, &frame, "", hello, sizeof(hello));
}

/* A hostile one that has been ended comes back. */
static void revive(struct actor *actor)
{
	static const char *const names[] = { "vm:h0", "vm:h1", "vm:h2" };

	if (actor->channel && channel_refill(actor->channel) < 0)
		leave(actor);
	if (!actor->channel)
		join(actor, names[actor - actors]);
}

/* SUBSCRIBE: id 1, 2^28 messages, as many bytes. */
static void join_honest(void)
{
	static const uint8_t subscribe[] = { 8, 1,  32,  128, 128, 128, 128,
					     1, 40, 128, 128, 128, 128, 1 };
	struct frame frame = { .kind = FRAME_SUBSCRIBE };

	join(&actors[WITNESS], "vm:witness");
	join(&actors[READER], "vm:reader");
	send_frame(&actors[READER], &frame, "honest", subscribe,
		   sizeof(subscribe));
	hostile_settle(&bus, now_ns);
}

static void say(void)
{
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	uint8_t body[4];

	le32_store(body, n_said++);
	send_frame(&actors[WITNESS], &frame, "honest", body, sizeof(body));
	hostile_settle(&bus, now_ns);
	read_all(&actors[READER]);
	read_all(&actors[WITNESS]);
	FUZZ_CHECK(n_heard == n_said);
}

static void deed_frame(struct actor *actor, struct input *input)
{
	const char *subject = subjects[take(input) % 16];
	size_t n_body = take(input) % 64;
	struct frame frame = {
		.kind = take(input) % 32,
		.flags = take(input) & 0x7f,
		.hops = take(input) % 2,
		.correlation = take_u64(input),
		.total_bytes = take_u64(input) % 5000,
		.time_left_ms = take(input),
	};
	uint32_t room_kib = take(input) % 2;

	frame.status = take(input) % 20;
	if (frame.kind == FRAME_CALL)
		frame.room_kib = room_kib;
	if (n_body > input->n)
		n_body = input->n;
	send_frame(actor, &frame, subject, input->bytes, n_body);
	input->bytes += n_body;
	input->n -= n_body;
}

/* Ids from a small set, so that they meet. */
static uint64_t small_id(const struct actor *actor, uint8_t kind, uint8_t pick)
{
	if (kind != FRAME_REPLY)
		return 1 + pick % 4;
	return actor->last_call
		       ? actor->last_call
		       : FRAME_SWITCH_DRAWN | (uint64_t)(1 + pick % 3) << 32;
}

/* A message, call or reply: whole, the first of several, or a later one. */
static void send_part(struct actor *actor, struct frame *frame,
		      const char *subject, uint8_t shape, struct input *input)
{
	static const uint8_t zeros[HOSTILE_BODY_MAX_BYTES];
	size_t n = take(input) * 2;

	frame->flags =
		shape & (FRAME_ACK_ROUTED | FRAME_ACK_STORED | FRAME_WAIT);
	if ((shape & 3) == 3 || (shape & 3) == 0) {
		frame->flags |= FRAME_WHOLE;
	} else if (shape & 1) {
		frame->flags |= FRAME_FIRST | FRAME_EXTENDED;
		frame->total_bytes = n + 100 * (1 + (shape >> 6));
	} else {
		frame->flags = shape & 0x80 ? FRAME_LAST : 0;
		subject = "";
		n = 100;
	}
	if (frame->kind == FRAME_REPLY)
		subject = "";
	send_frame(actor, frame, subject, zeros, n);
}

/* A small varint that a byte chooses, up to 1,023. */
static size_t put(uint8_t *body, uint8_t field, unsigned value)
{
	body[0] = (uint8_t)(field << 3);
	body[1] = (uint8_t)(value | 0x80);
	body[2] = (uint8_t)(value >> 7);
	return 3;
}

static size_t put_letter(uint8_t *body, uint8_t field, char letter)
{
	body[0] = (uint8_t)(field << 3 | 2);
	body[1] = 1;
	body[2] = (uint8_t)letter;
	return 3;
}

static size_t subscribe_body(uint8_t *body, uint8_t shape, struct input *input)
{
	size_t n = put(body, 1, 1 + shape % 4);

	n += put(body + n, 3, shape >> 2 & 3);
	n += put(body + n, 4, shape >> 4 & 3);
	n += put(body + n, 5, take(input) * 4U);
	n += put(body + n, 6, 1 + take(input) % 8);
	n += put(body + n, 7, take(input) * 4U);
	if (shape >> 6 == 1)
		n += put_letter(body + n, 2, 'g');
	else if (shape >> 6 == 2)
		n += put_letter(body + n, 9, 'l');
	else if (shape >> 6 == 3)
		n += put(body + n, 8, 1);
	return n;
}

static size_t serve_body(uint8_t *body, uint8_t shape)
{
	size_t n = put(body, 1, 1 + shape % 4);

	n += put(body + n, 4, shape >> 2 & 7);
	n += put(body + n, 5, 1000);
	for (unsigned i = 0; i < shape >> 6; i++)
		n += put_letter(body + n, 2, (char)('x' + i % 2));
	return n;
}

static size_t id_body(uint8_t *body, uint8_t shape)
{
	body[0] = 1 + shape % 4;
	return 4;
}

static size_t ack_body(uint8_t *body, uint8_t shape, struct input *input)
{
	body[0] = take(input);
	body[4] = 1 + shape % 4;
	body[8] = 1 + take(input) % 4;
	body[14] = 1;
	return 24;
}

static void deed_plain(struct actor *actor, struct input *input)
{
	static const uint8_t kinds[] = {
		FRAME_MESSAGE,     FRAME_CALL,    FRAME_REPLY, FRAME_CANCEL,
		FRAME_SUBSCRIBE,   FRAME_SERVE,   FRAME_ABORT, FRAME_ACK,
		FRAME_UNSUBSCRIBE, FRAME_UNSERVE, FRAME_SYNC,  FRAME_PING,
		FRAME_MESSAGE,     FRAME_CALL,    FRAME_REPLY, FRAME_MESSAGE,
	};
	uint8_t body[64] = { 0 };
	uint8_t kind = kinds[take(input) % 16];
	const char *subject = subjects[take(input) % 16];
	uint8_t shape = take(input);
	struct frame frame = {
		.kind = kind,
		.correlation = small_id(actor, kind, take(input)),
		.time_left_ms = 1 + take(input),
	};
	size_t n = 0;

	if (kind <= FRAME_REPLY) {
		send_part(actor, &frame, subject, shape, input);
		return;
	}
	if (kind == FRAME_SUBSCRIBE)
		n = subscribe_body(body, shape, input);
	else if (kind == FRAME_SERVE)
		n = serve_body(body, shape);
	else if (kind == FRAME_ACK)
		n = ack_body(body, shape, input);
	else if (kind == FRAME_UNSUBSCRIBE || kind == FRAME_UNSERVE)
		n = id_body(body, shape);
	if (kind != FRAME_SUBSCRIBE && kind != FRAME_SERVE)
		subject = "";
	send_frame(actor, &frame, subject, body, n);
}

static void deed_bytes(struct actor *actor, struct input *input)
{
	size_t n = take(input);

	if (n > input->n)
		n = input->n;
	hostile_send_bytes(actor->channel, input->bytes, n);
	input->bytes += n;
	input->n -= n;
}

static void deed_credit(struct actor *actor, struct input *input)
{
	struct frame frame = { .kind = FRAME_CREDIT };
	uint8_t body[16] = { 1 + take(input) % 4, 0, 0, 0, take(input) };

	body[8] = take(input);
	body[9] = take(input);
	send_frame(actor, &frame, "", body, sizeof(body));
}

static size_t put_text(uint8_t *body, uint8_t field, const char *text)
{
	size_t n = strlen(text);

	body[0] = (uint8_t)(field << 3 | 2);
	body[1] = (uint8_t)n;
	memcpy(body + 2, text, n);
	return 2 + n;
}

static void announce(struct actor *actor, uint8_t handle, uint8_t pick)
{
	static const char *const names[] = {
		"uid:1",       "uid:2", "vm:a/uid:1",  "vm:a",
		"vm:a/../b",   "",      "a:1/b:2/c:3", "vm:h0",
		"a:/b:",       "uid:1", "1/2/3/4",     "uid:1/",
		"a:1/b:2/c:3", "uid:3", "vm:a/uid:2",  "uid:4",
	};
	struct frame frame = { .kind = FRAME_PEER };
	uint8_t body[64];
	size_t n = put(body, 1, handle);

	n += put_text(body + n, 2, names[pick % 16]);
	n += put_text(body + n, 3, names[pick / 16 % 16]);
	body[n++] = 4 << 3 | 1;
	le64_store(body + n, pick != 255);
	send_frame(actor, &frame, "", body, n + 8);
}

static void forget(struct actor *actor, uint8_t handle)
{
	struct frame frame = { .kind = FRAME_FORGET };
	uint8_t body[8];

	send_frame(actor, &frame, "", body, put(body, 1, handle));
}

static void cross(struct actor *actor, const char *subject, uint8_t shape)
{
	struct frame frame = { .kind = FRAME_SUBSCRIBE };
	uint8_t body[32];
	size_t n = put(body, 1, 1 + shape % 8);

	n += put(body + n, 4, shape >> 5);
	n += put(body + n, 5, 1000);
	n += put(body + n, 10, 5 + (shape >> 3) % 4);
	send_frame(actor, &frame, subject, body, n);
}

static void deed_leaf(struct actor *actor, struct input *input)
{
	uint8_t what = take(input);
	uint8_t handle = what >> 2 & 3;

	switch (what & 3) {
	case 0:
		announce(actor, handle, take(input));
		break;
	case 1:
		forget(actor, handle);
		break;
	case 2:
		cross(actor, subjects[take(input) % 16], take(input));
		break;
	case 3:
		actor->speaks_for = handle;
	}
}

static void deed_schema(struct actor *actor, struct input *input)
{
	uint8_t shape = take(input);

	if ((shape & 0xc3) == 0xc3)
		hostile_registry_say(take(input));
	else
		hostile_schema(actor->channel, actor->speaks_for, shape,
			       take(input));
}

/* Of a call that it has made, or that it has got. */
static void deed_stream(struct actor *actor, struct input *input)
{
	uint8_t pick = take(input);
	uint64_t id = 1 + pick % 4;
	uint8_t shape = take(input);

	if (pick & 128)
		id = small_id(actor, FRAME_REPLY, pick);
	hostile_stream(actor->channel, id, shape, take(input));
}

static void act(struct input *input)
{
	uint8_t first = take(input);
	struct actor *actor = &actors[first % N_HOSTILE];

	revive(actor);
	if (first >= FIRST_OF_LEAF) {
		deed_leaf(actor, input);
		return;
	}
	if (first >= FIRST_OF_SCHEMA) {
		deed_schema(actor, input);
		return;
	}
	if (first >= FIRST_OF_STREAM) {
		deed_stream(actor, input);
		return;
	}
	switch (first / N_HOSTILE % N_DEEDS) {
	case DEED_FRAME:
		deed_frame(actor, input);
		break;
	case DEED_PLAIN:
		deed_plain(actor, input);
		break;
	case DEED_BYTES:
		deed_bytes(actor, input);
		break;
	case DEED_CREDIT:
		deed_credit(actor, input);
		break;
	case DEED_READ:
		hostile_settle(&bus, now_ns);
		read_all(actor);
		break;
	case DEED_WAIT:
		now_ns += take(input) * (200 * NS_PER_MS);
		break;
	case DEED_LEAVE:
		leave(actor);
		break;
	case DEED_TURN:
		bus_turn(&bus, now_ns);
		break;
	case DEED_POLICY:
		hostile_settle(&bus, now_ns);
		bus_set_policy(&bus,
			       hostile_policy(take(input) % 2 ? wide : narrow));
		break;
	}
}

static void end_world(void)
{
	const char *what;

	for (unsigned i = 0; i < N_PEERS; i++)
		if (actors[i].channel)
			leave(&actors[i]);
	hostile_settle(&bus, now_ns);
	what = leftover(&bus, &ledger);
	if (what)
		fprintf(stderr, "still there: %s\n", what);
	FUZZ_CHECK(!what);
	ledger_close(&ledger);
	bus_deinit(&bus);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input input = { .bytes = bytes, .n = n };

	diag_init("fuzz", DIAG_ERROR);
	now_ns = clock_now_ns();
	n_said = n_heard = 0;
	FUZZ_CHECK(!bus_init(&bus, hostile_policy(wide), &bus_default_limits));
	hostile_registry_init(&bus);
	join_honest();
	say();
	for (unsigned i = 0; input.n; i++) {
		act(&input);
		if (i % 16 == 0)
			say();
	}
	say();
	end_world();
	return 0;
}
