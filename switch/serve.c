/* SPDX-License-Identifier: MIT */

#include "switch/serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/subject.h"
#include "switch/answer.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/control.h"
#include "switch/endpoint.h"
#include "switch/envoy.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/waiting.h"

enum { METHODS_MAX = 512, TEXT_BYTES = 900 };

static int judge(const struct speaker *speaker, const char *name, size_t n,
		 char text[TEXT_BYTES])
{
	/* The switch's own service needs nobody's leave. */
	if (speaker->peer->channel->evidence.kind == EVIDENCE_INSIDE)
		return STATUS_OK;
	if (speaker_may(speaker, VERB_SERVE, name, n, text, TEXT_BYTES))
		return STATUS_OK;
	return STATUS_PERMISSION_DENIED;
}

static int take_methods(const Helio__Bus__V1__Serve *asked, size_t n_service,
			struct name methods[METHODS_MAX], char text[TEXT_BYTES])
{
	if (asked->n_methods > METHODS_MAX) {
		snprintf(text, TEXT_BYTES, "more than %d methods", METHODS_MAX);
		return STATUS_INVALID_ARGUMENT;
	}
	for (size_t i = 0; i < asked->n_methods; i++) {
		const char *method = asked->methods[i];
		size_t n = strlen(method);

		if (!subject_is_valid(method, n) || memchr(method, '.', n) ||
		    n_service + 1 + n > SUBJECT_MAX_BYTES) {
			snprintf(text, TEXT_BYTES,
				 "method %zu has no name that can be called",
				 i);
			return STATUS_INVALID_ARGUMENT;
		}
		methods[i] = (struct name){ .text = method, .n = n };
	}
	return STATUS_OK;
}

static int check(const struct peer *peer, const struct inbound *inbound,
		 char text[TEXT_BYTES])
{
	const char *name = inbound->subject;
	size_t n = inbound->frame.n_subject;

	if (!subject_is_valid(name, n)) {
		snprintf(text, TEXT_BYTES, "this is not a subject");
		return STATUS_INVALID_ARGUMENT;
	}
	if (*name == '$') {
		snprintf(text, TEXT_BYTES,
			 "subjects below $ are the switch's own");
		return STATUS_PERMISSION_DENIED;
	}
	if (peer_n_held(peer) >= peer->bus->limits.subscriptions_max) {
		snprintf(text, TEXT_BYTES,
			 "%s has %u subscriptions and registrations, and may "
			 "have no more on a channel",
			 peer_path(peer), peer->bus->limits.subscriptions_max);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	return judge(inbound->speaker, name, n, text);
}

static int make(struct speaker *speaker,
		const struct registration_options *options,
		struct registration **ret_registration, char text[TEXT_BYTES])
{
	int r = registration_new(speaker, options, ret_registration);

	if (!r)
		return STATUS_OK;
	if (r == -EDQUOT)
		account_full_text(speaker->account, RESOURCE_SUBSCRIPTIONS,
				  text, TEXT_BYTES);
	else if (r == -E2BIG)
		snprintf(text, TEXT_BYTES,
			 "the service is served with %d schemas already",
			 SERVICE_SCHEMAS_MAX);
	else
		snprintf(text, TEXT_BYTES, "out of memory");
	return STATUS_RESOURCE_EXHAUSTED;
}

static int take_schema(const Helio__Bus__V1__Serve *asked,
		       struct registration_options *options,
		       char text[TEXT_BYTES])
{
	if (!asked->has_schema_hash)
		return STATUS_OK;
	if (asked->schema_hash.len != SCHEMA_HASH_BYTES) {
		snprintf(text, TEXT_BYTES, "the hash of a schema has %d bytes",
			 SCHEMA_HASH_BYTES);
		return STATUS_INVALID_ARGUMENT;
	}
	if (!asked->n_methods) {
		snprintf(text, TEXT_BYTES,
			 "what has no methods has no schema either");
		return STATUS_INVALID_ARGUMENT;
	}
	/* Who judges is not judged. */
	if (!schema_is_exempt(options->name, options->n_name))
		options->schema_hash = asked->schema_hash.data;
	return STATUS_OK;
}

static void open_up(struct registration *registration)
{
	static const char registry[] = "helio.registry.v1.Registry";

	registration_enter(registration);
	waiting_wake(registration);
	if (registration->n_name == sizeof(registry) - 1 &&
	    !memcmp(registration->name, registry, sizeof(registry) - 1))
		verdicts_registry_came(&registration->bus->verdicts);
}

/* The registry need not be asked, or cannot be. */
static void settle(struct registration *registration, uint64_t correlation,
		   enum outlook outlook)
{
	struct peer *peer = registration->receiver.peer;
	const char *away = peer->bus->verdicts.away;

	if (outlook == OUTLOOK_GOOD) {
		answer_served(peer, correlation, registration->instance);
		open_up(registration);
		return;
	}
	registration_free(registration);
	answer(peer, correlation, STATUS_UNAVAILABLE,
	       outlook == OUTLOOK_AWAY
		       ? away
		       : "helio-registry is asked too often: try later");
}

static void admit(struct registration *registration, uint64_t correlation)
{
	struct peer *peer = registration->receiver.peer;
	enum outlook outlook = verdict_of_registration(registration);

	if (outlook != OUTLOOK_ASKED) {
		settle(registration, correlation, outlook);
		return;
	}
	if (!answer_promise(peer, correlation, registration))
		return;
	registration_free(registration);
	answer(peer, correlation, STATUS_RESOURCE_EXHAUSTED,
	       "too much is asked at a time");
}

void serve_decide(struct registration *registration, enum status status,
		  const char *text)
{
	answer_keep(registration->promised, status, text,
		    status ? 0 : registration->instance);
	if (status)
		registration_free(registration);
	else
		open_up(registration);
}

void serve(struct peer *peer, const struct inbound *inbound)
{
	const Helio__Bus__V1__Serve *asked;
	struct name methods[METHODS_MAX];
	struct registration_options options;
	struct registration *registration = NULL;
	ProtobufCMessage *unpacked;
	char text[TEXT_BYTES];
	int r;

	if (control_unpack(peer, inbound, &helio__bus__v1__serve__descriptor,
			   &unpacked))
		return;
	asked = (const Helio__Bus__V1__Serve *)unpacked;
	if (receiver_refuse_id(peer, asked->id, inbound->frame.correlation))
		return;
	options = (struct registration_options){
		.id = asked->id,
		.name = inbound->subject,
		.n_name = inbound->frame.n_subject,
		.methods = methods,
		.n_methods = asked->n_methods,
		.credit_calls = asked->credit_calls,
		.credit_bytes = asked->credit_bytes,
	};
	r = check(peer, inbound, text);
	if (!r)
		r = take_methods(asked, options.n_name, methods, text);
	if (!r)
		r = take_schema(asked, &options, text);
	if (!r)
		r = make(inbound->speaker, &options, &registration, text);
	if (r) {
		ask_answer(peer, inbound->frame.correlation, (enum status)r,
			   text);
		return;
	}
	if (peer->bus->uplink && !peer_is_inside(peer)) {
		registration_enter(registration);
		envoy_serve(peer->bus->uplink, registration, asked,
			    inbound->frame.correlation);
		return;
	}
	admit(registration, inbound->frame.correlation);
}

void unserve(struct peer *peer, const struct inbound *inbound)
{
	struct receiver *receiver = NULL;

	if (inbound_body_bytes(inbound) == sizeof(uint32_t))
		receiver = receiver_lookup(
			peer,
			le32_load(inbound->tail + inbound->frame.n_metadata));
	if (!receiver || receiver->kind != RECEIVER_REGISTRATION) {
		ask_answer(peer, inbound->frame.correlation, STATUS_NOT_FOUND,
			   "there is no registration of this id");
		return;
	}
	registration_free(
		container_of(receiver, struct registration, receiver));
	ask_answer(peer, inbound->frame.correlation, STATUS_OK, "");
}

void serve_judge(struct registration *registration)
{
	const struct speaker *speaker = registration->receiver.speaker;
	char text[TEXT_BYTES];
	int r;

	r = judge(speaker, registration->name, registration->n_name, text);
	if (!r)
		return;
	if (registration->promised)
		answer_keep(registration->promised, (enum status)r, text, 0);
	else
		peer_send_status(speaker->peer, FRAME_RESULT,
				 FRAME_SWITCH_DRAWN | registration->receiver.id,
				 (enum status)r, text);
	registration_free(registration);
}
