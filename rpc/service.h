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
#include "rpc/binding.h"
#include "rpc/registration.h"

struct incoming;

struct helio_service {
	struct registration registration;
	char **methods; /* one allocation with their texts */
	size_t n_methods;
	helio_request_fn on_request;
	helio_cancelled_fn on_cancelled;
	helio_request_next_fn on_next;
	helio_request_event_fn on_finish;
	helio_request_event_fn on_writable;
	uint32_t window_bytes;
	bool has_schema;
	uint8_t schema_hash[SCHEMA_HASH_BYTES];
	struct list drained_link; /* in helio.drained */
	bool is_drained; /* it is or was there: on_drained comes once */
	helio_drain_fn on_draining;
	helio_drain_fn on_drained;
	struct list requests; /* struct helio_request, not answered */
	char instance[FRAME_SUBJECT_MAX_BYTES + 1];
};

/** A call came as a whole. */
void helio_service_deliver(struct registration *registration,
			   const struct incoming *incoming);

/** One of its requests is over: if it drains, it may have been the last. */
void helio_service_settle(struct helio_service *service);

/** The switch says by itself that it drains. */
int helio_service_told(struct helio *bus, const struct frame *frame);

/** Call back for those whose last request was answered. */
void services_drained(struct helio *bus);

#endif
