/* SPDX-License-Identifier: MIT */

#include "logger/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proto/subject.h"
#include "proto/unpack.h"

enum { ARENA_FACTOR = 8, ARENA_BASE_BYTES = 8192 };

bool config_is_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	if (!n || n > LOG_NAME_MAX_BYTES)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

static const char *patterns_fault(const Helio__Log__V1__Config *proto)
{
	for (size_t i = 0; i < proto->n_patterns; i++) {
		const char *a = proto->patterns[i];

		if (!pattern_is_valid(a, strlen(a)))
			return "one of the patterns is none";
		if (*a == '$')
			return "what begins with $ is not captured";
		for (size_t j = 0; j < i; j++) {
			const char *b = proto->patterns[j];

			if (pattern_overlaps(a, strlen(a), b, strlen(b)))
				return "two of the patterns overlap";
		}
	}
	return NULL;
}

static const char *services_fault(const Helio__Log__V1__Config *proto)
{
	for (size_t i = 0; i < proto->n_services; i++) {
		const char *service = proto->services[i];

		if (!subject_is_valid(service, strlen(service)) ||
		    *service == '$')
			return "one of the services is none";
		for (size_t j = 0; j < i; j++)
			if (!strcmp(service, proto->services[j]))
				return "a service is there twice";
	}
	return NULL;
}

const char *config_fault(const Helio__Log__V1__Config *proto)
{
	const char *fault;

	if (proto->n_patterns > CONFIG_PATTERNS_MAX)
		return "there are more than 32 patterns";
	if (proto->n_services > CONFIG_SERVICES_MAX)
		return "there are more than 32 services";
	fault = patterns_fault(proto);
	if (!fault)
		fault = services_fault(proto);
	if (!fault && proto->body_max > CONFIG_BODY_MAX)
		fault = "body_max is more than 1 MiB";
	if (!fault && (proto->age_max_ms > UINT64_MAX / NS_PER_MS ||
		       proto->dedup_window_ms > UINT64_MAX / NS_PER_MS))
		fault = "a time is too long";
	if (!fault &&
	    protobuf_c_message_get_packed_size(&proto->base) > CONFIG_BYTES_MAX)
		fault = "it is too long";
	return fault;
}

int config_unpack(const void *bytes, size_t n, struct config *ret_config)
{
	struct unpack_arena arena = { .n_bytes = ARENA_BASE_BYTES +
						 n * ARENA_FACTOR };
	ProtobufCMessage *message;

	if (n > CONFIG_BYTES_MAX)
		return -EBADMSG;
	/* Bytes of the message point into these, behind the arena. */
	arena.bytes = malloc(arena.n_bytes + n);
	if (!arena.bytes)
		return -ENOMEM;
	if (n)
		memcpy(arena.bytes + arena.n_bytes, bytes, n);
	if (unpack(&helio__log__v1__config__descriptor,
		   arena.bytes + arena.n_bytes, n, &arena, &message) ||
	    config_fault((const Helio__Log__V1__Config *)message)) {
		free(arena.bytes);
		return -EBADMSG;
	}
	*ret_config = (struct config){
		.proto = (const Helio__Log__V1__Config *)message,
		.memory = arena.bytes,
	};
	return 0;
}

int config_copy(const Helio__Log__V1__Config *proto, struct config *ret_config)
{
	size_t n = protobuf_c_message_get_packed_size(&proto->base);
	uint8_t *packed = malloc(n + 1);
	int r;

	if (!packed)
		return -ENOMEM;
	protobuf_c_message_pack(&proto->base, packed);
	r = config_unpack(packed, n, ret_config);
	free(packed);
	return r;
}

void config_deinit(struct config *config)
{
	free(config->memory);
	*config = (struct config){ .proto = NULL };
}

#define TAKE(field)                                        \
	do {                                               \
		if (change->has_##field) {                 \
			ret_config->has_##field = 1;       \
			ret_config->field = change->field; \
		}                                          \
	} while (0)

void config_merge(const Helio__Log__V1__Config *before,
		  const Helio__Log__V1__Config *change, bool set_patterns,
		  bool set_services, Helio__Log__V1__Config *ret_config)
{
	static const Helio__Log__V1__Config none = HELIO__LOG__V1__CONFIG__INIT;

	*ret_config = *before;
	change = change ? change : &none;
	if (set_patterns) {
		ret_config->patterns = change->patterns;
		ret_config->n_patterns = change->n_patterns;
	}
	if (set_services) {
		ret_config->services = change->services;
		ret_config->n_services = change->n_services;
	}
	TAKE(age_max_ms);
	TAKE(records_max);
	TAKE(bytes_max);
	TAKE(subject_records_max);
	TAKE(principal_bytes_max);
	TAKE(dedup_window_ms);
	TAKE(body_max);
}

static uint8_t *pack(const Helio__Log__V1__Config *proto, size_t *ret_n)
{
	uint8_t *bytes;

	*ret_n = protobuf_c_message_get_packed_size(&proto->base);
	bytes = malloc(*ret_n + 1);
	if (bytes)
		protobuf_c_message_pack(&proto->base, bytes);
	return bytes;
}

bool config_is_equal(const Helio__Log__V1__Config *a,
		     const Helio__Log__V1__Config *b)
{
	size_t n_a = 0, n_b = 0;
	uint8_t *packed_a = pack(a, &n_a);
	uint8_t *packed_b = pack(b, &n_b);
	bool is_equal = packed_a && packed_b && n_a == n_b &&
			!memcmp(packed_a, packed_b, n_a);

	free(packed_a);
	free(packed_b);
	return is_equal;
}

void config_limits(const struct config *config, struct log_limits *ret_limits)
{
	const Helio__Log__V1__Config *proto = config->proto;

	*ret_limits = (struct log_limits){
		.age_max_ns = proto->age_max_ms * NS_PER_MS,
		.records_max = proto->records_max,
		.bytes_max = proto->bytes_max,
		.subject_records_max = proto->subject_records_max,
		.principal_bytes_max = proto->principal_bytes_max,
		.dedup_window_ns = proto->dedup_window_ms * NS_PER_MS,
	};
}

uint64_t config_body_max(const struct config *config)
{
	return config->proto->body_max ? config->proto->body_max
				       : CONFIG_BODY_MAX;
}

uint64_t config_subject_records_max(const struct config *config)
{
	return config->proto ? config->proto->subject_records_max : 0;
}
