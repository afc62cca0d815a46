/* SPDX-License-Identifier: MIT */

#include "switch/registry.h"

#include <stdio.h>

#include "helio/registry/v1/registry.pb-c.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"
#include "switch/bus.h"
#include "switch/verdict.h"

enum {
	/* Some schemas take long to compare, and others may be compared before.
	 */
	TIMEOUT_MS = 10 * 1000,
	/* A name of 255 bytes, two hashes, and what stands around them. */
	QUESTION_MAX_BYTES = 400,
	ARENA_BYTES = 16 * 1024,
	TEXT_BYTES = 600,
};

static ProtobufCBinaryData hash_of(struct schema *schema)
{
	return (ProtobufCBinaryData){ .len = SCHEMA_HASH_BYTES,
				      .data = schema->hash };
}

static size_t pack_admit(const struct verdict *verdict, char *service,
			 uint8_t *out)
{
	Helio__Registry__V1__AdmitRequest asked =
		HELIO__REGISTRY__V1__ADMIT_REQUEST__INIT;

	asked.service = service;
	asked.has_hash = 1;
	asked.hash = hash_of(verdict->server);
	return helio__registry__v1__admit_request__pack(&asked, out);
}

static size_t pack_judge(const struct verdict *verdict, char *service,
			 uint8_t *out)
{
	Helio__Registry__V1__JudgeRequest asked =
		HELIO__REGISTRY__V1__JUDGE_REQUEST__INIT;

	asked.service = service;
	asked.has_client = asked.has_server = 1;
	asked.client = hash_of(verdict->client);
	asked.server = hash_of(verdict->server);
	return helio__registry__v1__judge_request__pack(&asked, out);
}

/* The registry is no stranger, but nothing of it has to be believed either. */
static void take_judgement(struct verdict *verdict,
			   const struct helio_message *message)
{
	_Alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	const Helio__Registry__V1__Judgement *said;
	ProtobufCMessage *unpacked;
	char text[TEXT_BYTES];

	if (unpack(&helio__registry__v1__judgement__descriptor, message->body,
		   message->n_body, &arena, &unpacked)) {
		verdict_answer(verdict, ANSWER_FAILED,
			       "it says what is no judgement");
		return;
	}
	said = (const Helio__Registry__V1__Judgement *)unpacked;
	snprintf(text, sizeof(text), "%s", said->text ? said->text : "");
	verdict_answer(verdict, said->compatible ? ANSWER_GOOD : ANSWER_BAD,
		       text);
}

/* What the bus says in its place is that it cannot be asked, or is late. */
static enum answer_kind kind_of(const struct helio_reply *reply)
{
	if (reply->is_from_bus)
		return reply->status == HELIO_DEADLINE_EXCEEDED ||
				       reply->status == HELIO_RESOURCE_EXHAUSTED
			       ? ANSWER_LATE
			       : ANSWER_AWAY;
	switch (reply->status) {
	case HELIO_NOT_FOUND:
		return ANSWER_NOT_FOUND;
	case HELIO_INVALID_ARGUMENT:
	case HELIO_FAILED_PRECONDITION:
	case HELIO_PERMISSION_DENIED:
		return ANSWER_BAD;
	default:
		return ANSWER_FAILED;
	}
}

static int start(struct helio *client, struct verdict *verdict);

/* It has as many calls as it takes: this one waits there until it has fewer. */
static bool wait_there(struct verdict *verdict, const struct helio_reply *reply)
{
	if (!reply->is_from_bus || reply->status != HELIO_RESOURCE_EXHAUSTED ||
	    verdict->waits_there)
		return false;
	verdict->waits_there = true;
	return !start(verdict->bus->verdicts.userdata, verdict);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct verdict *verdict = userdata;

	if (reply->status && wait_there(verdict, reply))
		return;
	if (reply->status)
		verdict_answer(verdict, kind_of(reply), reply->reason);
	else if (verdict->client)
		take_judgement(verdict, reply->message);
	else
		verdict_answer(verdict, ANSWER_GOOD, NULL);
}

/* Only one that is there and busy is waited for: else who asks is told. */
static int start(struct helio *client, struct verdict *verdict)
{
	const struct helio_call_options options = {
		.timeout_ms = TIMEOUT_MS,
		.is_waiting = verdict->waits_there,
		.is_patient = true,
	};
	const struct schema *server = verdict->server;
	char service[SUBJECT_MAX_BYTES + 1];
	uint8_t body[QUESTION_MAX_BYTES];
	struct helio_call *call;
	size_t n_body;

	snprintf(service, sizeof(service), "%.*s", (int)server->n_name,
		 server->name);
	n_body = verdict->client ? pack_judge(verdict, service, body)
				 : pack_admit(verdict, service, body);
	return helio_call_start(
		client,
		verdict->client ? "helio.registry.v1.Registry.Judge"
				: "helio.registry.v1.Registry.Admit",
		body, n_body, &options, on_reply, verdict, &call);
}

static int ask(void *userdata, struct verdict *verdict)
{
	return start(userdata, verdict);
}

void registry_ask_by(struct bus *bus, struct helio *client)
{
	bus->verdicts.ask = ask;
	bus->verdicts.userdata = client;
}
