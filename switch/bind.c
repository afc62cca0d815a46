/* SPDX-License-Identifier: MIT */

#include "switch/bind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/subject.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/control.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/receiver.h"
#include "switch/schema.h"

enum { TEXT_BYTES = 400, HANDLE_MAX = RECEIVER_ID_MAX };

static uint64_t hash_handle(const struct peer *peer, uint32_t handle)
{
	return hash_number(&peer->bus->routes.key, handle);
}

static struct bound *lookup(const struct peer *peer, uint32_t handle)
{
	struct map_node *node;

	if (peer->last_bound && peer->last_bound->handle == handle)
		return peer->last_bound;
	node = map_lookup(&peer->bound, hash_handle(peer, handle));
	for (; node; node = map_next(node)) {
		struct bound *bound = container_of(node, struct bound, node);

		if (bound->handle == handle)
			return bound;
	}
	return NULL;
}

/* A method of one byte must still fit behind it. */
static int check_name(const char *name, size_t n, char text[TEXT_BYTES])
{
	char longer[SUBJECT_MAX_BYTES + 1];

	if (subject_is_valid(name, n) && *name != '$' &&
	    n + 2 <= SUBJECT_MAX_BYTES) {
		memcpy(longer, name, n);
		memcpy(longer + n, ".m", 2);
		if (subject_is_valid(longer, n + 2))
			return STATUS_OK;
	}
	snprintf(text, TEXT_BYTES, "this is not a service");
	return STATUS_INVALID_ARGUMENT;
}

static int check(const struct peer *peer, const struct inbound *inbound,
		 const Helio__Bus__V1__Bind *asked, char text[TEXT_BYTES])
{
	if (!asked->handle || asked->handle > HANDLE_MAX) {
		snprintf(text, TEXT_BYTES, "a handle is from 1 to %d",
			 HANDLE_MAX);
		return STATUS_INVALID_ARGUMENT;
	}
	if (asked->schema_hash.len != SCHEMA_HASH_BYTES) {
		snprintf(text, TEXT_BYTES, "the hash of a schema has %d bytes",
			 SCHEMA_HASH_BYTES);
		return STATUS_INVALID_ARGUMENT;
	}
	if (lookup(peer, asked->handle)) {
		snprintf(text, TEXT_BYTES, "the handle is in use");
		return STATUS_ALREADY_EXISTS;
	}
	if (peer_n_held(peer) >= peer->bus->limits.subscriptions_max) {
		snprintf(text, TEXT_BYTES,
			 "%s has %u subscriptions, registrations and bound "
			 "services, and may have no more on a channel",
			 peer_path(peer), peer->bus->limits.subscriptions_max);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	return check_name(inbound->subject, inbound->frame.n_subject, text);
}

static int make(struct peer *peer, const struct inbound *inbound,
		const Helio__Bus__V1__Bind *asked, char text[TEXT_BYTES])
{
	struct account *account = peer->self.account;
	struct bound *bound;

	if (account_charge(account, RESOURCE_SUBSCRIPTIONS, 1)) {
		account_full_text(account, RESOURCE_SUBSCRIPTIONS, text,
				  TEXT_BYTES);
		return STATUS_RESOURCE_EXHAUSTED;
	}
	bound = calloc(1, sizeof(*bound));
	if (!bound || schema_get(&peer->bus->schemas, inbound->subject,
				 inbound->frame.n_subject,
				 asked->schema_hash.data, &bound->schema) < 0) {
		free(bound);
		account_discharge(account, RESOURCE_SUBSCRIPTIONS, 1);
		snprintf(text, TEXT_BYTES, "out of memory");
		return STATUS_RESOURCE_EXHAUSTED;
	}
	bound->handle = asked->handle;
	map_add(&peer->bound, &bound->node, hash_handle(peer, bound->handle));
	return STATUS_OK;
}

void bind_begin(struct peer *peer, const struct inbound *inbound)
{
	const Helio__Bus__V1__Bind *asked;
	ProtobufCMessage *unpacked;
	char text[TEXT_BYTES] = "";
	int r;

	if (control_unpack(peer, inbound, &helio__bus__v1__bind__descriptor,
			   &unpacked))
		return;
	asked = (const Helio__Bus__V1__Bind *)unpacked;
	r = check(peer, inbound, asked, text);
	if (!r)
		r = make(peer, inbound, asked, text);
	ask_answer(peer, inbound->frame.correlation, (enum status)r, text);
}

static void bound_free(struct peer *peer, struct bound *bound)
{
	if (peer->last_bound == bound)
		peer->last_bound = NULL;
	map_remove(&peer->bound, &bound->node);
	account_discharge(peer->self.account, RESOURCE_SUBSCRIPTIONS, 1);
	schema_unref(bound->schema);
	free(bound);
}

void bind_end(struct peer *peer, const struct inbound *inbound)
{
	struct bound *bound = NULL;

	if (inbound_body_bytes(inbound) == sizeof(uint32_t))
		bound = lookup(peer, le32_load(inbound->tail +
					       inbound->frame.n_metadata));
	if (!bound) {
		ask_answer(peer, inbound->frame.correlation, STATUS_NOT_FOUND,
			   "nothing is bound to this handle");
		return;
	}
	bound_free(peer, bound);
	ask_answer(peer, inbound->frame.correlation, STATUS_OK, "");
}

/* Returns STATUS_OK when the subject can be put together. */
static int check_call(const struct bound *bound, const struct inbound *inbound,
		      char *text, size_t n_text)
{
	const struct frame *frame = &inbound->frame;
	size_t n = frame->n_subject;
	size_t n_more = bound ? bound->schema->n_name + 1 : 0;

	if (!bound) {
		snprintf(text, n_text,
			 "nothing is bound to the handle %" PRIu32,
			 frame->handle);
		return STATUS_FAILED_PRECONDITION;
	}
	if (!n || memchr(inbound->subject, '.', n) ||
	    n_more + n > SUBJECT_MAX_BYTES) {
		snprintf(text, n_text,
			 "the subject of a call by a handle is its method");
		return STATUS_INVALID_ARGUMENT;
	}
	if (frame->length + n_more > FRAME_MAX_BYTES) {
		snprintf(text, n_text,
			 "with the service in its subject the frame is longer "
			 "than %d bytes",
			 FRAME_MAX_BYTES);
		return STATUS_INVALID_ARGUMENT;
	}
	return STATUS_OK;
}

int bind_fault(const struct peer *peer, const struct inbound *inbound,
	       char *text, size_t n_text)
{
	return check_call(lookup(peer, inbound->frame.handle), inbound, text,
			  n_text);
}

void bind_resolve(struct peer *peer, struct inbound *inbound)
{
	struct frame *frame = &inbound->frame;
	struct bound *bound = lookup(peer, frame->handle);
	const struct schema *schema;
	char ignored[TEXT_BYTES];

	if (check_call(bound, inbound, ignored, sizeof(ignored)))
		return;
	peer->last_bound = bound;
	schema = bound->schema;
	memmove(inbound->subject + schema->n_name + 1, inbound->subject,
		frame->n_subject + 1);
	memcpy(inbound->subject, schema->name, schema->n_name);
	inbound->subject[schema->n_name] = '.';
	frame->n_subject = (uint16_t)(frame->n_subject + schema->n_name + 1);
	frame->length += (uint32_t)schema->n_name + 1;
	frame->handle = 0;
	inbound->schema = bound->schema;
}

void bound_drop_all(struct peer *peer)
{
	struct map_node *node;

	while ((node = map_first(&peer->bound)))
		bound_free(peer, container_of(node, struct bound, node));
}
