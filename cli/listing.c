/* SPDX-License-Identifier: MIT */

#include "cli/listing.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/field.h"
#include "cli/registry.h"
#include "cli/session.h"

enum { N_COLUMNS_MAX = 32, PAGE_ROWS = 64 };

#define DESCRIPTOR(name) &helio__switch__v1__##name##__descriptor
#define COLUMNS(array) \
	.columns = array, .n_columns = sizeof(array) / sizeof(*(array))

static const struct column peer_columns[] = {
	{ "PRINCIPAL", "principal", CELL_TEXT },
	{ "PROGRAM", "program", CELL_TEXT },
	{ "VIA", "transport", CELL_TEXT },
	{ "PID", "pid", CELL_NUMBER },
	{ "SINCE", "connected_ms", CELL_MS },
	{ "SUBS", "subscriptions", CELL_NUMBER },
	{ "SERVES", "services", CELL_NUMBER },
	{ "SENT", "received_messages", CELL_NUMBER },
	{ "GOT", "delivered_messages", CELL_NUMBER },
	{ "LOST", "dropped_messages", CELL_NUMBER },
	{ "QUEUED", "queued_messages", CELL_NUMBER },
	{ NULL, "queued_bytes", CELL_BYTES },
	{ NULL, "received_bytes", CELL_BYTES },
	{ NULL, "delivered_bytes", CELL_BYTES },
	{ NULL, "refused", CELL_NUMBER },
	{ NULL, "calls", CELL_NUMBER },
	{ NULL, "calls_served", CELL_NUMBER },
	{ NULL, "calls_pending", CELL_NUMBER },
	{ NULL, "id", CELL_NUMBER },
	{ NULL, "durable_id", CELL_TEXT },
	{ NULL, "incarnation", CELL_ID },
	{ NULL, "leaf", CELL_NUMBER },
};

static const struct column subscription_columns[] = {
	{ "PRINCIPAL", "principal", CELL_TEXT },
	{ "PATTERN", "pattern", CELL_TEXT },
	{ "GROUP", "group", CELL_TEXT },
	{ "OVERFLOW", "overflow", CELL_TEXT },
	{ "GOT", "delivered_messages", CELL_NUMBER },
	{ "LOST", "dropped_messages", CELL_NUMBER },
	{ "QUEUED", "queued_messages", CELL_NUMBER },
	{ NULL, "queued_bytes", CELL_BYTES },
	{ NULL, "delivered_bytes", CELL_BYTES },
	{ NULL, "credit_messages", CELL_NUMBER },
	{ NULL, "credit_bytes", CELL_BYTES },
	{ NULL, "capture", CELL_TEXT },
	{ NULL, "observe", CELL_BOOL },
	{ NULL, "peer", CELL_NUMBER },
	{ NULL, "id", CELL_NUMBER },
	{ NULL, "crossing", CELL_NUMBER },
};

static const struct column service_columns[] = {
	{ "PRINCIPAL", "principal", CELL_TEXT },
	{ "SERVICE", "name", CELL_TEXT },
	{ "STATE", "state", CELL_TEXT },
	{ "METHODS", "methods_total", CELL_NUMBER },
	{ "CALLS", "calls", CELL_NUMBER },
	{ "FAILED", "calls_failed", CELL_NUMBER },
	{ "PENDING", "calls_pending", CELL_NUMBER },
	{ "SCHEMA", "schema_hash", CELL_HASH },
	{ "INSTANCE", "instance", CELL_TEXT },
	{ NULL, "credit_calls", CELL_NUMBER },
	{ NULL, "credit_bytes", CELL_BYTES },
	{ NULL, "peer", CELL_NUMBER },
	{ NULL, "id", CELL_NUMBER },
};

static const struct column schema_columns[] = {
	{ "PACKAGE", "package", CELL_TEXT },
	{ "SCHEMA", "hash", CELL_HASH },
	{ "PINNED", "pinned", CELL_BOOL },
	{ "BYTES", "bytes", CELL_BYTES },
	{ "SINCE", "registered_at_ms", CELL_TIME },
	{ "BY", "principal", CELL_TEXT },
	{ NULL, "number", CELL_NUMBER },
	{ NULL, "older", CELL_BOOL },
	{ NULL, "client_only", CELL_BOOL },
};

static const struct column domain_columns[] = {
	{ "DOMAIN", "name", CELL_TEXT },
	{ "PRINCIPAL", "principal", CELL_TEXT },
	{ "VIA", "transport", CELL_TEXT },
	{ "DOMID", "domid", CELL_NUMBER },
	{ "SERVED", "served", CELL_BOOL },
	{ "PEERS", "peers", CELL_NUMBER },
	{ "SOCKET", "socket", CELL_TEXT },
	{ NULL, "uuid", CELL_TEXT },
	{ NULL, "incarnation", CELL_ID },
	{ NULL, "owner", CELL_NUMBER },
	{ NULL, "group", CELL_NUMBER },
	{ NULL, "mode", CELL_OCTAL },
};

const struct listing listing_peers = {
	.method = "ListPeers",
	.request = DESCRIPTOR(list_peers_request),
	.reply = DESCRIPTOR(list_peers_reply),
	.rows = "peers",
	COLUMNS(peer_columns),
};

const struct listing listing_subscriptions = {
	.method = "ListSubscriptions",
	.request = DESCRIPTOR(list_subscriptions_request),
	.reply = DESCRIPTOR(list_subscriptions_reply),
	.rows = "subscriptions",
	COLUMNS(subscription_columns),
};

const struct listing listing_services = {
	.method = "ListServices",
	.request = DESCRIPTOR(list_services_request),
	.reply = DESCRIPTOR(list_services_reply),
	.rows = "services",
	COLUMNS(service_columns),
};

const struct listing listing_domains = {
	.method = "ListDomains",
	.request = DESCRIPTOR(list_domains_request),
	.reply = DESCRIPTOR(list_domains_reply),
	.rows = "domains",
	COLUMNS(domain_columns),
};

const struct listing listing_schemas = {
	.is_of_registry = true,
	.method = "List",
	.request = &helio__registry__v1__list_request__descriptor,
	.reply = &helio__registry__v1__list_reply__descriptor,
	.rows = "schemas",
	.filter = "package",
	COLUMNS(schema_columns),
};

static int add_row(const struct listing *listing, struct table *table,
		   const ProtobufCMessage *message)
{
	struct cell cells[N_COLUMNS_MAX];
	char hash[REGISTRY_HASH_TEXT];

	for (size_t i = 0; i < listing->n_columns; i++) {
		const char *key = listing->columns[i].key;
		const uint8_t *bytes;
		size_t n;

		cells[i] =
			(struct cell){ .text = field_text(message, key),
				       .number = field_number(message, key) };
		if (listing->columns[i].kind != CELL_HASH)
			continue;
		/* No listing has two of them. */
		bytes = field_bytes(message, key, &n);
		registry_format_hash(bytes, n, hash);
		cells[i].text = hash;
	}
	return table_add(table, cells);
}

static int call(const struct listing *listing, struct control *control,
		const ProtobufCMessage *request, ProtobufCMessage **ret_reply)
{
	if (listing->is_of_registry)
		return registry_call(control, listing->method, request,
				     listing->reply, ret_reply);
	return control_call(control, listing->method, request, listing->reply,
			    ret_reply);
}

static int read_page(const struct listing *listing, struct control *control,
		     const ProtobufCMessage *request, struct table *table,
		     uint64_t *ret_next)
{
	ProtobufCMessage *const *rows;
	ProtobufCMessage *reply;
	size_t n_rows;
	int r;

	r = call(listing, control, request, &reply);
	if (r != EXIT_OK)
		return r;
	rows = field_messages(reply, listing->rows, &n_rows);
	for (size_t i = 0; i < n_rows; i++) {
		r = add_row(listing, table, rows[i]);
		if (r < 0)
			return session_complain(listing->method, r, NULL);
	}
	*ret_next = field_number(reply, "next");
	return EXIT_OK;
}

int listing_read(const struct listing *listing, struct control *control,
		 const char *filter, struct table *table)
{
	const ProtobufCMessageDescriptor *descriptor = listing->request;
	_cleanup_(freep) ProtobufCMessage *request =
		malloc(descriptor->sizeof_message);
	uint64_t cursor = 0;
	int r;

	if (!request)
		return session_complain(listing->method, -ENOMEM, NULL);
	protobuf_c_message_init(descriptor, request);
	field_set_number(request, "limit", PAGE_ROWS);
	field_set_text(request, listing->filter ? listing->filter : "principal",
		       filter);
	do {
		if (cursor)
			field_set_number(request, "cursor", cursor);
		r = read_page(listing, control, request, table, &cursor);
	} while (r == EXIT_OK && cursor);
	return r;
}
