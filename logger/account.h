/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ACCOUNT_H
#define LOGGER_ACCOUNT_H

/**
 * What each writer has in a log, by its durable id: the bytes of its records,
 * and of its keys. An account is opened when its writer is heard of first, and
 * closed when the segment ends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/map.h"
#include "logger/ledger.h"
#include "proto/run.h"
#include "storage/backend/backend.h"

struct account {
	struct map_node node;
	uint64_t n_segment; /* bytes in the active segment */
	uint64_t n_pending; /* of the batch that is judged */
	uint64_t n_before;  /* in the segments before it, if that is known */
	bool is_before_known;
	bool is_changed; /* since its row was written */
	size_t n_durable_id;
	char durable_id[];
};

struct accounts {
	struct map map;
	struct hash_key key;
	struct account *last; /* which the next is likely to be, or NULL */
};

/** Returns 0 or a negative errno. */
int accounts_init(struct accounts *accounts);
/** Safe on a zeroed one. */
void accounts_deinit(struct accounts *accounts);
/** Close all; `accounts` goes on. */
void accounts_clear(struct accounts *accounts);
/** Segments were removed. */
void accounts_forget_before(struct accounts *accounts);

/** The one that is open, or NULL. */
struct account *accounts_lookup(struct accounts *accounts,
				const char *durable_id, size_t n);
/**
 * The same, opened if it is not: from the rows of the active segment, in a
 * snapshot or transaction; NULL: there is no segment yet.
 */
int accounts_open(struct accounts *accounts, struct store *active,
		  const char *durable_id, size_t n,
		  struct account **ret_account);

/** What it has in all; for that the ledger is looked at once. */
int account_total(struct account *account, struct ledger *ledger,
		  uint64_t *ret_n_bytes);
void account_charge(struct account *account, uint64_t n_bytes);

/** What records that were added are charged. */
uint64_t account_price(const struct run_use *use);
uint64_t account_price_of(size_t n_bytes, uint8_t flags);

/** Write the rows of what has changed; accounts_are_put() once committed. */
int accounts_put(const struct accounts *accounts, struct store *active);
void accounts_are_put(struct accounts *accounts);

/** In the ledger's transaction: what all have in the segment that ended. */
int accounts_put_ended(struct store *segment, struct ledger *ledger,
		       uint64_t first);

#endif
