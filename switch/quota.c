/* SPDX-License-Identifier: MIT */

#include "switch/quota.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "switch/quota_rules.h"

static const char *const resource_names[N_RESOURCES] = {
	[RESOURCE_CHANNELS] = "channels",
	[RESOURCE_SUBSCRIPTIONS] = "subscriptions",
	[RESOURCE_SLOTS] = "slots",
	[RESOURCE_OPEN_MESSAGES] = "open messages",
	[RESOURCE_QUEUED_MESSAGES] = "queued messages",
	[RESOURCE_QUEUED_BYTES] = "queued bytes",
};

const struct quota_limits quota_defaults = {
	.of = {
		[RESOURCE_CHANNELS] = 64,
		[RESOURCE_SUBSCRIPTIONS] = 1024,
		[RESOURCE_SLOTS] = 16384,
		[RESOURCE_OPEN_MESSAGES] = 64,
		[RESOURCE_QUEUED_MESSAGES] = 262144,
		[RESOURCE_QUEUED_BYTES] = 64 << 20,
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

struct account *account_unref(struct account *account)
{
	if (!account || --account->n_refs)
		return NULL;
	map_remove(&account->accounts->by_owner, &account->node);
	free(account);
	return NULL;
}

void account_full_text(const struct account *account, enum resource resource,
		       char *text, size_t n_text)
{
	snprintf(text, n_text, "quota of %s of %s is full: %llu of %llu",
		 resource_names[resource], account->path,
		 (unsigned long long)account->used[resource],
		 (unsigned long long)account->limits.of[resource]);
}
