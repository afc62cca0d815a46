/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_QUOTA_H
#define SWITCH_QUOTA_H

/**
 * What a peer can make grow, and whom it is charged to.
 *
 * Accounts belong to durable ids, so they outlive a channel: a peer does not
 * shed its debts by connecting again. An account whose owner holds nothing is
 * given back.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/map.h"

enum resource {
	RESOURCE_CHANNELS,
	RESOURCE_SUBSCRIPTIONS, /* and registrations of services */
	RESOURCE_SLOTS,		/* calls and acks in flight */
	RESOURCE_OPEN_MESSAGES, /* begun, not finished */
	RESOURCE_QUEUED_MESSAGES,
	RESOURCE_QUEUED_BYTES,
	N_RESOURCES
};

struct quota_limits {
	uint64_t of[N_RESOURCES];
};

struct account {
	struct map_node node; /* in accounts.by_owner */
	struct accounts *accounts;
	unsigned n_refs;
	struct quota_limits limits;
	uint64_t used[N_RESOURCES];
	uint64_t n_refused[N_RESOURCES];
	char owner[]; /* durable id, terminated */
};

struct accounts {
	struct map by_owner;
	struct hash_key key;
	struct quota_limits defaults;
};

int accounts_init(struct accounts *accounts);
void accounts_deinit(struct accounts *accounts);

/** What one account may hold unless told otherwise. */
extern const struct quota_limits quota_defaults;

/** The account of `owner`, made if need be. Returns 0 or -ENOMEM. */
int account_get(struct accounts *accounts, const char *owner,
		struct account **ret_account);

/** NULL is fine. Always NULL. */
struct account *account_unref(struct account *account);
DEFINE_CLEANUP(struct account *, account_unref);

/** "queued bytes" for RESOURCE_QUEUED_BYTES. */
const char *resource_name(enum resource resource);

/** "quota of queued bytes of vm:web is full: 8388608 of 8388608" */
void account_full_text(const struct account *account, enum resource resource,
		       char *text, size_t n_text);

/** Returns 0, or 1 (counted as refused) when it would exceed the limit. */
static inline int account_charge(struct account *account,
				 enum resource resource, uint64_t n)
{
	if (n > account->limits.of[resource] - account->used[resource]) {
		account->n_refused[resource]++;
		return 1;
	}
	account->used[resource] += n;
	return 0;
}

/** What is left. */
static inline uint64_t account_free_of(const struct account *account,
				       enum resource resource)
{
	return account->limits.of[resource] - account->used[resource];
}

static inline void account_discharge(struct account *account,
				     enum resource resource, uint64_t n)
{
	account->used[resource] -= n;
}

#endif
