/* SPDX-License-Identifier: MIT */

#include "tests/unit/vm/fake_serving.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fake_server fake_server;

void fake_serving_reset(void)
{
	fake_server = (struct fake_server){ .methods = NULL };
}

static ProtobufCMessage *copy(const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(n + 1);
	ProtobufCMessage *copied;

	assert_non_null(bytes);
	protobuf_c_message_pack(message, bytes);
	copied = protobuf_c_message_unpack(message->descriptor, NULL, n, bytes);
	assert_non_null(copied);
	free(bytes);
	return copied;
}

struct helio_serving *fake_serving_new(const char *principal, unsigned room)
{
	struct helio_serving *serving = calloc(1, sizeof(*serving));

	assert_non_null(serving);
	serving->message.source = principal;
	serving->message.durable_id = principal;
	serving->room = room;
	return serving;
}

struct helio_serving *fake_serving_call(unsigned method, const char *principal,
					const ProtobufCMessage *request,
					unsigned room)
{
	struct helio_serving *serving = fake_serving_new(principal, room);

	fake_server.methods[method](serving, request,
				    fake_server.options.userdata);
	return serving;
}

void fake_serving_cancel(struct helio_serving *serving)
{
	serving->is_cancelled = true;
	assert_non_null(serving->events.on_cancelled);
	serving->events.on_cancelled(serving, serving->userdata);
}

void fake_serving_grant(struct helio_serving *serving, unsigned room)
{
	serving->room += room;
	assert_non_null(serving->events.on_writable);
	serving->events.on_writable(serving, serving->userdata);
}

void fake_serving_free(struct helio_serving *serving)
{
	assert_true(serving->is_over);
	if (serving->answer)
		protobuf_c_message_free_unpacked(serving->answer, NULL);
	for (unsigned i = 0; i < serving->n_sent; i++)
		protobuf_c_message_free_unpacked(serving->sent[i], NULL);
	free(serving);
}

/* The library, as far as the service uses it. */

int helio_server_new(struct helio *bus, const struct helio_service_type *type,
		     const helio_method_fn *methods,
		     const struct helio_server_options *options,
		     struct helio_server **ret_server)
{
	fake_server.methods = methods;
	fake_server.options = *options;
	*ret_server = NULL;
	return 0;
}

void helio_server_free(struct helio_server *server)
{
	fake_server.n_freed++;
}

void helio_serving_listen(struct helio_serving *serving,
			  const struct helio_serving_events *events,
			  void *userdata)
{
	serving->events = *events;
	serving->userdata = userdata;
}

const struct helio_message *helio_serving_message(
	const struct helio_serving *serving)
{
	return &serving->message;
}

int helio_serving_send(struct helio_serving *serving,
		       const ProtobufCMessage *message)
{
	assert_false(serving->is_over);
	if (!serving->room)
		return -EAGAIN;
	serving->room--;
	assert_true(serving->n_sent <
		    sizeof(serving->sent) / sizeof(*serving->sent));
	serving->sent[serving->n_sent++] = copy(message);
	return 0;
}

int helio_serving_reply(struct helio_serving *serving,
			const ProtobufCMessage *message)
{
	assert_false(serving->is_over);
	if (serving->has_no_room)
		return -EAGAIN;
	serving->is_over = true;
	serving->answer = message ? copy(message) : NULL;
	return 0;
}

int helio_serving_fail(struct helio_serving *serving, unsigned status,
		       const char *reason)
{
	assert_false(serving->is_over);
	if (serving->has_no_room)
		return -EAGAIN;
	serving->is_over = true;
	serving->status = status;
	snprintf(serving->reason, sizeof(serving->reason), "%s",
		 reason ? reason : "");
	return 0;
}

const char *helio_status_name(unsigned status)
{
	return "STATUS";
}
