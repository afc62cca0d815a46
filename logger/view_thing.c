/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logger/view_inside.h"
#include "storage/backend/row.h"

static int copy(struct store *store, const char *key, void **ret_value,
		size_t *ret_n)
{
	const struct store_key at = row_bytes(key, strlen(key));
	const void *value;
	size_t n;
	int r;

	r = store_get(store, LEDGER_THINGS, &at, &value, &n);
	if (r <= 0)
		return r;
	r = row_check(&at, value, n, &n);
	if (r < 0)
		return r;
	*ret_value = malloc(n + 1);
	if (!*ret_value)
		return -ENOMEM;
	memcpy(*ret_value, value, n);
	*ret_n = n;
	return 1;
}

int view_thing(struct view *view, const char *key, void **ret_value,
	       size_t *ret_n)
{
	struct store *store = view->ledger.store;
	int r;

	r = store_snapshot(store);
	if (r < 0)
		return r;
	r = copy(store, key, ret_value, ret_n);
	store_end(store);
	return r;
}
