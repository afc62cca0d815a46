/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_STREAM_H
#define RPC_TYPED_STREAM_H

/**
 * A call of a method with streams, seen from the client.
 */

#include "base/list.h"
#include "rpc/heliograph-rpc.h"

struct helio_stream {
	struct list link; /* in helio_client.streams */
	struct helio_client *client;
	const struct helio_method_type *method;
	struct helio_call *call; /* NULL once it is over */
	struct helio_stream_events events;
	void *userdata;
};

#endif
