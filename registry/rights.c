/* SPDX-License-Identifier: MIT */

#include "registry/rights.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/switch/v1/switch.pb-c.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum { TIMEOUT_MS = 5000, BODY_BYTES = 1024, ARENA_BYTES = 4096 };

void rights_init(struct rights *rights, struct helio *bus,
		 const char *principal, rights_fn on_verdict, void *userdata)
{
	*rights = (struct rights){ .bus = bus,
				   .principal = principal,
				   .on_verdict = on_verdict,
				   .userdata = userdata };
}

void rights_deinit(struct rights *rights)
{
	if (rights->call)
		helio_call_cancel(rights->call);
	rights->call = NULL;
	free(rights->asked);
	rights->asked = NULL;
}

void rights_clear(struct rights *rights)
{
	rights->n_asked = 0;
	rights->next = 0;
	*rights->refusal = '\0';
}

int rights_add(struct rights *rights, const char *verb, const char *format, ...)
{
	struct right *right;
	va_list arguments;

	if (rights->n_asked == RIGHTS_MAX)
		return 0;
	if (!rights->asked)
		rights->asked = calloc(RIGHTS_MAX, sizeof(*rights->asked));
	if (!rights->asked)
		return -ENOMEM;
	right = &rights->asked[rights->n_asked++];
	right->verb = verb;
	va_start(arguments, format);
	vsnprintf(right->resource, sizeof(right->resource), format, arguments);
	va_end(arguments);
	return 0;
}

static void tell(struct rights *rights, enum rights_verdict verdict,
		 const char *text)
{
	rights->on_verdict(rights->userdata, verdict, text);
}

/* Several are asked about when any of them shows a package. */
static void refuse(struct rights *rights, const char *why)
{
	const struct right *right = &rights->asked[rights->next];

	snprintf(rights->refusal, sizeof(rights->refusal),
		 "%s may not %s %s%s: %s", rights->principal, right->verb,
		 right->resource,
		 rights->n_asked > 1 ? ", nor call any of it" : "", why);
}

/* Returns whether the answer is yes; no notes the first reason. */
static bool take_reply(struct rights *rights, const struct helio_message *reply)
{
	_Alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	const Helio__Switch__V1__CheckReply *check;
	ProtobufCMessage *message;

	if (unpack(&helio__switch__v1__check_reply__descriptor, reply->body,
		   reply->n_body, &arena, &message))
		return false;
	check = (const void *)message;
	if (!check->allowed && !*rights->refusal)
		refuse(rights, check->text ? check->text : "denied");
	return check->allowed;
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct rights *rights = userdata;
	char text[RIGHTS_TEXT_BYTES];

	rights->call = NULL;
	if (reply->status != HELIO_OK) {
		snprintf(text, sizeof(text), "the switch cannot be asked: %s",
			 reply->reason);
		tell(rights, RIGHTS_UNKNOWN, text);
	} else if (take_reply(rights, reply->message)) {
		tell(rights, RIGHTS_YES, "");
	} else if (++rights->next == rights->n_asked) {
		tell(rights, RIGHTS_NO, rights->refusal);
	} else if (rights_ask(rights) < 0) {
		tell(rights, RIGHTS_UNKNOWN, "the switch cannot be asked");
	}
}

int rights_ask(struct rights *rights)
{
	const struct helio_call_options options = { .timeout_ms = TIMEOUT_MS };
	const struct right *right = &rights->asked[rights->next];
	Helio__Switch__V1__CheckRequest request =
		HELIO__SWITCH__V1__CHECK_REQUEST__INIT;
	uint8_t body[BODY_BYTES];

	/* What is packed is not written to. */
	request.principal = (char *)(uintptr_t)rights->principal;
	request.verb = (char *)(uintptr_t)right->verb;
	request.resource = (char *)(uintptr_t)right->resource;
	if (protobuf_c_message_get_packed_size(&request.base) > sizeof(body))
		return -EMSGSIZE;
	return helio_call_start(rights->bus, "helio.switch.v1.Switch.Check",
				body,
				protobuf_c_message_pack(&request.base, body),
				&options, on_reply, rights, &rights->call);
}
