/* SPDX-License-Identifier: MIT */

#include "daemon/sole.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "helio/switch/v1/switch.pb-c.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum {
	TIMEOUT_MS = 5000,
	PATIENCE_MS = 3000,
	AGAIN_MS = 100,
	/* One service, of which no more than 8 methods are told. */
	BODY_BYTES = 8 * 1024,
	ARENA_BYTES = 32 * 1024,
};

static const char subject[] = "helio.switch.v1.Switch.ListServices";

static int ask(struct sole *sole);

static void on_timer(struct helio *bus, void *userdata)
{
	struct sole *sole = userdata;

	(void)bus;
	sole->timer = NULL;
	if (ask(sole) < 0)
		sole->on_answer(sole, NULL);
}

/* A switch that does not know the filter tells others. */
static void take(struct sole *sole,
		 const Helio__Switch__V1__ListServicesReply *reply)
{
	const Helio__Switch__V1__Service *other =
		reply->n_services ? reply->services[0] : NULL;

	if (!other || !other->name || !other->principal ||
	    strcmp(other->name, sole->service) != 0)
		sole->on_answer(sole, NULL);
	else if (clock_now_ns() >= sole->until_ns ||
		 helio_timer_start(sole->bus, AGAIN_MS, on_timer, sole,
				   &sole->timer) < 0)
		sole->on_answer(sole, other->principal);
}

/* It stands in memory that the switch writes to: copied, then read. */
static void take_body(struct sole *sole, const struct helio_message *message)
{
	_Alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	uint8_t copy[BODY_BYTES];
	ProtobufCMessage *unpacked;

	if (message->n_body > sizeof(copy)) {
		sole->on_answer(sole, NULL);
		return;
	}
	if (message->n_body)
		memcpy(copy, message->body, message->n_body);
	if (unpack(&helio__switch__v1__list_services_reply__descriptor, copy,
		   message->n_body, &arena, &unpacked))
		sole->on_answer(sole, NULL);
	else
		take(sole, (const void *)unpacked);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct sole *sole = userdata;

	(void)call;
	sole->call = NULL;
	if (reply->status == HELIO_OK)
		take_body(sole, reply->message);
	else
		sole->on_answer(sole, NULL);
}

static int ask(struct sole *sole)
{
	const struct helio_call_options options = {
		.timeout_ms = TIMEOUT_MS,
		.is_patient = true,
	};
	Helio__Switch__V1__ListServicesRequest request =
		HELIO__SWITCH__V1__LIST_SERVICES_REQUEST__INIT;
	uint8_t body[512];

	/* What is packed is not written to. */
	request.name = (char *)(uintptr_t)sole->service;
	request.has_limit = 1;
	request.limit = 1;
	return helio_call_start(sole->bus, subject, body,
				protobuf_c_message_pack(&request.base, body),
				&options, on_reply, sole, &sole->call);
}

int sole_ask(struct sole *sole, struct helio *bus)
{
	sole->bus = bus;
	sole->until_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	return ask(sole);
}

void sole_cancel(struct sole *sole)
{
	helio_timer_cancel(sole->timer);
	if (sole->call)
		helio_call_cancel(sole->call);
	sole->timer = NULL;
	sole->call = NULL;
}
