/* SPDX-License-Identifier: MIT */

#include "rpc/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/status.h"
#include "rpc/ack.h"
#include "rpc/binding.h"
#include "rpc/call.h"
#include "rpc/reply.h"
#include "rpc/request.h"
#include "rpc/session.h"
#include "rpc/timer.h"
#include "transports/keyfile.h"

enum {
	PROGRAM_MAX_BYTES = 255,
	/* So long a program may be kept from its other work. */
	TURN_FRAMES_MAX = 4096,
	/* Over all messages that come in fragments at a time. */
	ASSEMBLIES_FACTOR = 4,
};

DEFINE_CLEANUP(struct helio *, helio_close);

static void say_goodbye(struct helio *bus, unsigned status, const char *reason)
{
	struct frame frame = {
		.kind = FRAME_GOODBYE,
		.flags = status ? FRAME_EXTENDED : 0,
		.status = (uint16_t)status,
	};
	uint8_t bytes[FRAME_HEADER_MAX_BYTES + ERROR_MAX_BYTES];
	size_t n = strlen(reason);

	frame_set_body(&frame, n);
	memcpy(bytes + frame_encode(&frame, bytes), reason, n);
	outbox_send_small(bus, bytes, frame.length);
}

static void free_calls(struct helio *bus)
{
	while (!list_is_empty(&bus->all_calls))
		helio_call_free(container_of(bus->all_calls.next,
					     struct helio_call, link));
	while (!list_is_empty(&bus->all_acks))
		ack_free(container_of(bus->all_acks.next, struct ack, link));
}

static void free_requests(struct helio *bus)
{
	struct map_node *node;
	struct list *link;

	while (bus->requests.buckets && (node = map_first(&bus->requests)))
		helio_request_free(
			container_of(node, struct helio_request, node));
	while ((link = list_pop_front(&bus->orphans)))
		helio_request_free(
			container_of(link, struct helio_request, link));
}

static void free_registrations(struct helio *bus)
{
	list_splice_back(&bus->dead, &bus->registrations.all);
	registrations_reap(bus);
	registrations_deinit(&bus->registrations);
}

/* What was sent is still brought out, as far as there is room. */
static void free_channel(struct helio *bus)
{
	if (bus->channel && !bus->fault) {
		say_goodbye(bus, HELIO_OK, "");
		(void)channel_flush(bus->channel);
	}
	bus->channel = channel_free(bus->channel);
}

void helio_close(struct helio *bus)
{
	if (!bus)
		return;
	free_channel(bus);
	client_free_syncs(bus);
	free_calls(bus);
	free_requests(bus);
	free_registrations(bus);
	bindings_deinit(bus);
	timers_deinit(bus);
	spares_deinit(&bus->spare_calls);
	spares_deinit(&bus->spare_requests);
	reply_free(bus->kept);
	map_deinit(&bus->calls);
	map_deinit(&bus->requests);
	map_deinit(&bus->acks);
	frame_reader_deinit(&bus->reader);
	metadata_reader_deinit(&bus->metadata);
	assemblies_deinit(&bus->assemblies);
	handles_deinit(&bus->handles);
	deadlines_deinit(&bus->deadlines);
	outbox_deinit(&bus->outbox);
	poller_deinit(&bus->poller);
	free(bus->program);
	free(bus->address);
	free(bus);
}

static int init_tables(struct helio *bus)
{
	if (map_init(&bus->calls) < 0 || map_init(&bus->requests) < 0 ||
	    map_init(&bus->acks) < 0 || handles_init(&bus->handles) < 0 ||
	    assemblies_init(&bus->assemblies,
			    bus->message_max * ASSEMBLIES_FACTOR) < 0)
		return -ENOMEM;
	return 0;
}

static int turn_frames(const struct helio_options *options)
{
	uint32_t n = options->turn_frames;

	return n && n < TURN_FRAMES_MAX ? (int)n : TURN_FRAMES_MAX;
}

int client_new(const struct helio_options *options, struct helio **ret_bus)
{
	static const struct helio_options no_options;
	_cleanup_(helio_closep) struct helio *bus = NULL;
	int r;

	options = options ? options : &no_options;
	if (options->program && strlen(options->program) > PROGRAM_MAX_BYTES)
		return -EINVAL;
	bus = malloc(sizeof(*bus));
	if (!bus)
		return -ENOMEM;
	*bus = (struct helio){
		.message_max = options->message_max ? options->message_max
						    : MESSAGE_MAX_DEFAULT,
		.turn_frames = turn_frames(options),
		.no_reconnect = options->no_reconnect,
		.on_state = options->on_state,
		.on_refused = options->on_refused,
		.userdata = options->userdata,
		.poller = { .epoll_fd = -1 },
		.phase = PHASE_WAITING,
		.now_ns = clock_now_ns(),
	};
	list_init(&bus->drained);
	list_init(&bus->dead);
	list_init(&bus->bindings);
	list_init(&bus->timers);
	flows_init(&bus->flows);
	list_init(&bus->orphans);
	list_init(&bus->all_calls);
	list_init(&bus->all_acks);
	list_init(&bus->renewed.link);
	outbox_init(&bus->outbox);
	registrations_init(&bus->registrations);
	if (options->program && !(bus->program = strdup(options->program)))
		return -ENOMEM;
	r = init_tables(bus);
	if (r < 0)
		return r;
	*ret_bus = take_ptr(bus);
	return 0;
}

int client_new_on(struct channel *channel, const struct helio_options *options,
		  struct helio **ret_bus)
{
	_cleanup_(helio_closep) struct helio *bus = NULL;
	int r;

	r = client_new(options, &bus);
	if (r < 0)
		return r;
	session_greet(bus, channel);
	if (bus->fault) {
		bus->channel = NULL;
		return -ENOMEM;
	}
	*ret_bus = take_ptr(bus);
	return 0;
}

static int set_keys(struct helio *bus, const struct helio_options *options)
{
	struct transport_options *keys = &bus->transport_options;
	struct key_pair pair;
	int r;

	if (options->key_file) {
		r = keyfile_load_pair(options->key_file, &pair);
		if (r < 0)
			return r;
		memcpy(keys->public_key, pair.public_key,
		       sizeof(pair.public_key));
		memcpy(keys->secret_key, pair.secret_key,
		       sizeof(pair.secret_key));
	}
	if (options->server_key)
		return keyfile_decode(options->server_key,
				      strlen(options->server_key),
				      keys->server_key);
	return 0;
}

static int set_address(struct helio *bus, const char *address,
		       const struct helio_options *options)
{
	int r;

	bus->address = strdup(address);
	if (!bus->address)
		return -ENOMEM;
	r = transport_lookup(bus->address, &bus->transport, &bus->rest);
	if (r < 0 || !options)
		return r;
	bus->transport_options.ring_bytes = options->ring_bytes;
	bus->transport_options.is_plain = options->is_plain;
	return set_keys(bus, options);
}

/* Only that nobody is there may change without the program's doing. */
static bool is_passing(int r)
{
	return r == -ECONNREFUSED || r == -ENOENT || r == -EAGAIN ||
	       r == -ETIMEDOUT || r == -ENETUNREACH || r == -EHOSTUNREACH;
}

int helio_open(const char *address, const struct helio_options *options,
	       struct helio **ret_bus)
{
	_cleanup_(helio_closep) struct helio *bus = NULL;
	int r;

	r = client_new(options, &bus);
	if (r < 0)
		return r;
	r = set_address(bus, address, options);
	if (r < 0)
		return r;
	r = poller_init(&bus->poller);
	if (r < 0)
		return r;
	r = session_connect(bus);
	if (r < 0 && (bus->no_reconnect || !is_passing(r)))
		return r;
	if (bus->fault)
		return bus->fault;
	*ret_bus = take_ptr(bus);
	return 0;
}

enum helio_state helio_state(const struct helio *bus)
{
	if (bus->phase == PHASE_CLOSED)
		return HELIO_CLOSED;
	return bus->phase == PHASE_CONNECTED ? HELIO_CONNECTED
					     : HELIO_CONNECTING;
}

const char *helio_error(const struct helio *bus)
{
	return bus->error;
}

const char *helio_principal(const struct helio *bus)
{
	return bus->principal;
}

const char *helio_status_name(unsigned status)
{
	return status_name(status);
}

int helio_status_errno(unsigned status)
{
	return status ? client_errno(status) : 0;
}

int helio_fd(const struct helio *bus)
{
	return bus->poller.epoll_fd;
}

int helio_timeout_ms(const struct helio *bus)
{
	uint64_t at_ns = deadlines_next_ns(&bus->deadlines);
	uint64_t now_ns;
	uint64_t left_ms;

	if (bus->channel && !bus->is_armed)
		return 0;
	if (bus->phase == PHASE_WAITING && bus->retry_at_ns < at_ns)
		at_ns = bus->retry_at_ns;
	if (at_ns == UINT64_MAX || bus->phase == PHASE_CLOSED)
		return -1;
	now_ns = clock_now_ns();
	if (at_ns <= now_ns)
		return 0;
	left_ms = (at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

void client_set_error(struct helio *bus, const char *text, size_t n)
{
	if (n > ERROR_MAX_BYTES)
		n = ERROR_MAX_BYTES;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		bus->error[i] = text[i];
		if (c < 0x20 || c == 0x7f)
			bus->error[i] = '?';
	}
	bus->error[n] = '\0';
}

int client_fail(struct helio *bus, int r, const char *format, ...)
{
	char text[ERROR_MAX_BYTES + 1];
	va_list args;

	if (bus->fault)
		return -ENOTCONN;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	client_set_error(bus, text, strlen(text));
	bus->fault = r;
	bus->is_armed = false;
	return -ENOTCONN;
}

int client_violation(struct helio *bus, const char *reason)
{
	say_goodbye(bus, HELIO_INVALID_ARGUMENT, reason);
	if (!bus->fault)
		(void)channel_flush(bus->channel);
	return client_fail(bus, -EPROTO, "the switch erred: %s", reason);
}

uint64_t client_draw_id(struct helio *bus)
{
	do
		bus->last_id++;
	while (!bus->last_id || helio_call_lookup(bus, bus->last_id));
	return bus->last_id;
}

int client_errno(unsigned status)
{
	static const int errnos[] = {
		[HELIO_CANCELLED] = -ECANCELED,
		[HELIO_INVALID_ARGUMENT] = -EINVAL,
		[HELIO_DEADLINE_EXCEEDED] = -ETIMEDOUT,
		[HELIO_NOT_FOUND] = -ENOENT,
		[HELIO_ALREADY_EXISTS] = -EEXIST,
		[HELIO_PERMISSION_DENIED] = -EACCES,
		[HELIO_RESOURCE_EXHAUSTED] = -EDQUOT,
		[HELIO_FAILED_PRECONDITION] = -EPROTONOSUPPORT,
		[HELIO_OUT_OF_RANGE] = -ERANGE,
		[HELIO_UNIMPLEMENTED] = -EOPNOTSUPP,
		[HELIO_UNAVAILABLE] = -ENOTCONN,
		[HELIO_UNAUTHENTICATED] = -EACCES,
	};

	if (status < sizeof(errnos) / sizeof(*errnos) && errnos[status])
		return errnos[status];
	return -EIO;
}
