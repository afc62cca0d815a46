/* SPDX-License-Identifier: MIT */

#include "logger/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "base/list.h"
#include "storage/backend/row.h"

enum {
	BYTES_BYTES = 8,
	KEY_PRICE = 64, /* of the row that an idempotency key has */
};

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

int accounts_init(struct accounts *accounts)
{
	int r;

	*accounts = (struct accounts){ 0 };
	r = hash_key_draw(&accounts->key);
	if (r < 0)
		return r;
	return map_init(&accounts->map);
}

void accounts_clear(struct accounts *accounts)
{
	struct map_node *node;

	accounts->last = NULL;
	while ((node = map_pop(&accounts->map)))
		free(container_of(node, struct account, node));
}

void accounts_deinit(struct accounts *accounts)
{
	if (accounts->map.buckets)
		accounts_clear(accounts);
	map_deinit(&accounts->map);
}

void accounts_forget_before(struct accounts *accounts)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&accounts->map, node)))
		container_of(node, struct account, node)->is_before_known =
			false;
}

static bool is_of(const struct account *account, const char *durable_id,
		  size_t n)
{
	return account->n_durable_id == n &&
	       !memcmp(account->durable_id, durable_id, n);
}

struct account *accounts_lookup(struct accounts *accounts,
				const char *durable_id, size_t n)
{
	struct account *account = accounts->last;
	struct map_node *node;

	if (account && is_of(account, durable_id, n))
		return account;
	node = map_lookup(&accounts->map,
			  hash_bytes(&accounts->key, durable_id, n));
	for (; node; node = map_next(node)) {
		account = container_of(node, struct account, node);
		if (!is_of(account, durable_id, n))
			continue;
		accounts->last = account;
		return account;
	}
	return NULL;
}

/* With the zero behind it, so that an empty one is a key too. */
static struct store_key source_key(const struct account *account)
{
	return row_bytes(account->durable_id, account->n_durable_id + 1);
}

static int load(struct account *account, struct store *active)
{
	struct store_key key = source_key(account);
	uint8_t value[BYTES_BYTES];
	int r;

	if (!active)
		return 0;
	r = row_get(active, SEGMENT_SOURCES, &key, value, sizeof(value));
	if (r > 0)
		account->n_segment = le64_load(value);
	return r < 0 ? r : 0;
}

int accounts_open(struct accounts *accounts, struct store *active,
		  const char *durable_id, size_t n,
		  struct account **ret_account)
{
	_cleanup_(freep) struct account *account = NULL;
	int r;

	*ret_account = accounts_lookup(accounts, durable_id, n);
	if (*ret_account)
		return 0;
	account = calloc(1, sizeof(*account) + n + 1);
	if (!account)
		return -ENOMEM;
	if (n)
		memcpy(account->durable_id, durable_id, n);
	account->n_durable_id = n;
	r = load(account, active);
	if (r < 0)
		return r;
	map_add(&accounts->map, &account->node,
		hash_bytes(&accounts->key, durable_id, n));
	accounts->last = account;
	*ret_account = take_ptr(account);
	return 0;
}

/* Of the rows of one durable id; segments are few. */
static int add_before(struct account *account, struct ledger *ledger)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t key[ROW_TEXT_MAX + ROW_TEXT_BYTES];
	uint8_t value[BYTES_BYTES];
	struct store_key at = { .bytes = key };
	uint64_t first;
	int r;

	account->n_before = 0;
	at.n_bytes = row_text_key(key, account->durable_id,
				  account->n_durable_id, 0);
	r = store_cursor_open(ledger->store, LEDGER_PRINCIPALS,
			      STORE_AT_OR_AFTER, &at, &cursor);
	if (r < 0)
		return r;
	while ((r = store_cursor_next(cursor)) > 0) {
		at = store_cursor_key(cursor);
		r = row_text_of(&at, &first);
		if (r < 0)
			return r;
		if ((size_t)r != account->n_durable_id ||
		    memcmp(at.bytes, account->durable_id, (size_t)r) != 0)
			return 0;
		r = row_at(cursor, value, sizeof(value));
		if (r < 0)
			return r;
		account->n_before += le64_load(value);
	}
	return r;
}

int account_total(struct account *account, struct ledger *ledger,
		  uint64_t *ret_n_bytes)
{
	bool is_inside = ledger->is_open;
	int r;

	if (!account->is_before_known) {
		r = is_inside ? 0 : store_snapshot(ledger->store);
		if (r < 0)
			return r;
		r = add_before(account, ledger);
		if (!is_inside)
			store_end(ledger->store);
		if (r < 0)
			return r;
		account->is_before_known = true;
	}
	*ret_n_bytes =
		account->n_before + account->n_segment + account->n_pending;
	return 0;
}

void account_charge(struct account *account, uint64_t n_bytes)
{
	account->n_segment += n_bytes;
	account->is_changed = true;
}

uint64_t account_price(const struct run_use *use)
{
	return use->n_bytes + (uint64_t)use->n_keys * KEY_PRICE;
}

uint64_t account_price_of(size_t n_bytes, uint8_t flags)
{
	return n_bytes + (flags & RUN_HAS_KEY ? KEY_PRICE : 0);
}

static int put(struct store *store, unsigned table, const struct store_key *key,
	       uint64_t n_bytes)
{
	uint8_t value[BYTES_BYTES];

	le64_store(value, n_bytes);
	return row_put(store, table, key, value, sizeof(value));
}

int accounts_put(const struct accounts *accounts, struct store *active)
{
	struct map_node *node = NULL;
	int r = 0;

	while (r >= 0 && (node = map_walk(&accounts->map, node))) {
		struct account *account =
			container_of(node, struct account, node);
		struct store_key key = source_key(account);

		if (account->is_changed)
			r = put(active, SEGMENT_SOURCES, &key,
				account->n_segment);
	}
	return r;
}

void accounts_are_put(struct accounts *accounts)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&accounts->map, node)))
		container_of(node, struct account, node)->is_changed = false;
}

static int put_ended(struct store_cursor *cursor, struct ledger *ledger,
		     uint64_t first)
{
	struct store_key key = store_cursor_key(cursor);
	uint8_t at[ROW_TEXT_MAX + ROW_TEXT_BYTES];
	uint8_t value[BYTES_BYTES];
	struct store_key to = { .bytes = at };
	int r;

	if (!key.n_bytes || key.n_bytes > ROW_TEXT_MAX + 1)
		return -EBADMSG;
	to.n_bytes = row_text_key(at, key.bytes, key.n_bytes - 1, first);
	r = row_at(cursor, value, sizeof(value));
	if (r < 0)
		return r;
	return put(ledger->store, LEDGER_PRINCIPALS, &to, le64_load(value));
}

int accounts_put_ended(struct store *segment, struct ledger *ledger,
		       uint64_t first)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	int r;

	r = store_cursor_open(segment, SEGMENT_SOURCES, STORE_AT_OR_AFTER, NULL,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0)
		r = put_ended(cursor, ledger, first);
	return r;
}
