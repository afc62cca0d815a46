/* SPDX-License-Identifier: MIT */
#ifndef GENERATE_PLUGIN_H
#define GENERATE_PLUGIN_H

/**
 * What protoc-gen-helio answers to protoc: of each file NAME.proto that is to
 * be generated NAME.helio.h and NAME.helio.c, which stand on the NAME.pb-c.h of
 * protoc-c.
 *
 * Source of the format: google/protobuf/compiler/plugin.proto. The request is
 * protoc's and trusted.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * Answer a packed CodeGeneratorRequest of `n` bytes by a packed
 * CodeGeneratorResponse, which the caller frees. A fault of the .proto files is
 * told in the response. Returns 0, -EBADMSG when the request is none, -ENOMEM.
 */
int plugin_run(const uint8_t *bytes, size_t n, uint8_t **ret_bytes,
	       size_t *ret_n);

#endif
