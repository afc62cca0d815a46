/* SPDX-License-Identifier: MIT */

#include "tests/generate/notes.h"

#include <stddef.h>

struct notes notes;
ProtobufCService notes_service;
const ProtobufCMessage *notes_response;

ProtobufCService *helio_client_service(struct helio_client *client)
{
	return &notes_service;
}

int helio_client_wait(struct helio_client *client, unsigned method_index,
		      const ProtobufCMessage *request,
		      const ProtobufCMessage **ret_response)
{
	notes.called = __func__;
	notes.method_index = method_index;
	notes.message = request;
	if (!notes_response)
		return HELIO_NOT_FOUND;
	*ret_response = notes_response;
	return HELIO_OK;
}

int helio_client_stream(struct helio_client *client, unsigned method_index,
			const ProtobufCMessage *request,
			const struct helio_stream_events *events,
			void *userdata, struct helio_stream **ret_stream)
{
	notes.called = __func__;
	notes.method_index = method_index;
	notes.message = request;
	notes.stream = *events;
	notes.userdata = userdata;
	*ret_stream = NULL;
	return 0;
}

int helio_stream_send(struct helio_stream *stream,
		      const ProtobufCMessage *message)
{
	notes.called = __func__;
	notes.message = message;
	return 0;
}

int helio_server_new(struct helio *bus, const struct helio_service_type *type,
		     const helio_method_fn *methods,
		     const struct helio_server_options *options,
		     struct helio_server **ret_server)
{
	notes.called = __func__;
	notes.type = type;
	notes.methods = methods;
	*ret_server = NULL;
	return 0;
}

void helio_serving_listen(struct helio_serving *serving,
			  const struct helio_serving_events *events,
			  void *userdata)
{
	notes.called = __func__;
	notes.serving = *events;
	notes.userdata = userdata;
}

int helio_serving_send(struct helio_serving *serving,
		       const ProtobufCMessage *message)
{
	notes.called = __func__;
	notes.message = message;
	return 0;
}

int helio_serving_reply(struct helio_serving *serving,
			const ProtobufCMessage *message)
{
	notes.called = __func__;
	notes.message = message;
	return 0;
}
