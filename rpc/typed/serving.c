/* SPDX-License-Identifier: MIT */

#include "rpc/typed/serving.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proto/pack.h"
#include "rpc/typed/server.h"

enum { TIMED_FIRST = 64, TIMED_ONE_OF = 8 };

/* Longer than the coarse clock errs. */
#define LONG_NS (2 * CLOCK_COARSE_NS)

static const struct helio_method_type *method_of(
	const struct helio_serving *serving)
{
	return &serving->server->type->methods[serving->method_index];
}

/* What the program gives to a stream or a call may be meant for another. */
static bool is_output(const struct helio_serving *serving,
		      const ProtobufCMessage *message)
{
	return !serving->server ||
	       message->descriptor == method_of(serving)->output;
}

/*
 * To look at the clock twice for each call would cost as much as many a method.
 * The first are timed, and then one for several; what is long is seen by the
 * coarse clock, and stands for itself.
 */
static void start_timing(struct helio_serving *serving,
			 struct method_stats *stats)
{
	uint64_t n = stats->n_started++;

	if (n < TIMED_FIRST)
		serving->stands_for = 1;
	else if (n % TIMED_ONE_OF == 0)
		serving->stands_for = TIMED_ONE_OF;
	serving->started_ns =
		serving->stands_for ? clock_now_ns() : clock_coarse_ns();
}

static void end_timing(const struct helio_serving *serving,
		       struct method_stats *stats)
{
	uint64_t now_ns =
		serving->stands_for ? clock_now_ns() : clock_coarse_ns();
	uint64_t took_ns = now_ns - serving->started_ns;
	unsigned stands_for = serving->stands_for;

	if (took_ns >= LONG_NS)
		stands_for = 1;
	if (!stands_for)
		return;
	stats->total_ns += took_ns * stands_for;
	if (took_ns > stats->longest_ns)
		stats->longest_ns = took_ns;
}

static void count(struct helio_serving *serving, const char *error)
{
	struct method_stats *stats;

	if (!serving->server)
		return;
	stats = &serving->server->stats[serving->method_index];
	stats->n_pending--;
	stats->n_calls++;
	end_timing(serving, stats);
	if (!error)
		return;
	stats->n_failed++;
	free(stats->last_error);
	stats->last_error = strdup(error);
}

/* Whoever runs its method may look at neither it nor the server any more. */
static void leave(struct helio_serving *serving)
{
	struct helio_server *server = serving->server;

	if (server && server->calling && *server->calling == serving) {
		*server->calling = NULL;
		server->calling = NULL;
	}
	list_unlink(&serving->link);
}

static void serving_free(struct helio_serving *serving)
{
	struct helio_server *server = serving->server;

	leave(serving);
	if (server)
		spares_put(&server->spare, serving);
	else
		free(serving);
}

void serving_orphan(struct helio_serving *serving)
{
	leave(serving);
	serving->server = NULL;
}

/* What a ProtobufCService answers with; the rest is the library's to bear. */
static void answer(const ProtobufCMessage *message, void *closure_data)
{
	struct helio_serving *serving = closure_data;
	int r;

	if (!message) {
		(void)helio_serving_fail(serving, HELIO_INTERNAL,
					 "the service has no answer");
		return;
	}
	r = helio_serving_reply(serving, message);
	if (r < 0)
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 "the answer cannot be sent");
}

static void call_method(struct helio_serving *serving,
			const ProtobufCMessage *request)
{
	struct helio_server *server = serving->server;
	unsigned index = serving->method_index;

	if (server->object)
		server->object->invoke(server->object, index, request, answer,
				       serving);
	else
		server->methods[index](serving, request,
				       server->options.userdata);
}

/* Nothing may be left of the message when the method has returned. */
static void run(struct helio_serving *serving,
		const struct helio_message *message,
		const ProtobufCMessage *request)
{
	struct helio_serving *calling = serving;

	if (method_of(serving)->is_client_streaming)
		helio_request_pause(serving->request);
	serving->message = message;
	serving->server->calling = &calling;
	call_method(serving, request);
	if (!calling)
		return;
	calling->message = NULL;
	calling->server->calling = NULL;
}

/* Streams must be what the method says, or both sides wait for ever. */
static const char *mismatch(const struct helio_server *server,
			    unsigned method_index,
			    const struct helio_request *request)
{
	const struct helio_method_type *method =
		&server->type->methods[method_index];

	if (server->methods ? !server->methods[method_index]
			    : method->is_client_streaming ||
				      method->is_server_streaming)
		return "the server does not implement the method";
	if (method->is_client_streaming != helio_request_has_more(request))
		return method->is_client_streaming
			       ? "the method takes a stream of requests"
			       : "the method takes one request, not a stream";
	if (method->is_server_streaming != helio_request_is_stream(request))
		return method->is_server_streaming
			       ? "the method replies with a stream"
			       : "the method replies once, not with a stream";
	return NULL;
}

static int serving_new(struct helio_server *server, unsigned method_index,
		       struct helio_request *request,
		       struct helio_serving **ret_serving)
{
	struct helio_serving *serving;

	serving = spares_take(&server->spare, sizeof(*serving));
	if (!serving)
		return -ENOMEM;
	*serving = (struct helio_serving){
		.server = server,
		.request = request,
		.method_index = method_index,
	};
	start_timing(serving, &server->stats[method_index]);
	list_init(&serving->link);
	list_push_back(&server->servings, &serving->link);
	server->stats[method_index].n_pending++;
	helio_request_set_userdata(request, serving);
	*ret_serving = serving;
	return 0;
}

void serving_start(struct helio_server *server, unsigned method_index,
		   struct helio_request *request,
		   const struct helio_message *message)
{
	const struct helio_method_type *method =
		&server->type->methods[method_index];
	const char *why = mismatch(server, method_index, request);
	const ProtobufCMessage *unpacked = NULL;
	struct helio_serving *serving;
	unsigned status = HELIO_OK;

	if (why) {
		(void)helio_fail(request, HELIO_UNIMPLEMENTED, why);
		return;
	}
	if (serving_new(server, method_index, request, &serving) < 0) {
		(void)helio_fail(request, HELIO_RESOURCE_EXHAUSTED,
				 "the service has no memory");
		return;
	}
	if (!method->is_client_streaming)
		status = intake_unpack(&server->intake, method->input,
				       message->body, message->n_body,
				       "the request", &unpacked);
	if (status)
		(void)helio_serving_fail(serving, status,
					 server->intake.reason);
	else
		run(serving, message, unpacked);
}

/* The program learns of it as of any end that is not its own; helio_fail()
 * takes what it is given. */
static void abandon(struct helio_serving *serving, unsigned status,
		    const char *reason)
{
	struct helio_request *request = serving->request;

	serving->request = NULL;
	helio_request_set_userdata(request, NULL);
	(void)helio_fail(request, status, reason);
	serving_cancel(serving);
}

void serving_next(struct helio_serving *serving, const void *body,
		  size_t n_body)
{
	struct intake *intake = &serving->server->intake;
	const ProtobufCMessage *message;
	unsigned status;

	status = intake_unpack(intake, method_of(serving)->input, body, n_body,
			       "a message of the stream", &message);
	if (!status) {
		if (serving->events.on_message)
			serving->events.on_message(serving, message,
						   serving->userdata);
		return;
	}
	abandon(serving, status, intake->reason);
}

void serving_finish(struct helio_serving *serving)
{
	serving->is_finished = true;
	if (serving->is_listening && serving->events.on_finish)
		serving->events.on_finish(serving, serving->userdata);
}

void serving_writable(struct helio_serving *serving)
{
	if (serving->events.on_writable)
		serving->events.on_writable(serving, serving->userdata);
}

void serving_cancel(struct helio_serving *serving)
{
	if (serving->events.on_cancelled)
		serving->events.on_cancelled(serving, serving->userdata);
}

void helio_serving_listen(struct helio_serving *serving,
			  const struct helio_serving_events *events,
			  void *userdata)
{
	serving->events = *events;
	serving->userdata = userdata;
	if (serving->is_listening)
		return;
	serving->is_listening = true;
	helio_serving_resume(serving);
	if (serving->is_finished && events->on_finish)
		events->on_finish(serving, userdata);
}

const struct helio_message *helio_serving_message(
	const struct helio_serving *serving)
{
	return serving->message;
}

uint32_t helio_serving_time_left_ms(const struct helio_serving *serving)
{
	return serving->request ? helio_request_time_left_ms(serving->request)
				: 0;
}

int helio_serving_send(struct helio_serving *serving,
		       const ProtobufCMessage *message)
{
	struct packed packed;
	int r;

	if (!serving->request)
		return -EPIPE;
	if (!message || !is_output(serving, message))
		return -EINVAL;
	r = packed_init(&packed, message);
	if (r < 0)
		return r;
	r = helio_request_send(serving->request, packed.bytes, packed.n);
	packed_deinit(&packed);
	return r;
}

int helio_serving_send_packed(struct helio_serving *serving, const void *bytes,
			      size_t n)
{
	if (!serving->request)
		return -EPIPE;
	return helio_request_send(serving->request, bytes, n);
}

static int end(struct helio_serving *serving, const char *error)
{
	count(serving, error);
	serving_free(serving);
	return 0;
}

static int reply(struct helio_serving *serving, const void *bytes, size_t n)
{
	int r = helio_respond(serving->request, bytes, n);

	return r < 0 ? r : end(serving, NULL);
}

int helio_serving_reply(struct helio_serving *serving,
			const ProtobufCMessage *message)
{
	struct packed packed;
	int r;

	if (!serving->request)
		return end(serving, "a request that is malformed");
	if (!message != helio_request_is_stream(serving->request) ||
	    (message && !is_output(serving, message)))
		return -EINVAL;
	r = packed_init(&packed, message);
	if (r < 0)
		return r;
	r = reply(serving, packed.bytes, packed.n);
	packed_deinit(&packed);
	return r;
}

int helio_serving_reply_packed(struct helio_serving *serving, const void *bytes,
			       size_t n)
{
	if (!serving->request)
		return end(serving, "a request that is malformed");
	if (helio_request_is_stream(serving->request))
		return -EINVAL;
	return reply(serving, bytes, n);
}

int helio_serving_fail(struct helio_serving *serving, unsigned status,
		       const char *reason)
{
	return helio_serving_fail_with(serving, status, reason, NULL, 0);
}

int helio_serving_fail_with(struct helio_serving *serving, unsigned status,
			    const char *reason, const void *details,
			    size_t n_details)
{
	int r = 0;

	if (serving->request)
		r = helio_fail_with(serving->request, status, reason, details,
				    n_details);
	if (r < 0)
		return r;
	return end(serving,
		   reason && *reason ? reason : helio_status_name(status));
}

void helio_serving_pause(struct helio_serving *serving)
{
	if (serving->request)
		helio_request_pause(serving->request);
}

void helio_serving_resume(struct helio_serving *serving)
{
	if (serving->request)
		helio_request_resume(serving->request);
}
