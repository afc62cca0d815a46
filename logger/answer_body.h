/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_BODY_H
#define LOGGER_ANSWER_BODY_H

/**
 * Bodies of records, decoded by the schemas that the log has kept. Body and
 * schema may be a stranger's, so that what is not as it should be, or takes too
 * much, is as if it had no schema: nobody spoils another one's question.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "proto/run.h"
#include "schema/pool_cache.h"
#include "schema/record.h"

/** What a body is. It points into the record, or into what was packed. */
struct answer_body {
	const uint8_t *hash; /* of the schema; zeros: the bus's own */
	const char *type;    /* full name of the message, not terminated */
	size_t n_type;
	const uint8_t *bytes;
	size_t n_bytes;
};

/** The one that was decoded last. */
struct answer_decoded {
	const struct pool *pool; /* NULL: nothing was decoded yet */
	const struct pool_message *type;
	uint64_t n_freed; /* of the pools, then */
	uint8_t *bytes;   /* a copy, which the record points into */
	size_t n_bytes;
	struct arena arena;
	struct record *record; /* NULL: it cannot be decoded */
};

struct answer_bodies {
	struct pool_cache pools;
	struct answer_decoded decoded;
	struct buffer json;
	struct buffer packed;
	int (*load)(void *userdata, const uint8_t *hash,
		    const uint8_t **ret_set, size_t *ret_n);
	void *userdata;
};

/**
 * `load` and `userdata` as of pool_cache_init(), for all schemas but the bus's
 * own. `bodies` must not move.
 */
void answer_bodies_init(struct answer_bodies *bodies,
			int (*load)(void *userdata, const uint8_t *hash,
				    const uint8_t **ret_set, size_t *ret_n),
			void *userdata);
/** Safe on a zeroed one. */
void answer_bodies_deinit(struct answer_bodies *bodies);

/*
 * Each returns 1; 0: there is no such thing; or a negative errno, of memory or
 * of the log. What they give lives until the next call on `bodies`.
 */

/** What the body of a record is, if it names a schema that is known. */
int answer_body_of(struct answer_bodies *bodies,
		   const struct run_record *record,
		   struct answer_body *ret_body);

/** As bytes that say all of it, and the other way. */
int answer_body_pack(struct answer_bodies *bodies,
		     const struct answer_body *body, const void **ret_bytes,
		     size_t *ret_n);
int answer_body_unpack(const void *bytes, size_t n,
		       struct answer_body *ret_body);

/** In bodies->decoded. */
int answer_body_decode(struct answer_bodies *bodies,
		       const struct answer_body *body);

/**
 * As JSON in one line: the body that was decoded last, a record in it, or all
 * that a field of it holds; what is not asked for is NULL.
 */
int answer_body_json(struct answer_bodies *bodies, struct record *record,
		     struct slot *slot, const char **ret_json, size_t *ret_n);

#endif
