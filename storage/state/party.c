/* SPDX-License-Identifier: MIT */

#include "storage/state/party.h"

#include <stdlib.h>
#include <string.h>

#include "storage/state/state.h"

static struct account *find_account(const struct state *state,
				    const char *durable_id, uint64_t hash)
{
	struct map_node *node = map_lookup(&state->accounts, hash);

	for (; node; node = map_next(node)) {
		struct account *account =
			container_of(node, struct account, node);

		if (!strcmp(account->durable_id, durable_id))
			return account;
	}
	return NULL;
}

static struct party *find_party(const struct state *state,
				const char *principal,
				const struct account *account, uint64_t hash)
{
	struct map_node *node = map_lookup(&state->parties, hash);

	for (; node; node = map_next(node)) {
		struct party *party = container_of(node, struct party, node);

		if (party->account == account &&
		    !strcmp(party->principal, principal))
			return party;
	}
	return NULL;
}

static struct account *add_account(struct state *state, const char *durable_id,
				   uint64_t hash)
{
	size_t n = strlen(durable_id) + 1;
	struct account *account = calloc(1, sizeof(*account) + n);

	if (!account)
		return NULL;
	memcpy(account->durable_id, durable_id, n);
	map_add(&state->accounts, &account->node, hash);
	return account;
}

static void remove_account_if_unused(struct state *state,
				     struct account *account)
{
	if (account->n_refs)
		return;
	map_remove(&state->accounts, &account->node);
	free(account);
}

static struct party *add_party(struct state *state, const char *principal,
			       struct account *account, uint64_t hash)
{
	size_t n = strlen(principal) + 1;
	struct party *party = calloc(1, sizeof(*party) + n);

	if (!party)
		return NULL;
	memcpy(party->principal, principal, n);
	party->account = account;
	account->n_refs++;
	map_add(&state->parties, &party->node, hash);
	return party;
}

static uint64_t hash_of(const struct state *state, const char *text)
{
	return hash_bytes(&state->key, text, strlen(text));
}

struct party *party_get(struct state *state, const char *principal,
			const char *durable_id)
{
	struct party *party = state->last_party;
	struct account *account;
	uint64_t id_hash;
	uint64_t hash;

	if (party && !strcmp(party->principal, principal) &&
	    !strcmp(party->account->durable_id, durable_id))
		return party_ref(party);
	id_hash = hash_of(state, durable_id);
	hash = id_hash + hash_of(state, principal);
	account = find_account(state, durable_id, id_hash);
	party = NULL;
	if (account)
		party = find_party(state, principal, account, hash);
	else
		account = add_account(state, durable_id, id_hash);
	if (!account)
		return NULL;
	if (!party)
		party = add_party(state, principal, account, hash);
	if (!party) {
		remove_account_if_unused(state, account);
		return NULL;
	}
	state->last_party = party;
	return party_ref(party);
}

struct party *party_ref(struct party *party)
{
	if (party)
		party->n_refs++;
	return party;
}

struct party *party_unref(struct state *state, struct party *party)
{
	if (!party || --party->n_refs)
		return NULL;
	if (state->last_party == party)
		state->last_party = NULL;
	party->account->n_refs--;
	remove_account_if_unused(state, party->account);
	map_remove(&state->parties, &party->node);
	free(party);
	return NULL;
}

struct account *account_lookup(const struct state *state,
			       const char *durable_id)
{
	const struct party *last = state->last_party;

	if (last && !strcmp(last->account->durable_id, durable_id))
		return last->account;
	return find_account(state, durable_id, hash_of(state, durable_id));
}

void party_charge(struct state *state, struct party *party, int64_t n_bytes)
{
	state->n_bytes += (uint64_t)n_bytes;
	if (party)
		party->account->n_bytes += (uint64_t)n_bytes;
}
