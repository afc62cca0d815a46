/* SPDX-License-Identifier: MIT */

#include "switch/quota.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "switch/principal.h"
#include "switch/quota_rules.h"

static const char *const resource_names[N_RESOURCES] = {
	[RESOURCE_CHANNELS] = "channels",
	[RESOURCE_SUBSCRIPTIONS] = "subscriptions",
	[RESOURCE_SLOTS] = "slots",
	[RESOURCE_OPEN_MESSAGES] = "open messages",
	[RESOURCE_QUEUED_MESSAGES] = "queued messages",
	[RESOURCE_QUEUED_BYTES] = "queued bytes",
	[RESOURCE_PRINCIPALS] = "principals",
};

const struct quota_limits quota_defaults = {
	.of = {
		[RESOURCE_CHANNELS] = 64,
		[RESOURCE_SUBSCRIPTIONS] = 1024,
		[RESOURCE_SLOTS] = 16384,
		[RESOURCE_OPEN_MESSAGES] = 64,
		[RESOURCE_QUEUED_MESSAGES] = 262144,
		[RESOURCE_QUEUED_BYTES] = 64 << 20,
		[RESOURCE_PRINCIPALS] = 1024,
	},
};

const char *resource_name(enum resource resource)
{
	return resource_names[resource];
}

int accounts_init(struct accounts *accounts)
{
	struct accounts made = { .rules = NULL };
	int r;

	r = hash_key_draw(&made.key);
	if (r)
		return r;
	r = map_init(&made.by_owner);
	if (r)
		return r;
	*accounts = made;
	return 0;
}

void accounts_deinit(struct accounts *accounts)
{
	map_deinit(&accounts->by_owner);
}

void accounts_set_rules(struct accounts *accounts,
			const struct quota_rules *rules)
{
	struct map_node *node = NULL;

	accounts->rules = rules;
	while ((node = map_walk(&accounts->by_owner, node))) {
		struct account *account =
			container_of(node, struct account, node);

		quota_rules_limits(rules, account->path, &account->limits);
	}
}

static struct account *lookup(const struct accounts *accounts,
			      const char *owner, uint64_t hash)
{
	struct map_node *node = map_lookup(&accounts->by_owner, hash);

	for (; node; node = map_next(node)) {
		struct account *account =
			container_of(node, struct account, node);

		if (!strcmp(account->owner, owner))
			return account;
	}
	return NULL;
}

static struct account *account_new(struct accounts *accounts, const char *owner,
				   uint64_t hash)
{
	size_t n = strlen(owner) + 1;
	struct account *account = calloc(1, sizeof(*account) + n);

	if (!account)
		return NULL;
	account->accounts = accounts;
	list_init(&account->speakers);
	memcpy(account->owner, owner, n);
	map_add(&accounts->by_owner, &account->node, hash);
	return account;
}

static void set_path(struct account *account, const char *path)
{
	if (!strcmp(account->path, path))
		return;
	snprintf(account->path, sizeof(account->path), "%s", path);
	quota_rules_limits(account->accounts->rules, path, &account->limits);
}

int account_get(struct accounts *accounts, const char *owner, const char *path,
		struct account **ret_account)
{
	uint64_t hash = hash_bytes(&accounts->key, owner, strlen(owner));
	struct account *account = lookup(accounts, owner, hash);

	if (!account)
		account = account_new(accounts, owner, hash);
	if (!account)
		return -ENOMEM;
	set_path(account, path);
	account->n_refs++;
	*ret_account = account;
	return 0;
}

/* One step down: its parent is `parent`. */
static int get_child(struct account *parent, const char *owner,
		     const char *path, struct account **ret_account)
{
	struct account *account;
	int r;

	r = account_get(parent->accounts, owner, path, &account);
	if (r < 0)
		return r;
	/* What one that is older holds was not charged to the parent. */
	if (account->n_refs == 1) {
		account->parent = parent;
		parent->n_refs++;
	}
	*ret_account = account;
	return 0;
}

/* Up to the end of the next part, which is moved on; false: there is none. */
static bool next_prefix(const char *whole, size_t *n,
			char prefix[PRINCIPAL_MAX_BYTES + 1])
{
	if (!whole[*n])
		return false;
	*n += 1 + strcspn(whole + *n + 1, "/");
	memcpy(prefix, whole, *n);
	prefix[*n] = '\0';
	return true;
}

int account_get_below(struct account *parent, const struct principal *above,
		      const struct principal *who, struct account **ret_account)
{
	_cleanup_(account_unrefp) struct account *account = parent;
	size_t n_owner = strlen(above->durable_id);
	size_t n_path = strlen(above->path);
	char owner[PRINCIPAL_MAX_BYTES + 1];
	char path[PRINCIPAL_MAX_BYTES + 1];

	parent->n_refs++;
	while (next_prefix(who->durable_id, &n_owner, owner) &&
	       next_prefix(who->path, &n_path, path)) {
		struct account *below;
		int r = get_child(account, owner, path, &below);

		if (r < 0)
			return r;
		account_unref(account);
		account = below;
	}
	*ret_account = take_ptr(account);
	return 0;
}

struct account *account_unref(struct account *account)
{
	while (account && !--account->n_refs) {
		struct account *parent = account->parent;

		map_remove(&account->accounts->by_owner, &account->node);
		free(account);
		account = parent;
	}
	return NULL;
}

uint64_t account_chain_free_of(const struct account *account,
			       enum resource resource)
{
	uint64_t n_free = UINT64_MAX;

	for (; account; account = account->parent) {
		uint64_t n = account_own_free_of(account, resource);

		if (n < n_free)
			n_free = n;
	}
	return n_free;
}

int account_chain_charge(struct account *account, enum resource resource,
			 uint64_t n)
{
	for (struct account *a = account; a; a = a->parent) {
		if (n > account_own_free_of(a, resource)) {
			a->n_refused[resource]++;
			return 1;
		}
	}
	account_chain_charge_anyway(account, resource, n);
	return 0;
}

void account_chain_charge_anyway(struct account *account,
				 enum resource resource, uint64_t n)
{
	for (; account; account = account->parent)
		account->used[resource] += n;
}

void account_chain_discharge(struct account *account, enum resource resource,
			     uint64_t n)
{
	for (; account; account = account->parent)
		account->used[resource] -= n;
}

void account_full_text(const struct account *account, enum resource resource,
		       char *text, size_t n_text)
{
	const struct account *full = account;

	for (; account; account = account->parent)
		if (account_own_free_of(account, resource) <
		    account_own_free_of(full, resource))
			full = account;
	snprintf(text, n_text, "quota of %s of %s is full: %llu of %llu",
		 resource_names[resource], full->path,
		 (unsigned long long)full->used[resource],
		 (unsigned long long)full->limits.of[resource]);
}
