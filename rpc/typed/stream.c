/* SPDX-License-Identifier: MIT */

#include "rpc/typed/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "rpc/typed/client.h"
#include "rpc/typed/packed.h"

static void stream_free(struct helio_stream *stream)
{
	list_unlink(&stream->link);
	free(stream);
}

/* `call` is over before on_end, where sending and cancelling do nothing. */
static void end(struct helio_stream *stream, const struct helio_reply *reply,
		const ProtobufCMessage *response)
{
	struct helio_client *client = stream->client;

	stream->call = NULL;
	client->reply = reply;
	stream->events.on_end(stream, reply, response, stream->userdata);
	client->reply = NULL;
	stream_free(stream);
}

/* What the server sent cannot be read. */
static void end_badly(struct helio_stream *stream, unsigned status)
{
	const struct helio_reply reply = {
		.status = status == HELIO_INVALID_ARGUMENT ? HELIO_INTERNAL
							   : status,
		.reason = stream->client->intake.reason,
		.is_from_bus = true,
		.is_handed_over = true,
	};

	end(stream, &reply, NULL);
}

static void on_next(struct helio_call *call, const void *body, size_t n_body,
		    void *userdata)
{
	struct helio_stream *stream = userdata;
	const ProtobufCMessage *message;
	unsigned status;

	status = intake_unpack(&stream->client->intake, stream->method->output,
			       body, n_body, "a message of the stream",
			       &message);
	if (status) {
		helio_call_cancel(call);
		end_badly(stream, status);
	} else if (stream->events.on_message) {
		stream->events.on_message(stream, message, stream->userdata);
	}
}

static void on_writable(struct helio_call *call, void *userdata)
{
	struct helio_stream *stream = userdata;

	(void)call;
	if (stream->events.on_writable)
		stream->events.on_writable(stream, stream->userdata);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct helio_stream *stream = userdata;
	const ProtobufCMessage *response = NULL;
	unsigned status = HELIO_OK;

	(void)call;
	if (!reply->status && !stream->method->is_server_streaming)
		status = intake_unpack(
			&stream->client->intake, stream->method->output,
			reply->message->body, reply->message->n_body,
			"the response", &response);
	if (status)
		end_badly(stream, status);
	else
		end(stream, reply, response);
}

static int start(struct helio_stream *stream, const ProtobufCMessage *request)
{
	struct helio_client *client = stream->client;
	const struct helio_method_type *method = stream->method;
	struct helio_invoke_options options = client_take_options(client);
	struct helio_call_options call_options = {
		.timeout_ms = options.timeout_ms,
		.is_waiting = options.is_waiting,
		.is_patient = true,
		.idempotency_key = options.idempotency_key,
		.traceparent = options.traceparent,
		.headers = options.headers,
		.n_headers = options.n_headers,
		.on_next = method->is_server_streaming ? on_next : NULL,
		.window_bytes = options.window_bytes,
		.has_more = method->is_client_streaming,
		.on_writable = on_writable,
	};
	char text[SUBJECT_BYTES];
	struct packed packed;
	const char *subject;
	int r;

	subject = client_address(client, method, &options, &call_options, text);
	if (!subject)
		return -EINVAL;
	r = packed_init(&packed, request);
	if (r < 0)
		return r;
	r = helio_call_start(client->bus, subject, packed.bytes, packed.n,
			     &call_options, on_reply, stream, &stream->call);
	packed_deinit(&packed);
	return r;
}

int helio_client_stream(struct helio_client *client, unsigned method_index,
			const ProtobufCMessage *request,
			const struct helio_stream_events *events,
			void *userdata, struct helio_stream **ret_stream)
{
	const struct helio_method_type *method =
		client_method(client, method_index);
	struct helio_stream *stream;
	int r;

	if (!method || !events->on_end ||
	    method->is_client_streaming != !request ||
	    !(method->is_client_streaming || method->is_server_streaming) ||
	    (request && request->descriptor != method->input))
		return -EINVAL;
	stream = malloc(sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	*stream = (struct helio_stream){
		.client = client,
		.method = method,
		.events = *events,
		.userdata = userdata,
	};
	list_init(&stream->link);
	list_push_back(&client->streams, &stream->link);
	r = start(stream, request);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	if (ret_stream)
		*ret_stream = stream;
	return 0;
}

int helio_stream_send(struct helio_stream *stream,
		      const ProtobufCMessage *message)
{
	struct packed packed;
	int r;

	if (!stream->call)
		return -EPIPE;
	if (!message || message->descriptor != stream->method->input)
		return -EINVAL;
	r = packed_init(&packed, message);
	if (r < 0)
		return r;
	r = helio_call_send(stream->call, packed.bytes, packed.n);
	packed_deinit(&packed);
	return r;
}

int helio_stream_finish(struct helio_stream *stream)
{
	return stream->call ? helio_call_finish(stream->call) : -EPIPE;
}

/* In on_end it is freed anyway. */
void helio_stream_cancel(struct helio_stream *stream)
{
	if (!stream->call)
		return;
	helio_call_cancel(stream->call);
	stream_free(stream);
}

void helio_stream_pause(struct helio_stream *stream)
{
	if (stream->call)
		helio_call_pause(stream->call);
}

void helio_stream_resume(struct helio_stream *stream)
{
	if (stream->call)
		helio_call_resume(stream->call);
}
