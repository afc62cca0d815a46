/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_BODY_H
#define SCHEMA_BODY_H

/**
 * Which message a body is. Of a published one the content type says so, as in
 * `application/protobuf; message=foo.v1.Thing`; of a call and its reply, the
 * method. Neither is terminated.
 */

#include <stdbool.h>
#include <stddef.h>

#include "schema/pool.h"

/** The message that a content type names, and its length; NULL: none. */
const char *body_message_name(const char *content_type, size_t n,
			      size_t *ret_n);

/** Its declaration; NULL: none is named, or the pool does not have it. */
const struct pool_message *body_type(const struct pool *pool,
				     const char *content_type, size_t n);

/**
 * What a method takes, or replies, by the subject on which it is called:
 * `foo.v1.Things.Get`, or the same behind `$inst.ID.`. NULL: the pool does not
 * have it.
 */
const struct pool_message *body_type_of_call(const struct pool *pool,
					     const char *subject, size_t n,
					     bool is_reply);

/** What stands behind `$inst.ID.`, and its length; others as they are. */
const char *body_service_of(const char *subject, size_t n, size_t *ret_n);

#endif
