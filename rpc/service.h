/* SPDX-License-Identifier: MIT */
#ifndef RPC_SERVICE_H
#define RPC_SERVICE_H

/**
 * What we serve.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/frame.h"
#include "rpc/registration.h"

struct incoming;

struct helio_service {
	struct registration registration;
	char **methods; /* one allocation with their texts */
	size_t n_methods;
	helio_request_fn on_request;
	helio_cancelled_fn on_cancelled;
	struct list requests; /* struct helio_request, not answered */
	char instance[FRAME_SUBJECT_MAX_BYTES + 1];
};

/** A call came as a whole. */
void helio_service_deliver(struct registration *registration,
			   const struct incoming *incoming);

#endif
