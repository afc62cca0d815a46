/* SPDX-License-Identifier: MIT */

/**
 * A transaction works on a copy of the tree, and notes which nodes it looked
 * at and what it changed. When it ends and none of those nodes is another by
 * then, the changes are done again on the tree itself.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xen/world/client.h"
#include "tests/xen/world/domain.h"

struct access {
	struct list link;
	uint64_t generation; /* 0: it was not there */
	char path[];
};

struct change {
	struct list link;
	uint32_t type;
	size_t n;
	char data[];
};

static void transaction_free(struct store_client *client,
			     struct transaction *transaction)
{
	struct list *pos;

	while ((pos = list_pop_front(&transaction->accesses)))
		free(container_of(pos, struct access, link));
	while ((pos = list_pop_front(&transaction->changes)))
		free(container_of(pos, struct change, link));
	node_free(transaction->tree.root);
	list_unlink(&transaction->link);
	client->domain->quota.n_transactions--;
	free(transaction);
}

void transaction_free_all(struct store_client *client)
{
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &client->transactions)
		transaction_free(client,
				 container_of(pos, struct transaction, link));
}

struct transaction *transaction_lookup(struct store_client *client, uint32_t id)
{
	struct list *pos;

	list_for_each (pos, &client->transactions) {
		struct transaction *transaction =
			container_of(pos, struct transaction, link);

		if (transaction->id == id)
			return transaction;
	}
	return NULL;
}

int transaction_start(struct request *request)
{
	struct store_client *client = request->client;
	struct transaction *transaction;
	char text[16];
	int r;

	if (request->transaction)
		return -EBUSY;
	if (!client_is_privileged(client) &&
	    client->domain->quota.n_transactions >= STORE_MAX_TRANSACTIONS)
		return -ENOSPC;
	transaction = calloc(1, sizeof(*transaction));
	if (!transaction)
		return -ENOMEM;
	r = tree_copy(&client->store->tree, &transaction->tree);
	if (r) {
		free(transaction);
		return r;
	}
	transaction->generation = tree_generation();
	transaction->id = ++client->last_transaction;
	list_init(&transaction->accesses);
	list_init(&transaction->changes);
	list_push_back(&client->transactions, &transaction->link);
	client->domain->quota.n_transactions++;
	snprintf(text, sizeof(text), "%u", transaction->id);
	return request_answer(request, text, strlen(text) + 1);
}

/* What the transaction itself made, changed or removed concerns nobody. */
void transaction_note_access(struct transaction *transaction, const char *path)
{
	struct node *node = tree_lookup(&transaction->tree, path);
	struct node *nearest = tree_nearest(&transaction->tree, path);
	size_t n = strlen(path) + 1;
	struct access *access;
	struct list *pos;

	if (nearest->generation > transaction->generation)
		return;
	list_for_each (pos, &transaction->accesses)
		if (strcmp(container_of(pos, struct access, link)->path,
			   path) == 0)
			return;
	access = malloc(sizeof(*access) + n);
	if (!access)
		abort();
	access->generation = node ? node->generation : 0;
	memcpy(access->path, path, n);
	list_push_back(&transaction->accesses, &access->link);
}

int transaction_note_change(struct request *request, const char *data, size_t n)
{
	struct change *change = malloc(sizeof(*change) + n + 1);

	if (!change)
		return -ENOMEM;
	change->type = request->type;
	change->n = n;
	memcpy(change->data, data, n);
	change->data[n] = 0;
	list_push_back(&request->transaction->changes, &change->link);
	return 0;
}

static bool is_undisturbed(const struct store *store,
			   const struct transaction *transaction)
{
	struct list *pos;

	list_for_each (pos, &transaction->accesses) {
		struct access *access = container_of(pos, struct access, link);
		struct node *node = tree_lookup(&store->tree, access->path);

		if (access->generation != (node ? node->generation : 0))
			return false;
	}
	return true;
}

static int commit(struct store_client *client, struct transaction *transaction)
{
	struct list *pos;

	if (!is_undisturbed(client->store, transaction))
		return -EAGAIN;
	list_for_each (pos, &transaction->changes) {
		struct change *change = container_of(pos, struct change, link);
		struct request again = {
			.client = client,
			.type = change->type,
			.data = change->data,
			.n = change->n,
		};

		request_run(&again);
	}
	return 0;
}

int transaction_end(struct request *request)
{
	struct transaction *transaction = request->transaction;
	const char *verdict = request->data;
	int r = 0;

	if (!transaction)
		return -ENOENT;
	if (strcmp(verdict, "T") != 0 && strcmp(verdict, "F") != 0)
		return -EINVAL;
	if (*verdict == 'T')
		r = commit(request->client, transaction);
	request->transaction = NULL;
	transaction_free(request->client, transaction);
	return r;
}
