/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_QUOTA_H
#define SWITCH_QUOTA_H

/**
 * What a peer can make grow, and whom it is charged to.
 *
 * Accounts belong to durable ids, so they outlive a channel: a peer does not
 * shed its debts by connecting again. Whoever holds a charge holds a reference
 * to its account; an account without references is given back. Which rules
 * hold is asked by the path, that of the channel which came last.
 *
 * An account may have a parent: that of the path above, for one that a leaf
 * announced. What it uses is charged to all above it too, and none of them
 * goes beyond its limit, so nobody gains by making children.
 *
 * Limits come from rules: switch/quota_rules.h.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

enum resource {
	RESOURCE_CHANNELS,
	RESOURCE_SUBSCRIPTIONS, /* and registrations of services */
	RESOURCE_SLOTS,         /* calls and acks in flight */
	RESOURCE_OPEN_MESSAGES, /* begun, not finished */
	RESOURCE_QUEUED_MESSAGES,
	RESOURCE_QUEUED_BYTES,
	RESOURCE_PRINCIPALS, /* that a leaf announced */
	N_RESOURCES
};

struct quota_limits {
	uint64_t of[N_RESOURCES];
};

struct principal;
struct quota_rules;

struct account {
	struct map_node node; /* in accounts.by_owner */
	struct accounts *accounts;
	struct account *parent; /* a reference, or NULL */
	unsigned n_refs;
	struct list speakers; /* of this durable id, that are there */
	struct quota_limits limits;
	uint64_t used[N_RESOURCES];
	uint64_t n_refused[N_RESOURCES];
	char path[256]; /* of its principal, terminated */
	char owner[];   /* durable id, terminated */
};

struct accounts {
	struct map by_owner;
	struct hash_key key;
	const struct quota_rules *rules; /* borrowed; NULL: defaults only */
};

/** What one account may hold unless a rule says otherwise. */
extern const struct quota_limits quota_defaults;

/** Returns 0 or a negative errno. */
int accounts_init(struct accounts *accounts);

/** Every account must have been given back. Safe on zeroed accounts. */
void accounts_deinit(struct accounts *accounts);

/**
 * From now on these rules hold, for accounts that exist too: one that holds
 * more than its new limit keeps it and gets no more. The rules are borrowed;
 * NULL: the defaults.
 */
void accounts_set_rules(struct accounts *accounts,
			const struct quota_rules *rules);

/**
 * A reference to the account of the durable id `owner`, made if need be, which
 * is now that of the principal `path`, of at most 255 bytes. 0 or -ENOMEM.
 */
int account_get(struct accounts *accounts, const char *owner, const char *path,
		struct account **ret_account);

/**
 * The same for the principal `who`, which stands below `above`, whose account
 * is `parent`: it hangs below those of the parts in between. Durable id and
 * path have equally many parts.
 */
int account_get_below(struct account *parent, const struct principal *above,
		      const struct principal *who,
		      struct account **ret_account);

/** Another reference to it. */
static inline struct account *account_ref(struct account *account)
{
	account->n_refs++;
	return account;
}

/** NULL is fine. Always NULL. */
struct account *account_unref(struct account *account);
DEFINE_CLEANUP(struct account *, account_unref);

/** "queued bytes" for RESOURCE_QUEUED_BYTES. */
const char *resource_name(enum resource resource);

/**
 * "quota of queued bytes of vm:web is full: 8388608 of 8388608": of the account
 * or the one above it that has the least left.
 */
void account_full_text(const struct account *account, enum resource resource,
		       char *text, size_t n_text);

/** The same as the four below, for an account that has a parent. */
uint64_t account_chain_free_of(const struct account *account,
			       enum resource resource);
int account_chain_charge(struct account *account, enum resource resource,
			 uint64_t n);
void account_chain_charge_anyway(struct account *account,
				 enum resource resource, uint64_t n);
void account_chain_discharge(struct account *account, enum resource resource,
			     uint64_t n);

/* Of the account alone; a new rule may have set the limit below the use. */
static inline uint64_t account_own_free_of(const struct account *account,
					   enum resource resource)
{
	if (account->used[resource] > account->limits.of[resource])
		return 0;
	return account->limits.of[resource] - account->used[resource];
}

/** What is left. */
static inline uint64_t account_free_of(const struct account *account,
				       enum resource resource)
{
	if (account->parent)
		return account_chain_free_of(account, resource);
	return account_own_free_of(account, resource);
}

/** Returns 0, or 1 (counted as refused) when it would exceed the limit. */
static inline int account_charge(struct account *account,
				 enum resource resource, uint64_t n)
{
	if (account->parent)
		return account_chain_charge(account, resource, n);
	if (n > account_own_free_of(account, resource)) {
		account->n_refused[resource]++;
		return 1;
	}
	account->used[resource] += n;
	return 0;
}

/** The same for what was promised before: it may exceed the limit a little. */
static inline void account_charge_anyway(struct account *account,
					 enum resource resource, uint64_t n)
{
	if (account->parent)
		account_chain_charge_anyway(account, resource, n);
	else
		account->used[resource] += n;
}

/** Give back what was charged. */
static inline void account_discharge(struct account *account,
				     enum resource resource, uint64_t n)
{
	if (account->parent)
		account_chain_discharge(account, resource, n);
	else
		account->used[resource] -= n;
}

#endif
