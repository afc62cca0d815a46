/* SPDX-License-Identifier: MIT */

#include "schema/dialogue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "schema/field.h"

typedef Google__Protobuf__FieldDescriptorProto FieldProto;
typedef Google__Protobuf__MethodDescriptorProto MethodProto;

/* One way in which messages go, and those whose turn has come or comes. */
struct direction {
	const struct inventory *writer;
	const struct inventory *reader;
	const struct item **queue; /* of the writer; each is there once */
	size_t n_queue;
	bool *is_queued; /* for each of the writer's items */
	struct findings *findings;
	struct field_memo memo;
};

static int direction_init(struct direction *direction,
			  const struct inventory *writer,
			  const struct inventory *reader,
			  struct findings *findings)
{
	*direction = (struct direction){ .writer = writer,
					 .reader = reader,
					 .findings = findings };
	direction->queue =
		calloc(writer->n_items + 1, sizeof(*direction->queue));
	direction->is_queued =
		calloc(writer->n_items + 1, sizeof(*direction->is_queued));
	return direction->queue && direction->is_queued ? 0 : -ENOMEM;
}

static void direction_deinit(struct direction *direction)
{
	free(direction->queue);
	free(direction->is_queued);
}

/* Types are named with a dot before them. */
static void push(struct direction *direction, const char *type_name)
{
	const struct item *item = inventory_lookup(direction->writer,
						   ITEM_MESSAGE, type_name + 1);
	size_t i = (size_t)(item - direction->writer->items);

	if (direction->is_queued[i])
		return;
	direction->is_queued[i] = true;
	direction->queue[direction->n_queue++] = item;
}

static bool is_message(const FieldProto *field)
{
	return field->type ==
		       GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE ||
	       field->type ==
		       GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP;
}

static void check_repeated(const struct field_pair *pair,
			   struct findings *findings)
{
	if (field_is_repeated(pair->from_field) !=
	    field_is_repeated(pair->to_field))
		findings_add(findings, "FIELD_WIRE_COMPATIBLE_CARDINALITY",
			     pair->place, "is written as %s and read as %s",
			     field_label(pair->from_field),
			     field_label(pair->to_field));
}

static void check_oneof(const struct field_pair *pair,
			struct findings *findings)
{
	const char *from = field_oneof(pair->from_message, pair->from_field);
	const char *to = field_oneof(pair->to_message, pair->to_field);

	if (to && (!from || strcmp(from, to) != 0))
		findings_add(findings, "FIELD_SAME_ONEOF", pair->place,
			     "is read as one of %s, and not written so", to);
}

static void check_field(struct direction *direction, const struct item *writer,
			const struct item *reader, const FieldProto *read)
{
	const FieldProto *written = item_field(writer, read->number);
	struct field_pair pair = {
		.from = direction->writer,
		.to = direction->reader,
		.from_message = writer,
		.to_message = reader,
		.from_field = written,
		.to_field = read,
		.place = { reader->file->name, reader->name, read->name },
		.memo = &direction->memo,
	};

	if (field_is_required(read) &&
	    (!written || !field_is_required(written)))
		findings_add(direction->findings,
			     "MESSAGE_SAME_REQUIRED_FIELDS", pair.place,
			     "is required by who reads it alone");
	if (!written)
		return;
	check_repeated(&pair, direction->findings);
	check_oneof(&pair, direction->findings);
	field_check_type(&pair, direction->findings);
	field_check_default(&pair, direction->findings);
	if (is_message(read) && is_message(written) &&
	    !strcmp(read->type_name, written->type_name))
		push(direction, read->type_name);
}

/* What is found on the way is queued behind. */
static void check_messages(struct direction *direction)
{
	for (size_t i = 0; i < direction->n_queue; i++) {
		const struct item *writer = direction->queue[i];
		const struct item *reader = inventory_lookup(
			direction->reader, ITEM_MESSAGE, writer->name);

		for (size_t k = 0; k < reader->n_members; k++)
			check_field(direction, writer, reader,
				    reader->members[k]);
	}
}

static bool is_idempotent(const MethodProto *method)
{
	return method->options &&
	       method->options->idempotency_level !=
		       GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENCY_UNKNOWN;
}

static void check_streams(const MethodProto *client, const MethodProto *server,
			  struct finding_place place, struct findings *findings)
{
	if (!client->client_streaming != !server->client_streaming)
		findings_add(findings, "RPC_SAME_CLIENT_STREAMING", place,
			     "takes a stream on one side only");
	if (!client->server_streaming != !server->server_streaming)
		findings_add(findings, "RPC_SAME_SERVER_STREAMING", place,
			     "returns a stream on one side only");
	if (is_idempotent(client) && !is_idempotent(server))
		findings_add(findings, "RPC_SAME_IDEMPOTENCY_LEVEL", place,
			     "would be repeated by a client, and must not");
}

static void check_types(const MethodProto *client, const MethodProto *server,
			struct finding_place place, struct direction *requests,
			struct direction *responses)
{
	if (!strcmp(client->input_type, server->input_type))
		push(requests, client->input_type);
	else
		findings_add(requests->findings, "RPC_SAME_REQUEST_TYPE", place,
			     "is called with %s and takes %s",
			     client->input_type + 1, server->input_type + 1);
	if (!strcmp(client->output_type, server->output_type))
		push(responses, client->output_type);
	else
		findings_add(responses->findings, "RPC_SAME_RESPONSE_TYPE",
			     place, "returns %s where %s is expected",
			     server->output_type + 1, client->output_type + 1);
}

static void check_service(const struct item *client, const struct item *server,
			  struct direction *requests,
			  struct direction *responses)
{
	for (size_t i = 0; i < server->n_members; i++) {
		const MethodProto *offered = server->members[i];
		const MethodProto *called = item_method(client, offered->name);
		struct finding_place place = { server->file->name, server->name,
					       offered->name };

		if (!called)
			continue;
		check_streams(called, offered, place, requests->findings);
		check_types(called, offered, place, requests, responses);
	}
	check_messages(requests);
	check_messages(responses);
}

int dialogue_check(const struct inventory *client,
		   const struct inventory *server, const char *service,
		   struct findings *findings)
{
	const struct item *called =
		inventory_lookup(client, ITEM_SERVICE, service);
	const struct item *offered =
		inventory_lookup(server, ITEM_SERVICE, service);
	struct direction requests = { .queue = NULL };
	struct direction responses = { .queue = NULL };
	int r;

	if (!called || !offered) {
		findings_add(findings, "PACKAGE_SERVICE_NO_DELETE",
			     (struct finding_place){ .file = "the schema",
						     .item = service },
			     "is not there for the %s",
			     called ? "server" : "client");
		return 0;
	}
	r = direction_init(&requests, client, server, findings);
	if (!r)
		r = direction_init(&responses, server, client, findings);
	if (!r)
		check_service(called, offered, &requests, &responses);
	direction_deinit(&requests);
	direction_deinit(&responses);
	return r;
}
