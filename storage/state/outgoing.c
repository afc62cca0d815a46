/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/state/party.h"
#include "storage/state/state.h"

/* What one is charged beside its texts and bytes. */
enum { OUTGOING_BYTES = 384 };

static Helio__Store__V1__Message *copy_message(
	const Helio__Store__V1__Message *from)
{
	size_t n = helio__store__v1__message__get_packed_size(from);
	_cleanup_(freep) uint8_t *packed = malloc(n + 1);

	if (!packed)
		return NULL;
	helio__store__v1__message__pack(from, packed);
	return helio__store__v1__message__unpack(NULL, n, packed);
}

static struct outgoing *free_outgoing(struct state *state,
				      struct outgoing *outgoing)
{
	if (outgoing->message)
		helio__store__v1__message__free_unpacked(outgoing->message,
							 NULL);
	party_unref(state, outgoing->party);
	free(outgoing);
	return NULL;
}

static void count(struct state *state, const struct outgoing *outgoing, int n)
{
	state->n_outgoing += (size_t)n;
	if (outgoing->party)
		outgoing->party->account->n_outgoing += (size_t)n;
}

static void leave(struct state *state, struct outgoing *outgoing)
{
	list_unlink(&outgoing->link);
	map_remove(&state->outgoing_numbers, &outgoing->node);
	count(state, outgoing, -1);
	party_charge(state, outgoing->party, -(int64_t)outgoing->n_bytes);
	free_outgoing(state, outgoing);
}

/* By number: one of the past comes when a store is read. */
static void enter(struct state *state, struct outgoing *outgoing)
{
	struct list *before = state->outgoing.prev;

	while (before != &state->outgoing &&
	       container_of(before, struct outgoing, link)->number >
		       outgoing->number)
		before = before->prev;
	list_push_front(before, &outgoing->link);
	map_add(&state->outgoing_numbers, &outgoing->node,
		map_hash_u64(outgoing->number));
	count(state, outgoing, 1);
	party_charge(state, outgoing->party, (int64_t)outgoing->n_bytes);
}

static void take_back(struct state *state, struct undo *undo)
{
	leave(state, container_of(undo, struct outgoing, undo));
}

static void let_go(struct state *state, struct undo *undo)
{
	(void)state;
	(void)undo;
}

static void take_back_sent(struct state *state, struct undo *undo)
{
	(void)state;
	container_of(undo, struct outgoing, sent_undo)->is_sent = false;
}

static void let_go_sent(struct state *state, struct undo *undo)
{
	leave(state, container_of(undo, struct outgoing, sent_undo));
}

size_t outgoing_bytes(const Helio__Store__V1__Message *message)
{
	return OUTGOING_BYTES +
	       helio__store__v1__message__get_packed_size(message);
}

static bool is_whole(const Helio__Store__V1__Outgoing *in)
{
	return in->number && in->message && in->message->subject && in->key &&
	       strlen(in->key) < sizeof(((struct outgoing *)0)->key);
}

static int make(struct state *state, const Helio__Store__V1__Outgoing *in,
		struct outgoing **ret_outgoing)
{
	struct outgoing *outgoing = calloc(1, sizeof(*outgoing));

	if (!outgoing)
		return -ENOMEM;
	outgoing->number = in->number;
	outgoing->undo =
		(struct undo){ .take_back = take_back, .let_go = let_go };
	outgoing->sent_undo = (struct undo){ .take_back = take_back_sent,
					     .let_go = let_go_sent };
	outgoing->n_bytes = outgoing_bytes(in->message);
	snprintf(outgoing->key, sizeof(outgoing->key), "%s", in->key);
	outgoing->message = copy_message(in->message);
	if (in->principal)
		outgoing->party =
			party_get(state, in->principal,
				  in->durable_id ? in->durable_id : "");
	if (!outgoing->message || (in->principal && !outgoing->party)) {
		free_outgoing(state, outgoing);
		return -ENOMEM;
	}
	*ret_outgoing = outgoing;
	return 0;
}

int outgoing_apply(struct state *state, const Helio__Store__V1__Outgoing *in,
		   uint64_t revision)
{
	struct outgoing *outgoing;
	int r;

	if (!is_whole(in) || outgoing_lookup(state, in->number))
		return -EBADMSG;
	r = make(state, in, &outgoing);
	if (r)
		return r;
	outgoing->revision = revision;
	enter(state, outgoing);
	if (in->number >= state->next_outgoing)
		state->next_outgoing = in->number + 1;
	undo_add(state, &outgoing->undo);
	return 0;
}

int outgoing_apply_sent(struct state *state, uint64_t number)
{
	struct outgoing *outgoing = outgoing_lookup(state, number);

	if (!outgoing || outgoing->is_sent)
		return -EBADMSG;
	outgoing->is_sent = true;
	undo_add(state, &outgoing->sent_undo);
	return 0;
}

/* ---- another key ---- */

struct another_key {
	struct undo undo;
	struct outgoing *outgoing;
	char before[sizeof(((struct outgoing *)0)->key)];
};

static void take_back_key(struct state *state, struct undo *undo)
{
	struct another_key *key = container_of(undo, struct another_key, undo);

	(void)state;
	memcpy(key->outgoing->key, key->before, sizeof(key->before));
	free(key);
}

static void let_go_key(struct state *state, struct undo *undo)
{
	(void)state;
	free(container_of(undo, struct another_key, undo));
}

int outgoing_apply_key(struct state *state,
		       const Helio__Store__V1__OutgoingKey *in)
{
	struct outgoing *outgoing = outgoing_lookup(state, in->number);
	struct another_key *key;

	if (!outgoing || outgoing->is_sent || !in->key ||
	    strlen(in->key) >= sizeof(outgoing->key))
		return -EBADMSG;
	key = malloc(sizeof(*key));
	if (!key)
		return -ENOMEM;
	key->undo = (struct undo){ .take_back = take_back_key,
				   .let_go = let_go_key };
	key->outgoing = outgoing;
	memcpy(key->before, outgoing->key, sizeof(key->before));
	memset(outgoing->key, 0, sizeof(outgoing->key));
	memcpy(outgoing->key, in->key, strlen(in->key));
	undo_add(state, &key->undo);
	return 0;
}

struct outgoing *outgoing_lookup(const struct state *state, uint64_t number)
{
	struct map_node *node =
		map_lookup(&state->outgoing_numbers, map_hash_u64(number));

	for (; node; node = map_next(node)) {
		struct outgoing *outgoing =
			container_of(node, struct outgoing, node);

		if (outgoing->number == number)
			return outgoing;
	}
	return NULL;
}

void outgoing_free_all(struct state *state)
{
	while (!list_is_empty(&state->outgoing))
		leave(state, container_of(state->outgoing.next, struct outgoing,
					  link));
}
