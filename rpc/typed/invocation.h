/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_INVOCATION_H
#define RPC_TYPED_INVOCATION_H

/**
 * One call of a unary method, through all of its tries.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "rpc/typed/introduction.h"

enum { KEY_BYTES = 33 };

struct invocation {
	struct list link; /* in helio_client.invocations */
	struct helio_client *client;
	const struct helio_method_type *method;
	ProtobufCClosure closure;
	void *closure_data;
	struct intake *intake;     /* where its response is unpacked */
	struct helio_call *call;   /* or NULL, between two tries */
	struct helio_timer *timer; /* to the next try, or NULL */
	struct newcomer newcomer;
	struct helio_invoke_options options; /* what they point to is below */
	uint64_t deadline_ns;
	unsigned n_tries;
	char key[KEY_BYTES]; /* that was drawn for it */
	size_t n_body;
	bool is_small;  /* of INVOCATION_BYTES, to be used again */
	uint8_t body[]; /* and the texts of the options */
};

/* Those of which all is in so many bytes are used again. */
enum { INVOCATION_BYTES = 1024 };

/**
 * Start one. Whatever comes of it, the closure is called once, possibly before
 * this returns; unless there is no memory: -ENOMEM; the message is above 2 GiB:
 * -EMSGSIZE; or of another type: -EINVAL.
 */
int invocation_start(struct helio_client *client,
		     const struct helio_method_type *method,
		     const ProtobufCMessage *request, ProtobufCClosure closure,
		     void *closure_data);

/** Give it up without a closure. */
void invocation_free(struct invocation *invocation);

/** Tell the closure that it failed, before there is an invocation. */
void invocation_refuse(struct helio_client *client, unsigned status,
		       const char *reason, ProtobufCClosure closure,
		       void *closure_data);

#endif
