/* SPDX-License-Identifier: MIT */

#include "rpc/typed/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/pack.h"
#include "rpc/typed/client.h"
#include "rpc/typed/options.h"

static void stream_free(struct helio_stream *stream)
{
	list_unlink(&stream->link);
	newcomer_deinit(&stream->newcomer);
	free(stream->kept);
	free(stream);
}

/* `call` is over before on_end, where sending and cancelling do nothing. */
static void end(struct helio_stream *stream, const struct helio_reply *reply,
		const ProtobufCMessage *response)
{
	struct helio_client *client = stream->client;
	const struct helio_reply *before = client_begin_telling(client, reply);

	stream->call = NULL;
	stream->events.on_end(stream, reply, response, stream->userdata);
	stream_free(stream);
	client_end_telling(client, before);
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

	/* A server has it: it is not called again. */
	free(take_ptr(stream->kept));
	if (stream->events.on_packed) {
		stream->events.on_packed(stream, body, n_body,
					 stream->userdata);
		return;
	}
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
	stream->was_refused = false;
	if (stream->events.on_writable)
		stream->events.on_writable(stream, stream->userdata);
}

static bool is_to_be_introduced(const struct helio_stream *stream,
				const struct helio_reply *reply)
{
	return stream->kept && !stream->options.instance &&
	       introduction_helps(&stream->client->introduction,
				  &stream->newcomer, reply);
}

/* 0: there is no deadline. */
static uint32_t left_ms(const struct helio_stream *stream)
{
	uint64_t now_ns = clock_now_ns();

	if (!stream->deadline_ns)
		return 0;
	if (stream->deadline_ns < now_ns + NS_PER_MS)
		return 1;
	return (uint32_t)((stream->deadline_ns - now_ns) / NS_PER_MS);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct helio_stream *stream = userdata;
	const ProtobufCMessage *response = NULL;
	unsigned status = HELIO_OK;

	(void)call;
	if (is_to_be_introduced(stream, reply)) {
		stream->call = NULL;
		introduction_wait(&stream->client->introduction,
				  &stream->newcomer, left_ms(stream));
		return;
	}
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

static int start(struct helio_stream *stream)
{
	struct helio_client *client = stream->client;
	const struct helio_method_type *method = stream->method;
	const struct helio_invoke_options *options = &stream->options;
	struct helio_call_options call_options = {
		.timeout_ms = left_ms(stream),
		.is_waiting = options->is_waiting,
		.is_patient = true,
		.idempotency_key = options->idempotency_key,
		.traceparent = options->traceparent,
		.headers = options->headers,
		.n_headers = options->n_headers,
		.on_next = method->is_server_streaming ? on_next : NULL,
		.window_bytes = options->window_bytes,
		.has_more = method->is_client_streaming,
		.on_writable = on_writable,
	};
	char text[SUBJECT_BYTES];
	const char *subject;

	subject = client_address(client, method, options, &call_options, text);
	if (!subject)
		return -EINVAL;
	return helio_call_start(client->bus, subject, stream->kept,
				stream->n_request, &call_options, on_reply,
				stream, &stream->call);
}

/* Nobody had the first call, so none of its messages could be sent. */
static void catch_up(struct helio_stream *stream)
{
	if (stream->is_paused)
		helio_call_pause(stream->call);
	if (stream->is_finished)
		(void)helio_call_finish(stream->call);
	else if (stream->was_refused)
		on_writable(stream->call, stream);
}

static void on_introduced(struct newcomer *newcomer, unsigned status,
			  const char *reason)
{
	struct helio_stream *stream =
		container_of(newcomer, struct helio_stream, newcomer);
	struct helio_reply reply = {
		.status = status,
		.reason = reason,
		.is_from_bus = true,
	};

	if (!status && start(stream) < 0) {
		reply.status = HELIO_UNAVAILABLE;
		reply.reason = "it could not be called again";
	}
	if (reply.status)
		end(stream, &reply, NULL);
	else
		catch_up(stream);
}

/* Takes the options of the client. Returns 0, -ENOMEM or -EMSGSIZE. */
static int keep(struct helio_stream *stream, const ProtobufCMessage *request)
{
	struct helio_invoke_options options =
		client_take_options(stream->client);
	size_t n = request ? protobuf_c_message_get_packed_size(request) : 0;

	if (n > INT32_MAX)
		return -EMSGSIZE;
	stream->kept = malloc(n + options_bytes(&options) + 1);
	if (!stream->kept)
		return -ENOMEM;
	stream->n_request = n;
	if (request)
		protobuf_c_message_pack(request, stream->kept);
	options_keep(&options, stream->kept + n);
	stream->options = options;
	if (options.timeout_ms)
		stream->deadline_ns =
			clock_now_ns() + options.timeout_ms * NS_PER_MS;
	return 0;
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
	newcomer_init(&stream->newcomer, on_introduced);
	list_init(&stream->link);
	list_push_back(&client->streams, &stream->link);
	r = keep(stream, request);
	if (!r)
		r = start(stream);
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

	if (!stream->call && !newcomer_is_waiting(&stream->newcomer))
		return -EPIPE;
	if (stream->is_finished)
		return -EPIPE;
	if (!message || message->descriptor != stream->method->input)
		return -EINVAL;
	if (!stream->call) {
		stream->was_refused = true;
		return -EAGAIN;
	}
	r = packed_init(&packed, message);
	if (r < 0)
		return r;
	r = helio_call_send(stream->call, packed.bytes, packed.n);
	packed_deinit(&packed);
	if (r == -EAGAIN)
		stream->was_refused = true;
	return r;
}

int helio_stream_finish(struct helio_stream *stream)
{
	int r = 0;

	if (stream->call)
		r = helio_call_finish(stream->call);
	else if (stream->is_finished || !newcomer_is_waiting(&stream->newcomer))
		r = -EPIPE;
	if (!r)
		stream->is_finished = true;
	return r;
}

/* In on_end it is freed anyway. */
void helio_stream_cancel(struct helio_stream *stream)
{
	if (!stream->call && !newcomer_is_waiting(&stream->newcomer))
		return;
	if (stream->call)
		helio_call_cancel(stream->call);
	stream_free(stream);
}

void *helio_stream_keep(struct helio_stream *stream)
{
	return stream->call ? helio_call_keep(stream->call) : NULL;
}

void helio_stream_pause(struct helio_stream *stream)
{
	stream->is_paused = true;
	if (stream->call)
		helio_call_pause(stream->call);
}

void helio_stream_resume(struct helio_stream *stream)
{
	stream->is_paused = false;
	if (stream->call)
		helio_call_resume(stream->call);
}
