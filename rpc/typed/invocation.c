/* SPDX-License-Identifier: MIT */

#include "rpc/typed/invocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "proto/pack.h"
#include "rpc/typed/client.h"
#include "rpc/typed/options.h"

enum {
	TIMEOUT_DEFAULT_MS = 30000,
	TRIES_DEFAULT = 5,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 5000,
};

static void try(struct invocation *invocation);

void invocation_free(struct invocation *invocation)
{
	if (invocation->call)
		helio_call_cancel(invocation->call);
	helio_timer_cancel(invocation->timer);
	newcomer_deinit(&invocation->newcomer);
	list_unlink(&invocation->link);
	if (invocation->is_small)
		spares_put(&invocation->client->spare, invocation);
	else
		free(invocation);
}

static void tell(struct helio_client *client, const struct helio_reply *reply,
		 const ProtobufCMessage *response, ProtobufCClosure closure,
		 void *closure_data)
{
	const struct helio_reply *before = client_begin_telling(client, reply);

	closure(response, closure_data);
	client_end_telling(client, before);
}

void invocation_refuse(struct helio_client *client, unsigned status,
		       const char *reason, ProtobufCClosure closure,
		       void *closure_data)
{
	const struct helio_reply reply = {
		.status = status,
		.reason = reason,
		.is_from_bus = true,
	};

	tell(client, &reply, NULL, closure, closure_data);
}

/* Freed before the closure, which may start another. */
static void end(struct invocation *invocation, const struct helio_reply *reply,
		const ProtobufCMessage *response)
{
	struct helio_client *client = invocation->client;
	ProtobufCClosure closure = invocation->closure;
	void *closure_data = invocation->closure_data;

	invocation->call = NULL;
	invocation_free(invocation);
	tell(client, reply, response, closure, closure_data);
}

static void succeed(struct invocation *invocation,
		    const struct helio_reply *reply)
{
	const ProtobufCMessage *response = NULL;
	struct intake *intake = invocation->intake;
	struct helio_reply bad = {
		.is_from_bus = true,
		.is_handed_over = true,
	};

	bad.status = intake_unpack(intake, invocation->method->output,
				   reply->message->body, reply->message->n_body,
				   "the response", &response);
	if (bad.status == HELIO_INVALID_ARGUMENT)
		bad.status = HELIO_INTERNAL;
	bad.reason = intake->reason;
	end(invocation, bad.status ? &bad : reply, response);
}

static bool may_repeat(const struct invocation *invocation,
		       const struct helio_reply *reply)
{
	if (reply->status != HELIO_UNAVAILABLE)
		return false;
	if (reply->is_from_bus && !reply->is_handed_over)
		return invocation->options.retry != HELIO_RETRY_NEVER;
	return invocation->options.retry == HELIO_RETRY_IDEMPOTENT &&
	       invocation->method->is_idempotent;
}

static uint64_t left_ms(const struct invocation *invocation)
{
	uint64_t now_ns = clock_coarse_ns();

	return invocation->deadline_ns > now_ns
		       ? (invocation->deadline_ns - now_ns) / NS_PER_MS
		       : 0;
}

/* Twice as long each time, of which a random half. */
static uint32_t backoff_ms(const struct invocation *invocation)
{
	uint32_t random = 0;
	uint32_t ms = BACKOFF_FIRST_MS;

	for (unsigned i = 1; i < invocation->n_tries && ms < BACKOFF_MAX_MS;
	     i++)
		ms *= 2;
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return ms / 2 + random % (ms / 2);
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct invocation *invocation = userdata;

	(void)bus;
	invocation->timer = NULL;
	try(invocation);
}

static bool helps_to_introduce(const struct invocation *invocation,
			       const struct helio_reply *reply)
{
	return !invocation->options.instance &&
	       introduction_helps(&invocation->client->introduction,
				  &invocation->newcomer, reply);
}

static void introduce(struct invocation *invocation)
{
	uint64_t ms = left_ms(invocation);

	introduction_wait(&invocation->client->introduction,
			  &invocation->newcomer, ms ? ms : 1);
}

static void fail(struct invocation *invocation, const struct helio_reply *reply)
{
	unsigned n_max = invocation->options.tries_max;
	uint32_t after_ms = backoff_ms(invocation);

	invocation->call = NULL;
	if (helps_to_introduce(invocation, reply)) {
		introduce(invocation);
		return;
	}
	if (!may_repeat(invocation, reply) ||
	    invocation->n_tries >= (n_max ? n_max : TRIES_DEFAULT) ||
	    after_ms >= left_ms(invocation) ||
	    helio_timer_start(invocation->client->bus, after_ms, on_timer,
			      invocation, &invocation->timer) < 0)
		end(invocation, reply, NULL);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	(void)call;
	if (reply->status)
		fail(userdata, reply);
	else
		succeed(userdata, reply);
}

/* What it needs is there, or will not be; that was no try of its own. */
static void on_introduced(struct newcomer *newcomer, unsigned status,
			  const char *reason)
{
	struct invocation *invocation =
		container_of(newcomer, struct invocation, newcomer);
	const struct helio_reply reply = {
		.status = status,
		.reason = reason,
		.is_from_bus = true,
	};

	if (status) {
		fail(invocation, &reply);
		return;
	}
	invocation->n_tries--;
	try(invocation);
}

/* The call could not even be sent. */
static void fail_to_start(struct invocation *invocation, int r)
{
	struct helio_reply reply = {
		.status = HELIO_UNAVAILABLE,
		.reason = "there is no connection",
		.is_from_bus = true,
	};

	if (r == -EAGAIN) {
		reply.reason = "too much waits to be sent";
	} else if (r == -ENOMEM) {
		reply.status = HELIO_RESOURCE_EXHAUSTED;
		reply.reason = "no memory";
	} else if (r != -ENOTCONN) {
		reply.status = HELIO_INVALID_ARGUMENT;
		reply.reason = strerror(-r);
	}
	fail(invocation, &reply);
}

static uint32_t timeout_ms(const struct helio_invoke_options *options)
{
	return options->timeout_ms ? options->timeout_ms : TIMEOUT_DEFAULT_MS;
}

/* The first begins now, without a look at the clock. */
static uint32_t timeout_of(const struct invocation *invocation)
{
	uint64_t ms;

	if (!invocation->n_tries)
		return timeout_ms(&invocation->options);
	ms = left_ms(invocation);
	return ms ? (uint32_t)ms : 1;
}

static void try(struct invocation *invocation)
{
	const struct helio_invoke_options *options = &invocation->options;
	struct helio_call_options call_options = {
		.timeout_ms = timeout_of(invocation),
		.is_waiting = options->is_waiting,
		.is_patient = true,
		.idempotency_key = options->idempotency_key,
		.traceparent = options->traceparent,
		.headers = options->headers,
		.n_headers = options->n_headers,
	};
	char text[SUBJECT_BYTES];
	const char *subject;
	int r = -EINVAL;

	invocation->n_tries++;
	subject = client_address(invocation->client, invocation->method,
				 options, &call_options, text);
	if (subject)
		r = helio_call_start(invocation->client->bus, subject,
				     invocation->body, invocation->n_body,
				     &call_options, on_reply, invocation,
				     &invocation->call);
	if (r < 0)
		fail_to_start(invocation, r);
}

/* The callee tells a repetition by it. */
static void draw_key(struct invocation *invocation)
{
	uint8_t random[(KEY_BYTES - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(invocation->key + 2 * i, 3, "%02x", random[i]);
	invocation->options.idempotency_key = invocation->key;
}

static int invocation_new(struct helio_client *client,
			  const struct helio_method_type *method,
			  const struct helio_invoke_options *options,
			  const struct packed *body,
			  struct invocation **ret_invocation)
{
	size_t n = sizeof(struct invocation) + body->n + options_bytes(options);
	bool is_small = n <= INVOCATION_BYTES;
	struct invocation *invocation;

	invocation = is_small ? spares_take(&client->spare, INVOCATION_BYTES)
			      : malloc(n);
	if (!invocation)
		return -ENOMEM;
	*invocation = (struct invocation){
		.client = client,
		.method = method,
		.intake = &client->intake,
		.options = *options,
		.deadline_ns =
			clock_coarse_ns() + timeout_ms(options) * NS_PER_MS,
		.n_body = body->n,
		.is_small = is_small,
	};
	if (body->n)
		memcpy(invocation->body, body->bytes, body->n);
	options_keep(&invocation->options, invocation->body + body->n);
	if (options->retry == HELIO_RETRY_IDEMPOTENT && method->is_idempotent &&
	    !options->idempotency_key)
		draw_key(invocation);
	newcomer_init(&invocation->newcomer, on_introduced);
	list_init(&invocation->link);
	list_push_back(&client->invocations, &invocation->link);
	*ret_invocation = invocation;
	return 0;
}

int invocation_start(struct helio_client *client,
		     const struct helio_method_type *method,
		     const ProtobufCMessage *request, ProtobufCClosure closure,
		     void *closure_data)
{
	struct helio_invoke_options options = client_take_options(client);
	struct invocation *invocation;
	struct packed packed;
	int r;

	if (request->descriptor != method->input)
		return -EINVAL;
	r = packed_init(&packed, request);
	if (r < 0)
		return r;
	r = invocation_new(client, method, &options, &packed, &invocation);
	packed_deinit(&packed);
	if (r < 0)
		return r;
	invocation->closure = closure;
	invocation->closure_data = closure_data;
	try(invocation);
	return 0;
}
