/* SPDX-License-Identifier: MIT */

#include "rpc/binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/subject.h"
#include "rpc/client.h"

enum { HANDLE_MAX = INT32_MAX };

static bool is_in_use(const struct helio *bus, uint32_t handle)
{
	struct list *link;

	list_for_each (link, &bus->bindings) {
		const struct helio_binding *binding =
			container_of(link, struct helio_binding, link);

		if (binding->handle == handle)
			return true;
	}
	return false;
}

static uint32_t draw_handle(struct helio *bus)
{
	do
		bus->last_binding = bus->last_binding % HANDLE_MAX + 1;
	while (is_in_use(bus, bus->last_binding));
	return bus->last_binding;
}

static size_t write_bind(struct inquiry *inquiry, uint8_t *out)
{
	struct helio_binding *binding =
		container_of(inquiry, struct helio_binding, opening);
	Helio__Bus__V1__Bind body = HELIO__BUS__V1__BIND__INIT;

	body.has_handle = true;
	body.handle = binding->handle;
	body.has_schema_hash = true;
	body.schema_hash.data = binding->schema_hash;
	body.schema_hash.len = sizeof(binding->schema_hash);
	return out ? helio__bus__v1__bind__pack(&body, out)
		   : helio__bus__v1__bind__get_packed_size(&body);
}

static size_t write_unbind(struct inquiry *inquiry, uint8_t *out)
{
	const struct helio_binding *binding =
		container_of(inquiry, struct helio_binding, closing);

	if (out)
		le32_store(out, binding->handle);
	return 4;
}

/* The calls that use it are told why, each by its own reply. */
static void on_bound(struct inquiry *inquiry, const struct result *result)
{
	struct helio_binding *binding =
		container_of(inquiry, struct helio_binding, opening);

	if (result && result->status)
		client_set_error(binding->bus, result->reason,
				 strlen(result->reason));
}

static void binding_free(struct helio_binding *binding)
{
	list_unlink(&binding->link);
	list_unlink(&binding->opening.link);
	list_unlink(&binding->closing.link);
	free(binding->service);
	free(binding);
}

static void on_unbound(struct inquiry *inquiry, const struct result *result)
{
	(void)result;
	binding_free(container_of(inquiry, struct helio_binding, closing));
}

static bool is_welcome(const struct helio *bus)
{
	return bus->phase == PHASE_RENEWING || bus->phase == PHASE_CONNECTED;
}

int helio_bind(struct helio *bus, const char *service,
	       const uint8_t schema_hash[SCHEMA_HASH_BYTES],
	       struct helio_binding **ret_binding)
{
	struct helio_binding *binding;

	if (!subject_is_valid(service, strlen(service)))
		return -EINVAL;
	if (bus->phase == PHASE_CLOSED)
		return -ENOTCONN;
	binding = calloc(1, sizeof(*binding));
	if (!binding)
		return -ENOMEM;
	binding->service = strdup(service);
	if (!binding->service) {
		free(binding);
		return -ENOMEM;
	}
	binding->bus = bus;
	binding->handle = draw_handle(bus);
	memcpy(binding->schema_hash, schema_hash, SCHEMA_HASH_BYTES);
	binding->opening = (struct inquiry){
		.kind = FRAME_BIND,
		.subject = binding->service,
		.write = write_bind,
		.on_result = on_bound,
	};
	binding->closing = (struct inquiry){
		.kind = FRAME_UNBIND,
		.write = write_unbind,
		.on_result = on_unbound,
	};
	list_init(&binding->opening.link);
	list_init(&binding->closing.link);
	list_init(&binding->link);
	list_push_back(&bus->bindings, &binding->link);
	if (is_welcome(bus))
		inquiry_ask(&binding->opening, bus);
	*ret_binding = binding;
	return 0;
}

void helio_unbind(struct helio_binding *binding)
{
	if (!binding)
		return;
	if (!is_welcome(binding->bus)) {
		binding_free(binding);
		return;
	}
	inquiry_ask(&binding->closing, binding->bus);
}

void bindings_renew(struct helio *bus)
{
	struct list *link;

	list_for_each (link, &bus->bindings)
		inquiry_ask(&container_of(link, struct helio_binding, link)
				     ->opening,
			    bus);
}

void bindings_deinit(struct helio *bus)
{
	struct list *link;

	while ((link = list_pop_front(&bus->bindings))) {
		struct helio_binding *binding =
			container_of(link, struct helio_binding, link);

		free(binding->service);
		free(binding);
	}
}
