/* SPDX-License-Identifier: MIT */

/* List and History: pages of what is there, and of what was. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/buckets_service.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/state/bucket.h"
#include "storage/state/value.h"
#include "storage/wish.h"

enum {
	PAGE_ENTRIES_MAX = 1000,
	PAGE_BYTES_MAX = 1024 * 1024,
	ENTRY_BYTES = 128, /* beside key and value, at most about */
	/* Keys that are looked at for one page: those that are gone count. */
	LOOK_MAX = 16384,
	CURSOR_BYTES = 24 + BUCKET_KEY_MAX_BYTES,
};

struct page {
	Helio__Store__V1__Entry entries[PAGE_ENTRIES_MAX];
	Helio__Store__V1__Entry *shown[PAGE_ENTRIES_MAX];
	size_t n, n_max, n_bytes;
	bool keys_only;
	char next[CURSOR_BYTES]; /* "": that was all */
};

static struct page *page_new(uint32_t limit, bool keys_only)
{
	struct page *page = malloc(sizeof(*page));

	if (!page)
		return NULL;
	page->n = page->n_bytes = 0;
	page->n_max =
		limit && limit < PAGE_ENTRIES_MAX ? limit : PAGE_ENTRIES_MAX;
	page->keys_only = keys_only;
	page->next[0] = '\0';
	return page;
}

static bool has_room(const struct page *page)
{
	return page->n < page->n_max && page->n_bytes < PAGE_BYTES_MAX;
}

/* False: it does not fit any more. */
static bool add(struct page *page, const struct version *version)
{
	size_t n_bytes = ENTRY_BYTES + version->key->n_bytes;

	if (version->value && !page->keys_only)
		n_bytes += version->value->n_bytes;
	if (!has_room(page) ||
	    (page->n && page->n_bytes + n_bytes > PAGE_BYTES_MAX))
		return false;
	version_describe(version, page->keys_only, &page->entries[page->n]);
	page->shown[page->n] = &page->entries[page->n];
	page->n++;
	page->n_bytes += n_bytes;
	return true;
}

/* ---- List ---- */

static int may_list(struct wish *wish)
{
	const Helio__Store__V1__ListRequest *request = WISH_REQUEST(wish, List);
	const struct key_range range = { .prefix = request->prefix };

	return rights_ask_range(wish, "kv-read", request->bucket, &range);
}

/* "REVISION/KEY": as of which all pages are, and the last key that was told. */
static int read_cursor(const char *cursor, uint64_t *ret_at,
		       const char **ret_after)
{
	char *end;

	if (*cursor < '0' || *cursor > '9')
		return -EINVAL;
	errno = 0;
	*ret_at = strtoull(cursor, &end, 10);
	if (errno || *end != '/' || !bucket_is_key(end + 1))
		return -EINVAL;
	*ret_after = end + 1;
	return 0;
}

/* Returns 0, or -ERANGE: what was then is not kept any more. */
static int fill(struct page *page, const struct bucket *bucket,
		const Helio__Store__V1__ListRequest *request, uint64_t at,
		const char *after)
{
	const struct key_range range = {
		.prefix = request->prefix,
		.from = request->from,
		.until = request->until,
	};
	const struct key *key;
	int n = 0;
	int r = 0;

	while ((key = bucket_next_key(bucket, &range, after,
				      request->reverse))) {
		const struct version *version = key_at(key, at, &r);

		if (r < 0)
			return r;
		if (++n > LOOK_MAX ||
		    (version && version->value && !add(page, version))) {
			snprintf(page->next, sizeof(page->next),
				 "%" PRIu64 "/%s", at, after);
			return 0;
		}
		after = key->text;
	}
	return 0;
}

static void answer_list(struct wish *wish, struct page *page, uint64_t at)
{
	Helio__Store__V1__ListReply reply = HELIO__STORE__V1__LIST_REPLY__INIT;

	reply.entries = page->shown;
	reply.n_entries = page->n;
	reply.has_revision = 1;
	reply.revision = at;
	reply.next = page->next[0] ? page->next : NULL;
	wish_answer(wish, &reply.base, 0);
}

static void list_at(struct wish *wish, const struct bucket *bucket, uint64_t at,
		    const char *after)
{
	const Helio__Store__V1__ListRequest *request = WISH_REQUEST(wish, List);
	struct page *page;
	int r = 0;

	if (at > wish->service->state.committed) {
		wish_fail(wish, HELIO_OUT_OF_RANGE,
			  "the store is not there yet");
		return;
	}
	page = page_new(request->limit, request->keys_only);
	if (page && at >= bucket->first_revision)
		r = fill(page, bucket, request, at, after);
	if (!page)
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else if (r < 0 || at < bucket->first_revision)
		wish_fail(wish, HELIO_OUT_OF_RANGE,
			  "what was then is not kept any more");
	else
		answer_list(wish, page, at);
	free(page);
}

static void act_list(struct wish *wish)
{
	const Helio__Store__V1__ListRequest *request = WISH_REQUEST(wish, List);
	const struct bucket *bucket = buckets_find(wish, request->bucket);
	const char *after = NULL;
	uint64_t at;

	if (!bucket)
		return;
	at = request->has_at ? request->at : wish->service->state.committed;
	if (request->cursor && read_cursor(request->cursor, &at, &after) < 0)
		wish_fail(wish, HELIO_INVALID_ARGUMENT,
			  "the cursor is of no page before");
	else
		list_at(wish, bucket, at, after);
}

const struct wish_type bucket_list_type = { .may = may_list, .act = act_list };

/* ---- History ---- */

static int may_history(struct wish *wish)
{
	const Helio__Store__V1__HistoryRequest *request =
		WISH_REQUEST(wish, History);

	return rights_ask_key(wish, "kv-read", request->bucket, request->key);
}

static void answer_history(struct wish *wish, const struct key *key,
			   struct page *page)
{
	Helio__Store__V1__HistoryReply reply =
		HELIO__STORE__V1__HISTORY_REPLY__INIT;
	const struct version *version = key->on_disk;

	while (version && add(page, version))
		version = version->older;
	reply.entries = page->shown;
	reply.n_entries = page->n;
	reply.has_is_cut = 1;
	reply.is_cut = version || key->is_cut;
	wish_answer(wish, &reply.base, 0);
}

static void act_history(struct wish *wish)
{
	const Helio__Store__V1__HistoryRequest *request =
		WISH_REQUEST(wish, History);
	const struct bucket *bucket = buckets_find(wish, request->bucket);
	const struct key *key = NULL;
	struct page *page;

	if (!bucket)
		return;
	if (request->key)
		key = bucket_key(bucket, request->key);
	if (!key || !key->on_disk) {
		wish_fail(wish, HELIO_NOT_FOUND, "there is no such key");
		return;
	}
	page = page_new(request->limit, false);
	if (page)
		answer_history(wish, key, page);
	else
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
	free(page);
}

const struct wish_type bucket_history_type = {
	.may = may_history,
	.act = act_history,
};
