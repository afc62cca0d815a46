/* SPDX-License-Identifier: MIT */
#ifndef CLI_CALLING_H
#define CLI_CALLING_H

/**
 * One call of a method whose messages are JSON here and protobuf on the bus.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/input.h"
#include "rpc/heliograph.h"
#include "schema/pool.h"

struct calling {
	struct helio *bus;
	const struct pool *pool;
	const struct pool_method *method;
	const char *subject;
	const char *name; /* as it was called on the command line */
	bool is_json;     /* replies and status in an object */
	struct helio_call_options options;
	struct input *input; /* the requests; NULL: one empty message */

	/* While it runs. */
	struct helio_call *call;
	bool is_over;
	int code;
	bool is_finished; /* all requests were sent */
	bool is_writable; /* there is credit again since the last try */
	uint64_t n_lines; /* of the input */
	uint8_t *pending; /* a request that waits until it can be sent */
	size_t n_pending;
};

/**
 * Call, send what the input has, and write what comes. Returns an exit code;
 * unless it is EXIT_OK, why was told.
 */
int calling_run(struct calling *calling);

#endif
