/* SPDX-License-Identifier: MIT */

/* What a desk's cursor keeps, in the order of the keys. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/logger/desk.h"

static struct keeping *lookup(struct desk *desk, const char *key)
{
	struct list *link;

	list_for_each (link, &desk->kept) {
		struct keeping *kept = container_of(link, struct keeping, link);

		if (!strcmp(kept->key, key))
			return kept;
	}
	return NULL;
}

static void insert(struct desk *desk, struct keeping *keeping)
{
	struct list *link;

	list_for_each (link, &desk->kept)
		if (strcmp(container_of(link, struct keeping, link)->key,
			   keeping->key) > 0)
			break;
	list_push_back(link, &keeping->link);
}

static void store(struct desk *desk, struct keeping *keeping)
{
	struct keeping *old = lookup(desk, keeping->key);

	desk->n_rows_kept++;
	desk->n_bytes_kept += keeping->n_value;
	if (old) {
		list_unlink(&old->link);
		keeping_free(old);
	}
	if (!keeping->is_delete) {
		insert(desk, keeping);
		return;
	}
	keeping_free(keeping);
}

bool desk_commit(struct desk *desk, int r)
{
	struct list commit = LIST_INIT(commit);
	struct list *link;
	bool was_any = !list_is_empty(&desk->keeper.keepings);

	list_splice_back(&commit, &desk->keeper.keepings);
	while ((link = list_pop_front(&commit))) {
		struct keeping *keeping =
			container_of(link, struct keeping, link);

		if (keeping->on_kept)
			keeping->on_kept(keeping, r);
		if (r == 0) {
			store(desk, keeping);
			continue;
		}
		keeping_free(keeping);
	}
	return was_any;
}
