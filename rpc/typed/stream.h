/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_STREAM_H
#define RPC_TYPED_STREAM_H

/**
 * A call of a method with streams, seen from the client.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "rpc/typed/introduction.h"

struct helio_stream {
	struct list link; /* in helio_client.streams */
	struct helio_client *client;
	const struct helio_method_type *method;
	struct helio_call *call; /* NULL once it is over, or while it waits */
	struct helio_stream_events events;
	void *userdata;

	/* To call again, when the registry has got the schema. */
	struct newcomer newcomer;
	struct helio_invoke_options options;
	uint64_t deadline_ns; /* 0: there is none */
	uint8_t *kept;        /* the request, and texts of the options */
	size_t n_request;
	bool was_refused; /* a message: on_writable is owed */
	bool is_finished;
	bool is_paused;
};

#endif
