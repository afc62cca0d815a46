/* SPDX-License-Identifier: MIT */

#include "daemon/check.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "helio/switch/v1/switch.pb-c.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum { TIMEOUT_MS = 5000, BODY_BYTES = 1024, ARENA_BYTES = 4096 };

static const char subject[] = "helio.switch.v1.Switch.Check";

static void tell(struct check *check, int r, const char *text)
{
	const struct check_verdict none = { .text = text };

	check->on_verdict(check, r, &none);
}

/* It stands in memory that the switch writes to: copied, then read. */
static void take_body(struct check *check, const struct helio_message *message)
{
	_Alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	const Helio__Switch__V1__CheckReply *reply;
	struct check_verdict verdict;
	uint8_t copy[BODY_BYTES];
	ProtobufCMessage *unpacked;

	if (message->n_body && message->n_body <= sizeof(copy))
		memcpy(copy, message->body, message->n_body);
	if (message->n_body > sizeof(copy) ||
	    unpack(&helio__switch__v1__check_reply__descriptor, copy,
		   message->n_body, &arena, &unpacked)) {
		tell(check, -EBADMSG, "its answer cannot be read");
		return;
	}
	reply = (const void *)unpacked;
	verdict = (struct check_verdict){
		.is_allowed = reply->allowed,
		.text = reply->text ? reply->text : "denied",
		.generation = reply->policy_generation,
	};
	check->on_verdict(check, 0, &verdict);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct check *check = userdata;

	(void)call;
	check->call = NULL;
	if (reply->status == HELIO_OK)
		take_body(check, reply->message);
	else
		tell(check, -ENOTCONN, reply->reason);
}

int check_start(struct check *check, struct helio *bus, const char *principal,
		const char *verb, const char *resource)
{
	const struct helio_call_options options = {
		.timeout_ms = TIMEOUT_MS,
		.is_patient = true,
	};
	Helio__Switch__V1__CheckRequest request =
		HELIO__SWITCH__V1__CHECK_REQUEST__INIT;
	uint8_t body[BODY_BYTES];

	/* What is packed is not written to. */
	request.principal = (char *)(uintptr_t)principal;
	request.verb = (char *)(uintptr_t)verb;
	request.resource = (char *)(uintptr_t)resource;
	if (protobuf_c_message_get_packed_size(&request.base) > sizeof(body))
		return -EMSGSIZE;
	return helio_call_start(bus, subject, body,
				protobuf_c_message_pack(&request.base, body),
				&options, on_reply, check, &check->call);
}

void check_cancel(struct check *check)
{
	if (check->call)
		helio_call_cancel(check->call);
	check->call = NULL;
}
