/* SPDX-License-Identifier: MIT */

#include "rpc/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"
#include "rpc/ack.h"
#include "rpc/binding.h"
#include "rpc/call.h"
#include "rpc/client.h"
#include "rpc/incoming.h"
#include "rpc/request.h"

#define BACKOFF_MIN_NS  (50 * NS_PER_MS)
#define BACKOFF_MAX_NS  (1 * NS_PER_S) /* back within 1 s of the switch */
#define GREETING_MAX_NS (5 * NS_PER_S)

enum {
	PROTOCOL_VERSION = 1,
	FRAGMENT_MIN_BYTES = 1024,
	FLUSH_MAX_BYTES = 64 * 1024,
	HELLO_MAX_BYTES = 1024,
	WELCOME_MAX_BYTES = 4096,
	WELCOME_ARENA_BYTES = 16 * 1024,
};

/* Half of it, and a random part of the other half. */
static uint64_t jitter(uint64_t ns)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return ns / 2 + (ns / 2) * random / UINT32_MAX;
}

/* One that lasted is no reason to wait long for the next. */
static void plan_retry(struct helio *bus)
{
	if (!bus->backoff_ns ||
	    (bus->connected_at_ns &&
	     bus->now_ns - bus->connected_at_ns > BACKOFF_MAX_NS))
		bus->backoff_ns = BACKOFF_MIN_NS;
	bus->retry_at_ns = bus->now_ns + jitter(bus->backoff_ns);
	bus->backoff_ns *= 2;
	if (bus->backoff_ns > BACKOFF_MAX_NS)
		bus->backoff_ns = BACKOFF_MAX_NS;
	bus->connected_at_ns = 0;
}

static void on_ready(struct channel *channel)
{
	struct helio *bus = channel->owner;

	bus->is_armed = false;
}

static void on_greeting_expired(struct deadline *deadline)
{
	client_fail(container_of(deadline, struct helio, greeting), -ETIMEDOUT,
		    "the switch does not answer");
}

static int push_hello(struct helio *bus)
{
	Helio__Bus__V1__Hello hello = HELIO__BUS__V1__HELLO__INIT;
	struct frame frame = { .kind = FRAME_HELLO };
	uint8_t *room;
	int r;

	hello.has_version_min = true;
	hello.version_min = PROTOCOL_VERSION;
	hello.has_version_max = true;
	hello.version_max = PROTOCOL_VERSION;
	hello.program = bus->program;
	hello.has_message_max = true;
	hello.message_max = bus->message_max;

	frame_set_body(&frame, helio__bus__v1__hello__get_packed_size(&hello));
	r = outbox_push(bus, frame.length, &room);
	if (r < 0)
		return r;
	room += frame_encode(&frame, room);
	helio__bus__v1__hello__pack(&hello, room);
	return 0;
}

void session_greet(struct helio *bus, struct channel *channel)
{
	int r;

	channel->owner = bus;
	channel->on_ready = on_ready;
	bus->channel = channel;
	bus->phase = PHASE_GREETING;
	bus->fault = 0;
	bus->is_armed = false;
	bus->greeting.on_expiry = on_greeting_expired;
	r = push_hello(bus);
	if (!r)
		r = deadlines_add(&bus->deadlines, &bus->greeting,
				  bus->now_ns + GREETING_MAX_NS);
	if (r < 0)
		client_fail(bus, r, "no memory");
}

int session_connect(struct helio *bus)
{
	struct channel *channel;
	int r;

	r = bus->transport->connect(&bus->poller, bus->rest,
				    &bus->transport_options, &channel);
	if (r < 0) {
		client_set_error(bus, strerror(-r), strlen(strerror(-r)));
		plan_retry(bus);
		return r;
	}
	session_greet(bus, channel);
	return 0;
}

static void set_state(struct helio *bus, enum phase phase)
{
	bus->phase = phase;
	if (bus->on_state)
		bus->on_state(bus, helio_state(bus), bus->userdata);
}

static void on_renewed(struct inquiry *inquiry, const struct result *result)
{
	struct helio *bus = container_of(inquiry, struct helio, renewed);

	if (!result)
		return;
	bus->connected_at_ns = bus->now_ns;
	bus->error[0] = '\0';
	set_state(bus, PHASE_CONNECTED);
}

/* The limits that the switch sets, checked against what the protocol allows. */
static bool take_limits(struct helio *bus,
			const Helio__Bus__V1__Welcome *welcome)
{
	size_t flush_bytes = bus->channel->n_out_max / 2;

	if (welcome->version != PROTOCOL_VERSION || !welcome->principal ||
	    strlen(welcome->principal) > PRINCIPAL_MAX_BYTES ||
	    welcome->fragment_bytes < FRAGMENT_MIN_BYTES ||
	    welcome->fragment_bytes > FRAME_MAX_BYTES)
		return false;
	memcpy(bus->principal, welcome->principal,
	       strlen(welcome->principal) + 1);
	bus->fragment_bytes = welcome->fragment_bytes;
	bus->send_max = welcome->has_message_max ? welcome->message_max
						 : MESSAGE_MAX_DEFAULT;
	flows_keep_alive(bus, welcome->stream_idle_ms);
	bus->flush_bytes =
		flush_bytes < FLUSH_MAX_BYTES ? flush_bytes : FLUSH_MAX_BYTES;
	return true;
}

static bool unpack_welcome(struct helio *bus, const uint8_t *body, size_t n)
{
	_Alignas(16) uint8_t memory[WELCOME_ARENA_BYTES];
	uint8_t copy[WELCOME_MAX_BYTES];
	struct unpack_arena arena = {
		.bytes = memory,
		.n_bytes = sizeof(memory),
	};
	ProtobufCMessage *message;

	if (n > sizeof(copy))
		return false;
	memcpy(copy, body, n);
	if (unpack(&helio__bus__v1__welcome__descriptor, copy, n, &arena,
		   &message))
		return false;
	return take_limits(bus, (const Helio__Bus__V1__Welcome *)message);
}

void session_welcome(struct helio *bus, const struct frame *frame,
		     const uint8_t *body)
{
	if (bus->phase != PHASE_GREETING) {
		client_violation(bus, "WELCOME again");
		return;
	}
	if (!unpack_welcome(bus, body, frame_body_bytes(frame))) {
		client_violation(bus, "a malformed WELCOME");
		return;
	}
	deadlines_remove(&bus->deadlines, &bus->greeting);
	bus->phase = PHASE_RENEWING;
	bindings_renew(bus);
	registrations_renew(bus);
	bus->renewed.kind = FRAME_SYNC;
	bus->renewed.on_result = on_renewed;
	inquiry_ask(&bus->renewed, bus);
}

/* To these the answer will be the same the next time. */
static bool is_final(unsigned status)
{
	return status == HELIO_FAILED_PRECONDITION ||
	       status == HELIO_PERMISSION_DENIED ||
	       status == HELIO_UNAUTHENTICATED;
}

void session_part(struct helio *bus, const struct frame *frame,
		  const uint8_t *body)
{
	char reason[INCOMING_TEXT_MAX_BYTES + 1];

	incoming_text(body, frame_body_bytes(frame), reason);
	if (bus->phase == PHASE_GREETING && is_final(frame->status))
		bus->no_reconnect = true;
	client_fail(bus, frame->status ? client_errno(frame->status) : -EPIPE,
		    "%s", *reason ? reason : helio_status_name(frame->status));
}

/* Handles, fragments and what was to be sent belong to the one that is over. */
static void clear(struct helio *bus)
{
	bus->channel = channel_free(bus->channel);
	frame_reader_deinit(&bus->reader);
	outbox_clear(&bus->outbox);
	handles_clear(&bus->handles);
	assemblies_clear(&bus->assemblies);
	deadlines_remove(&bus->deadlines, &bus->greeting);
	bus->wants_room = false;
}

/* The phase changes first, so that callbacks find that they cannot send. */
void session_lose(struct helio *bus)
{
	bool was_connected = bus->phase == PHASE_CONNECTED;
	bool is_end = bus->no_reconnect || !bus->transport;

	clear(bus);
	plan_retry(bus);
	bus->phase = is_end ? PHASE_CLOSED : PHASE_WAITING;
	inquiries_lose(bus);
	helio_requests_lose(bus);
	registrations_lose(bus);
	helio_calls_lose(bus);
	acks_lose(bus);
	if (was_connected || is_end)
		set_state(bus, bus->phase);
}
