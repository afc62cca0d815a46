/* SPDX-License-Identifier: MIT */

#include "rpc/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/subject.h"
#include "proto/unpack.h"
#include "rpc/client.h"
#include "rpc/request.h"

enum {
	CREDIT_CALLS_DEFAULT = 1024,
	METHODS_MAX = 1024,
	SERVE_MAX_BYTES = 60 * 1024,
	SERVED_ARENA_BYTES = 1024,
};

static struct helio_service *service_of(struct registration *registration)
{
	return container_of(registration, struct helio_service, registration);
}

static void service_free(struct helio_service *service)
{
	free(service->methods);
	free(service);
}

DEFINE_CLEANUP(struct helio_service *, service_free);

static void free_registration(struct registration *registration)
{
	service_free(service_of(registration));
}

static size_t write_serve(struct inquiry *inquiry, uint8_t *out)
{
	struct registration *registration =
		container_of(inquiry, struct registration, opening);
	struct helio_service *service =
		container_of(registration, struct helio_service, registration);
	Helio__Bus__V1__Serve body = HELIO__BUS__V1__SERVE__INIT;

	body.has_id = true;
	body.id = registration->id;
	body.methods = service->methods;
	body.n_methods = service->n_methods;
	body.has_schema_hash = service->has_schema;
	body.schema_hash.data = service->schema_hash;
	body.schema_hash.len = sizeof(service->schema_hash);
	body.has_credit_calls = true;
	body.credit_calls = registration->credit_messages;
	body.has_credit_bytes = true;
	body.credit_bytes = registration->credit_bytes;
	return out ? helio__bus__v1__serve__pack(&body, out)
		   : helio__bus__v1__serve__get_packed_size(&body);
}

static void learn_instance(struct helio_service *service,
			   const struct result *result)
{
	_Alignas(16) uint8_t memory[SERVED_ARENA_BYTES];
	uint8_t copy[SERVED_ARENA_BYTES / 2];
	struct unpack_arena arena = {
		.bytes = memory,
		.n_bytes = sizeof(memory),
	};
	const Helio__Bus__V1__Served *served;
	ProtobufCMessage *message;

	if (result->n_body > sizeof(copy))
		return;
	memcpy(copy, result->body, result->n_body);
	if (unpack(&helio__bus__v1__served__descriptor, copy, result->n_body,
		   &arena, &message))
		return;
	served = (const Helio__Bus__V1__Served *)message;
	if (!served->instance ||
	    snprintf(service->instance, sizeof(service->instance),
		     "$inst.%s.%s", served->instance,
		     service->registration.subject) >=
		    (int)sizeof(service->instance))
		service->instance[0] = '\0';
}

static void on_opened(struct registration *registration,
		      const struct result *result)
{
	registration->was_lost = false;
	learn_instance(service_of(registration), result);
}

static size_t write_drain(struct inquiry *inquiry, uint8_t *out)
{
	const struct registration *registration =
		container_of(inquiry, struct registration, draining);

	if (out)
		le32_store(out, registration->id);
	return 4;
}

void helio_service_settle(struct helio_service *service)
{
	if (!service->registration.is_draining ||
	    service->registration.state == REGISTRATION_CLOSING ||
	    !list_is_empty(&service->requests) || service->is_drained)
		return;
	service->is_drained = true;
	service->registration.bus->is_armed = false;
	list_push_back(&service->registration.bus->drained,
		       &service->drained_link);
}

static void drain(struct helio_service *service)
{
	struct registration *registration = &service->registration;

	if (registration->is_draining)
		return;
	registration->is_draining = true;
	helio_service_settle(service);
	if (service->on_draining)
		service->on_draining(service, registration->userdata);
}

/*
 * With the connection the registration is over, and that is as good. A refusal
 * is none to wait for: calls may still come, until the program unserves.
 */
static void on_drain(struct inquiry *inquiry, const struct result *result)
{
	struct registration *registration =
		container_of(inquiry, struct registration, draining);

	if (registration->state == REGISTRATION_CLOSING)
		return;
	if (result && result->status &&
	    registration->state == REGISTRATION_STANDING)
		client_set_error(registration->bus, result->reason,
				 strlen(result->reason));
	drain(service_of(registration));
}

int helio_drain(struct helio_service *service, helio_drain_fn on_drained)
{
	struct registration *registration = &service->registration;

	if (on_drained)
		service->on_drained = on_drained;
	if (list_is_linked(&registration->draining.link))
		return 0;
	if (registration->state == REGISTRATION_STANDING ||
	    registration->state == REGISTRATION_ASKED)
		inquiry_ask(&registration->draining, registration->bus);
	else
		drain(service);
	return 0;
}

/* The id of the registration stands where the switch puts what it draws. */
int helio_service_told(struct helio *bus, const struct frame *frame)
{
	uint64_t id = frame->correlation & ~FRAME_SWITCH_DRAWN;
	struct registration *registration = NULL;

	if (id <= INT32_MAX)
		registration =
			registration_lookup(&bus->registrations, (uint32_t)id);
	if (!registration || !registration->is_service)
		return client_violation(bus, "RESULT that was not asked for");
	if (registration->state != REGISTRATION_CLOSING)
		drain(service_of(registration));
	return 0;
}

void services_drained(struct helio *bus)
{
	struct list *link;

	while ((link = list_pop_front(&bus->drained))) {
		struct helio_service *service =
			container_of(link, struct helio_service, drained_link);

		if (service->on_drained)
			service->on_drained(service,
					    service->registration.userdata);
	}
}

/* A method is one token. */
static bool are_methods(const struct helio_serve_options *options)
{
	if (options->n_methods > METHODS_MAX)
		return false;
	for (size_t i = 0; i < options->n_methods; i++) {
		const char *method = options->methods[i];

		if (strchr(method, '.') ||
		    !subject_is_valid(method, strlen(method)))
			return false;
	}
	return true;
}

static int copy_methods(struct helio_service *service,
			const struct helio_serve_options *options)
{
	size_t n = options->n_methods;
	size_t n_bytes = n * sizeof(char *);
	char *text;

	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		n_bytes += strlen(options->methods[i]) + 1;
	service->methods = malloc(n_bytes);
	if (!service->methods)
		return -ENOMEM;
	text = (char *)(service->methods + n);
	for (size_t i = 0; i < n; i++) {
		size_t n_text = strlen(options->methods[i]) + 1;

		service->methods[i] = memcpy(text, options->methods[i], n_text);
		text += n_text;
	}
	service->n_methods = n;
	return 0;
}

static int service_new(const struct helio_serve_options *options,
		       struct helio_service **ret_service)
{
	_cleanup_(service_freep) struct helio_service *service = NULL;
	int r;

	service = malloc(sizeof(*service));
	if (!service)
		return -ENOMEM;
	*service = (struct helio_service){
		.registration = {
			.is_service = true,
			.opening = {
				.kind = FRAME_SERVE,
				.write = write_serve,
			},
			.closing = { .kind = FRAME_UNSERVE },
			.draining = {
				.kind = FRAME_DRAIN,
				.write = write_drain,
				.on_result = on_drain,
			},
			.on_ready = options->on_ready,
			.credit_messages = options->credit_calls
				? options->credit_calls
				: CREDIT_CALLS_DEFAULT,
			.credit_bytes = registration_credit_bytes(
				options->credit_bytes, SERVICE_CREDIT_BYTES),
			.on_opened = on_opened,
			.free = free_registration,
		},
		.on_cancelled = options->on_cancelled,
		.on_next = options->on_next,
		.on_finish = options->on_finish,
		.on_writable = options->on_writable,
		.window_bytes = options->window_bytes,
		.has_schema = options->schema_hash,
		.on_draining = options->on_draining,
		.on_drained = options->on_drained,
	};
	if (options->schema_hash)
		memcpy(service->schema_hash, options->schema_hash,
		       SCHEMA_HASH_BYTES);
	list_init(&service->requests);
	list_init(&service->drained_link);
	r = copy_methods(service, options);
	if (r < 0)
		return r;
	if (write_serve(&service->registration.opening, NULL) > SERVE_MAX_BYTES)
		return -E2BIG;
	*ret_service = take_ptr(service);
	return 0;
}

int helio_serve(struct helio *bus, const char *name,
		const struct helio_serve_options *options,
		helio_request_fn on_request, void *userdata,
		struct helio_service **ret_service)
{
	static const struct helio_serve_options no_options;
	_cleanup_(service_freep) struct helio_service *service = NULL;
	int r;

	options = options ? options : &no_options;
	if (!subject_is_valid(name, strlen(name)) || !on_request ||
	    !are_methods(options))
		return -EINVAL;
	if (bus->phase == PHASE_CLOSED)
		return -ENOTCONN;
	r = service_new(options, &service);
	if (r < 0)
		return r;
	service->on_request = on_request;
	service->registration.userdata = userdata;
	r = registration_open(&service->registration, bus, name);
	if (r < 0)
		return r;
	if (ret_service)
		*ret_service = service;
	service = NULL;
	return 0;
}

void helio_unserve(struct helio_service *service)
{
	struct list *link;

	if (!service)
		return;
	while ((link = list_pop_front(&service->requests))) {
		struct helio_request *request =
			container_of(link, struct helio_request, link);

		helio_request_orphan(request);
		helio_request_refuse(request->bus, request->id,
				     HELIO_UNAVAILABLE, "the service is gone");
		if (request->is_answered)
			helio_request_free(request);
	}
	list_unlink(&service->drained_link);
	registration_close(&service->registration);
}

void helio_serve_again(struct helio_service *service)
{
	registration_ask_again(&service->registration);
}

const char *helio_service_instance(const struct helio_service *service)
{
	return service->instance;
}
