/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_SOURCE_H
#define SCHEMA_SOURCE_H

/**
 * Declarations as somebody would write them in a .proto file.
 *
 * protoc reads them as what they were, but for options that it does not
 * define itself, extensions and comments, which are left out. A stranger's
 * texts are escaped. Whether all of it found room, the buffer knows.
 */

#include "base/buffer.h"
#include "schema/pool.h"

void source_message(struct buffer *out, const struct pool_message *message);
void source_enum(struct buffer *out, const struct pool_enum *enumeration);
void source_service(struct buffer *out, const struct pool_service *service);

/** One line, `rpc Get(GetRequest) returns (Machine);`. */
void source_method(struct buffer *out, const struct pool_method *method);

/** What has a full name, whichever it is. */
void source_symbol(struct buffer *out, const struct pool_symbol *symbol);

/** All of a file. */
void source_file(struct buffer *out, const struct pool *pool,
		 const struct pool_file *file);

#endif
