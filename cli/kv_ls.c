/* SPDX-License-Identifier: MIT */

/* helio kv ls: what is in a bucket. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/kv.h"
#include "cli/kv_entry.h"
#include "cli/kv_tree.h"

struct walk {
	const struct kv *kv;
	struct stores stores;
	struct kv_tree tree;
	char *cursor; /* owned */
	uint64_t n;
	bool is_over;
};

static void walk_deinit(struct walk *walk)
{
	stores_close(&walk->stores);
	kv_tree_deinit(&walk->tree);
	free(walk->cursor);
}

static bool is_tree(const struct kv *kv)
{
	return !kv->has_paths && kv->common.format != FORMAT_JSON;
}

static int take(struct walk *walk, const Helio__Store__V1__ListReply *page)
{
	int r = 0;

	for (size_t i = 0; i < page->n_entries && r == 0; i++) {
		if (walk->n++ >= walk->kv->limit)
			break;
		if (is_tree(walk->kv))
			r = kv_tree_add(&walk->tree, page->entries[i],
					walk->kv);
		else
			kv_entry_write(page->entries[i], walk->kv);
	}
	free(walk->cursor);
	walk->cursor = page->next && *page->next ? strdup(page->next) : NULL;
	walk->is_over = !walk->cursor || walk->n >= walk->kv->limit;
	return r;
}

static int ask(struct walk *walk)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	const Helio__Store__V1__ListReply *page = NULL;
	const struct kv *kv = walk->kv;
	int r;

	request.bucket = stores_text(kv->bucket);
	request.prefix = stores_text(kv->key);
	request.has_at = kv->at != STORES_UNSET;
	request.at = kv->at;
	request.has_keys_only = kv->is_keys_only;
	request.keys_only = kv->is_keys_only;
	request.cursor = walk->cursor;
	if (kv->limit < 1000) {
		request.has_limit = true;
		request.limit = (uint32_t)kv->limit;
	}
	r = STORES_CALL(&walk->stores, buckets__list, &request, &page);
	if (r != EXIT_OK)
		return r;
	if (take(walk, page) < 0)
		return stores_complain(kv->bucket, kv->key, -ENOMEM, NULL);
	return EXIT_OK;
}

static int run(const void *settings)
{
	_cleanup_(walk_deinit) struct walk walk = { .kv = settings };
	int r = kv_open(&walk.stores, walk.kv);

	while (r == EXIT_OK && !walk.is_over)
		r = ask(&walk);
	if (r == EXIT_OK)
		kv_tree_write(&walk.tree);
	return r;
}

static const struct option options[] = {
	KV_ROW_PATHS,
	KV_ROW_WRITERS,
	KV_ROW_KEYS_ONLY,
	{ 'n', "limit", OPTION_NUMBER, offsetof(struct kv, limit), "N",
	  "only the first N keys" },
	{ 0, "at", OPTION_NUMBER, offsetof(struct kv, at), "REVISION",
	  "as it was then" },
	OPTION_ROWS_STORE,
};

const struct command command_kv_ls = {
	.name = "kv ls",
	.summary = "list keys, as xenstore-ls does",
	.description =
		"Keys are written as a tree by their `/`, values in quotes, "
		"what could drive a terminal escaped. Without --full, what "
		"stands before the last `/` of PREFIX is left out. All is as of "
		"one revision. With -o json, each key is an object in a line "
		"of its own.",
	.options = options,
	.arguments = kv_prefix_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run,
};
