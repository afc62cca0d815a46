/* SPDX-License-Identifier: MIT */
#ifndef CLI_REGISTRY_H
#define CLI_REGISTRY_H

/** Calls to the registry of schemas, helio.registry.v1.Registry. */

#include <helio/registry/v1/registry.pb-c.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTRY_HASH_BYTES = 32, REGISTRY_HASH_TEXT = 65 };

struct control;

/** As control_call(). */
int registry_call(struct control *control, const char *method,
		  const ProtobufCMessage *request,
		  const ProtobufCMessageDescriptor *descriptor,
		  ProtobufCMessage **ret_reply);

/**
 * A schema by its hash, or, when that is NULL, the newest of `package`. The
 * reply lives until the next call. Returns EXIT_NOT_FOUND without a word when
 * there is none; other exit codes were told.
 */
int registry_get(struct control *control, const uint8_t *hash,
		 const char *package,
		 const Helio__Registry__V1__GetReply **ret_reply);

/** In hex. */
void registry_format_hash(const uint8_t *hash, size_t n,
			  char text[REGISTRY_HASH_TEXT]);

/** 64 digits of hex. Returns 0 or -EINVAL. */
int registry_parse_hash(const char *text, uint8_t hash[REGISTRY_HASH_BYTES]);

#endif
