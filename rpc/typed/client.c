/* SPDX-License-Identifier: MIT */

#include "rpc/typed/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/typed/invocation.h"
#include "rpc/typed/stream.h"

enum { TURN_MS = 1000 };

/* protobuf-c's descriptors say nothing of streams: the type does. */
static void invoke(ProtobufCService *service, unsigned method_index,
		   const ProtobufCMessage *request, ProtobufCClosure closure,
		   void *closure_data)
{
	struct helio_client *client = (struct helio_client *)service;
	const struct helio_method_type *method =
		client_method(client, method_index);
	int r = 0;

	if (!method || method->is_client_streaming ||
	    method->is_server_streaming) {
		invocation_refuse(client, HELIO_UNIMPLEMENTED,
				  "a method with streams is called by "
				  "helio_client_stream()",
				  closure, closure_data);
		return;
	}
	r = invocation_start(client, method, request, closure, closure_data);
	if (r < 0)
		invocation_refuse(client,
				  r == -EINVAL ? HELIO_INVALID_ARGUMENT
					       : HELIO_RESOURCE_EXHAUSTED,
				  r == -EINVAL   ? "a request of another type"
				  : r == -ENOMEM ? "no memory"
						 : "the request is too long",
				  closure, closure_data);
}

static void destroy(ProtobufCService *service)
{
	helio_client_free((struct helio_client *)service);
}

int helio_client_new(struct helio *bus, const struct helio_service_type *type,
		     const struct helio_client_options *options,
		     struct helio_client **ret_client)
{
	static const struct helio_client_options no_options;
	struct helio_client *client;
	int r = 0;

	options = options ? options : &no_options;
	client = malloc(sizeof(*client));
	if (!client)
		return -ENOMEM;
	*client = (struct helio_client){
		.service = {
			.descriptor = type->descriptor,
			.invoke = invoke,
			.destroy = destroy,
		},
		.bus = bus,
		.type = type,
		.options = options->invoke,
	};
	introduction_init(&client->introduction, bus, type->schema);
	list_init(&client->invocations);
	list_init(&client->streams);
	intake_init(&client->intake, &options->limits);
	intake_init(&client->kept, &options->limits);
	if (type->schema)
		r = helio_bind(bus, type->name, type->schema->hash,
			       &client->binding);
	if (r < 0) {
		helio_client_free(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static void drop_calls(struct helio_client *client)
{
	struct list *link;

	while ((link = list_pop_front(&client->invocations)))
		invocation_free(container_of(link, struct invocation, link));
	while ((link = list_pop_front(&client->streams)))
		helio_stream_cancel(
			container_of(link, struct helio_stream, link));
}

static void client_free(struct helio_client *client)
{
	spares_deinit(&client->spare);
	introduction_deinit(&client->introduction);
	helio_unbind(client->binding);
	intake_deinit(&client->intake);
	intake_deinit(&client->kept);
	free(client->kept_text);
	free(client);
}

/* A closure may still look at the message and the reply. */
void helio_client_free(struct helio_client *client)
{
	if (!client)
		return;
	drop_calls(client);
	client->is_freed = true;
	if (client->n_telling == 0)
		client_free(client);
}

const struct helio_reply *client_begin_telling(struct helio_client *client,
					       const struct helio_reply *reply)
{
	const struct helio_reply *before = client->reply;

	client->reply = reply;
	client->n_telling++;
	return before;
}

void client_end_telling(struct helio_client *client,
			const struct helio_reply *before)
{
	client->reply = before;
	if (--client->n_telling == 0 && client->is_freed)
		client_free(client);
}

ProtobufCService *helio_client_service(struct helio_client *client)
{
	return &client->service;
}

void helio_client_next(struct helio_client *client,
		       const struct helio_invoke_options *options)
{
	client->next = *options;
	client->has_next = true;
}

const struct helio_reply *helio_client_reply(const struct helio_client *client)
{
	return client->reply ? client->reply : &client->kept_reply;
}

struct helio_invoke_options client_take_options(struct helio_client *client)
{
	if (!client->has_next)
		return client->options;
	client->has_next = false;
	return client->next;
}

/* To one instance alone nothing is judged: it is known what it serves. */
const char *client_address(const struct helio_client *client,
			   const struct helio_method_type *method,
			   const struct helio_invoke_options *options,
			   struct helio_call_options *call_options,
			   char text[SUBJECT_BYTES])
{
	const char *to =
		options->instance ? options->instance : client->type->name;

	if (client->binding && !options->instance) {
		call_options->binding = client->binding;
		return method->name;
	}
	return snprintf(text, SUBJECT_BYTES, "%s.%s", to, method->name) <
			       SUBJECT_BYTES
		       ? text
		       : NULL;
}

/* What a call that is waited for came to. */
struct wait {
	struct helio_client *client;
	const ProtobufCMessage *response;
	bool is_done;
};

static const void *put(char **at, const void *bytes, size_t n)
{
	char *copy = *at;

	if (n)
		memcpy(copy, bytes, n);
	*at += n;
	return copy;
}

/* Reason and details outlive the callback; the message does not. */
static void keep_reply(struct helio_client *client)
{
	const struct helio_reply *reply = client->reply;
	size_t n_reason = strlen(reply->reason) + 1;
	char *at;

	free(client->kept_text);
	client->kept_text = malloc(n_reason + reply->n_details);
	client->kept_reply = *reply;
	client->kept_reply.message = NULL;
	client->kept_reply.details = NULL;
	client->kept_reply.n_details = 0;
	client->kept_reply.reason = "";
	at = client->kept_text;
	if (!at)
		return;
	client->kept_reply.reason = put(&at, reply->reason, n_reason);
	if (!reply->details)
		return;
	client->kept_reply.details = put(&at, reply->details, reply->n_details);
	client->kept_reply.n_details = reply->n_details;
}

static void on_waited(const ProtobufCMessage *response, void *closure_data)
{
	struct wait *wait = closure_data;

	wait->is_done = true;
	wait->response = response;
	keep_reply(wait->client);
}

/* The newest: it was just started, if it is not over already. */
static struct invocation *last_of(struct helio_client *client)
{
	return container_of(client->invocations.prev, struct invocation, link);
}

/* Each try has its deadline, so this ends; a closed connection ends it, too. */
static int wait_for(struct helio_client *client, struct wait *wait,
		    struct invocation *invocation)
{
	while (!wait->is_done) {
		int r = helio_run(client->bus, TURN_MS);

		if (r >= 0 || wait->is_done)
			continue;
		invocation_free(invocation);
		return r;
	}
	return 0;
}

int helio_client_wait(struct helio_client *client, unsigned method_index,
		      const ProtobufCMessage *request,
		      const ProtobufCMessage **ret_response)
{
	const struct helio_method_type *method =
		client_method(client, method_index);
	struct wait wait = { .client = client };
	int r;

	if (!method || method->is_client_streaming ||
	    method->is_server_streaming)
		return -EINVAL;
	r = invocation_start(client, method, request, on_waited, &wait);
	if (r < 0)
		return r;
	if (!wait.is_done) {
		struct invocation *invocation = last_of(client);

		invocation->intake = &client->kept;
		r = wait_for(client, &wait, invocation);
	}
	if (r < 0)
		return r;
	if (!client->kept_reply.status && ret_response)
		*ret_response = wait.response;
	return (int)client->kept_reply.status;
}
