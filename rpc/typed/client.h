/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_CLIENT_H
#define RPC_TYPED_CLIENT_H

/**
 * A client: a ProtobufCService whose methods are called over the bus.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/spare.h"
#include "rpc/heliograph-rpc.h"
#include "rpc/typed/intake.h"
#include "rpc/typed/introduction.h"

enum { SUBJECT_BYTES = 256 };

struct helio_client {
	ProtobufCService service; /* first: protobuf-c casts */
	struct helio *bus;
	const struct helio_service_type *type;
	struct helio_binding *binding; /* NULL without a schema */
	struct introduction introduction;
	struct helio_invoke_options options;
	struct helio_invoke_options next; /* of the next call only */
	bool has_next;
	const struct helio_reply *reply; /* while a closure is told of it */
	unsigned n_telling;              /* closures that run */
	bool is_freed;                   /* once they have returned */
	struct list invocations;
	struct spares spare; /* invocations of INVOCATION_BYTES */
	struct list streams;
	struct intake intake;

	/* Of helio_client_wait(). */
	struct intake kept;
	struct helio_reply kept_reply;
	char *kept_text; /* reason and details */
};

/** The options of a call that is about to start. */
struct helio_invoke_options client_take_options(struct helio_client *client);

/**
 * Around each closure, which may free the client: then it is gone when the
 * latter returns. `before` is what the former returned.
 */
const struct helio_reply *client_begin_telling(struct helio_client *client,
					       const struct helio_reply *reply);
void client_end_telling(struct helio_client *client,
			const struct helio_reply *before);

/**
 * How `method` is called: the subject, in `text` if it has to be put together,
 * and what of the call options depends on it. NULL: it is too long.
 */
const char *client_address(const struct helio_client *client,
			   const struct helio_method_type *method,
			   const struct helio_invoke_options *options,
			   struct helio_call_options *call_options,
			   char text[SUBJECT_BYTES]);

/** The method, or NULL when there is none with that index. */
static inline const struct helio_method_type *client_method(
	const struct helio_client *client, unsigned index)
{
	return index < client->type->n_methods ? &client->type->methods[index]
					       : NULL;
}

#endif
