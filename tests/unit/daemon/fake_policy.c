/* SPDX-License-Identifier: MIT */

#include "tests/unit/daemon/fake_policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "helio/switch/v1/switch.pb-c.h"

struct helio_call {
	struct list link;
	struct fake_question question;
};

struct fake_policy fake_policy;

static struct list calls = LIST_INIT(calls);

void fake_policy_reset(void)
{
	assert_true(list_is_empty(&calls));
	fake_policy = (struct fake_policy){ .generation = 1 };
}

struct helio *fake_policy_bus(void)
{
	static char bus;

	return (void *)&bus;
}

static struct helio_call *next(void)
{
	assert_false(list_is_empty(&calls));
	return container_of(calls.next, struct helio_call, link);
}

const struct fake_question *fake_policy_next(void)
{
	return &next()->question;
}

static void answer(const struct helio_reply *reply)
{
	struct helio_call *call = next();

	list_unlink(&call->link);
	fake_policy.n_under_way--;
	call->question.on_reply(call, reply, call->question.userdata);
	free(call);
}

void fake_policy_answer_bytes(const void *bytes, size_t n)
{
	const struct helio_message message = { .body = bytes, .n_body = n };
	const struct helio_reply reply = { .status = HELIO_OK,
					   .reason = "",
					   .message = &message };

	answer(&reply);
}

void fake_policy_answer(const char *refusal)
{
	Helio__Switch__V1__CheckReply reply =
		HELIO__SWITCH__V1__CHECK_REPLY__INIT;
	uint8_t bytes[512];

	reply.has_allowed = reply.has_policy_generation = 1;
	reply.allowed = !refusal;
	reply.policy_generation = fake_policy.generation;
	reply.text = (char *)(uintptr_t)refusal;
	assert_true(protobuf_c_message_get_packed_size(&reply.base) <=
		    sizeof(bytes));
	fake_policy_answer_bytes(bytes,
				 protobuf_c_message_pack(&reply.base, bytes));
}

void fake_policy_fail(unsigned status)
{
	const struct helio_reply reply = { .status = status,
					   .reason = "it is away" };

	answer(&reply);
}

/* The library, as far as a question uses it. */

int helio_call_start(struct helio *bus, const char *subject, const void *body,
		     size_t n_body, const struct helio_call_options *options,
		     helio_reply_fn on_reply, void *userdata,
		     struct helio_call **ret_call)
{
	struct helio_call *call;
	Helio__Switch__V1__CheckRequest *request;

	assert_ptr_equal(bus, fake_policy_bus());
	assert_string_equal(subject, "helio.switch.v1.Switch.Check");
	if (fake_policy.r < 0)
		return fake_policy.r;
	request = helio__switch__v1__check_request__unpack(NULL, n_body, body);
	if (!request)
		return -ENOMEM;
	call = calloc(1, sizeof(*call));
	if (!call) {
		helio__switch__v1__check_request__free_unpacked(request, NULL);
		return -ENOMEM;
	}
	call->question.on_reply = on_reply;
	call->question.userdata = userdata;
	snprintf(call->question.principal, sizeof(call->question.principal),
		 "%s", request->principal);
	snprintf(call->question.verb, sizeof(call->question.verb), "%s",
		 request->verb);
	snprintf(call->question.resource, sizeof(call->question.resource), "%s",
		 request->resource);
	helio__switch__v1__check_request__free_unpacked(request, NULL);
	list_init(&call->link);
	list_push_back(&calls, &call->link);
	fake_policy.n_asked++;
	fake_policy.n_under_way++;
	*ret_call = call;
	return 0;
}

void helio_call_cancel(struct helio_call *call)
{
	list_unlink(&call->link);
	fake_policy.n_under_way--;
	free(call);
}

const char *helio_principal(const struct helio *bus)
{
	return "vm:program";
}
