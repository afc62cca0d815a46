/* SPDX-License-Identifier: MIT */

#include "storage/buckets_service.h"

#include <errno.h>
#include <string.h>

#include "storage/method.h"
#include "storage/service.h"
#include "storage/state/bucket.h"
#include "storage/watch.h"

enum { PAGE_MAX = 64 };

struct bucket *buckets_find(struct wish *wish, const char *name)
{
	const struct state *state = &wish->service->state;
	struct bucket *bucket = bucket_lookup(state, name);

	if (!bucket)
		wish_refuse(wish, HELIO_NOT_FOUND, "there is no bucket %s",
			    name);
	else if (bucket->created_revision > state->committed)
		wish_again(wish, bucket->created_revision);
	else
		return bucket;
	return NULL;
}

/* ---- buckets ---- */

static void describe(const struct wish *wish, const struct bucket *bucket,
		     Helio__Store__V1__Bucket *ret_bucket)
{
	bucket_describe(bucket, ret_bucket);
	ret_bucket->has_watches = 1;
	ret_bucket->watches = watches_count(&wish->service->watches, bucket);
}

/* As it is now that the change was applied. */
static void tell(const struct change *change, const char *name,
		 Helio__Store__V1__Bucket *ret_bucket)
{
	bucket_describe(bucket_lookup(&change->wish->service->state, name),
			ret_bucket);
}

static void answer_create(struct change *change)
{
	Helio__Store__V1__CreateBucketReply reply =
		HELIO__STORE__V1__CREATE_BUCKET_REPLY__INIT;
	Helio__Store__V1__Bucket bucket;

	tell(change, WISH_REQUEST(change->wish, CreateBucket)->name, &bucket);
	reply.bucket = &bucket;
	reply.has_was_there = 1;
	reply.was_there = change->judgement.was_there;
	change_answer(change, &reply.base);
}

static void answer_change(struct change *change)
{
	Helio__Store__V1__ChangeBucketReply reply =
		HELIO__STORE__V1__CHANGE_BUCKET_REPLY__INIT;
	Helio__Store__V1__Bucket bucket;

	tell(change, WISH_REQUEST(change->wish, ChangeBucket)->name, &bucket);
	reply.bucket = &bucket;
	change_answer(change, &reply.base);
}

static void answer_drop(struct change *change)
{
	Helio__Store__V1__DropBucketReply reply =
		HELIO__STORE__V1__DROP_BUCKET_REPLY__INIT;

	reply.has_revision = 1;
	reply.revision = change_revision(change);
	change_answer(change, &reply.base);
}

static void act_show(struct wish *wish)
{
	Helio__Store__V1__ShowBucketReply reply =
		HELIO__STORE__V1__SHOW_BUCKET_REPLY__INIT;
	const struct bucket *bucket =
		buckets_find(wish, WISH_REQUEST(wish, ShowBucket)->name);
	Helio__Store__V1__Bucket told;

	if (!bucket)
		return;
	describe(wish, bucket, &told);
	reply.bucket = &told;
	reply.has_revision = 1;
	reply.revision = wish->service->state.committed;
	wish_answer(wish, &reply.base, 0);
}

/* ---- the list of buckets ---- */

/* What is not on disk is left out, and so is what the caller may not read. */
static int may_list_buckets(struct wish *wish)
{
	return 1;
}

static int compare_name(const void *key, const struct order_node *node)
{
	return strcmp(key, const_container_of(node, struct bucket, node)->name);
}

/* The first after this name. */
static struct order_node *bucket_after(const struct state *state,
				       const char *name)
{
	struct order_node *node;

	if (!name)
		return order_first(&state->buckets);
	node = order_seek(&state->buckets, name, compare_name);
	if (node && !compare_name(name, node))
		node = order_next(node);
	return node;
}

struct page {
	Helio__Store__V1__ListBucketsReply reply;
	Helio__Store__V1__Bucket buckets[PAGE_MAX];
	Helio__Store__V1__Bucket *shown[PAGE_MAX];
};

/* Returns 1, or what asking returned. */
static int fill(struct wish *wish, struct page *page)
{
	const Helio__Store__V1__ListBucketsRequest *request =
		WISH_REQUEST(wish, ListBuckets);
	const struct state *state = &wish->service->state;
	size_t limit = request->limit && request->limit < PAGE_MAX
			       ? request->limit
			       : PAGE_MAX;
	struct order_node *node = bucket_after(state, request->cursor);

	for (; node; node = order_next(node)) {
		struct bucket *bucket = container_of(node, struct bucket, node);
		size_t n = page->reply.n_buckets;
		int r = rights_ask(wish, "kv-read", bucket->name);

		if (r < 0)
			return r;
		if (r == 0 || bucket->created_revision > state->committed)
			continue;
		if (n == limit) {
			page->reply.next = page->buckets[n - 1].name;
			break;
		}
		describe(wish, bucket, &page->buckets[n]);
		page->shown[n] = &page->buckets[n];
		page->reply.n_buckets++;
	}
	return 1;
}

static void act_list_buckets(struct wish *wish)
{
	struct page page = {
		.reply = HELIO__STORE__V1__LIST_BUCKETS_REPLY__INIT,
	};
	int r;

	page.reply.buckets = page.shown;
	r = fill(wish, &page);
	if (r == 1)
		wish_answer(wish, &page.reply.base, 0);
	else
		wish_ask_again(wish, r);
}

/* ---- keys ---- */

static void answer_get(struct wish *wish, const struct version *version,
		       uint64_t at)
{
	Helio__Store__V1__GetReply reply = HELIO__STORE__V1__GET_REPLY__INIT;
	Helio__Store__V1__Entry entry;

	version_describe(version, false, &entry);
	reply.entry = &entry;
	reply.has_revision = 1;
	reply.revision = at;
	wish_answer(wish, &reply.base, 0);
}

static void act_get(struct wish *wish)
{
	const Helio__Store__V1__GetRequest *request = WISH_REQUEST(wish, Get);
	const struct state *state = &wish->service->state;
	const struct bucket *bucket = buckets_find(wish, request->bucket);
	const struct version *version = NULL;
	const struct key *key = NULL;
	uint64_t at;
	int r = 0;

	if (!bucket)
		return;
	at = request->has_at ? request->at : state->committed;
	if (request->key)
		key = bucket_key(bucket, request->key);
	if (at > state->committed || at < bucket->first_revision)
		r = -ERANGE;
	else if (key)
		version = key_at(key, at, &r);
	if (r < 0 && request->has_at)
		wish_fail(wish, HELIO_OUT_OF_RANGE,
			  at > state->committed
				  ? "the store is not there yet"
				  : "what was then is not kept any more");
	else if (!version || !version->value)
		wish_fail(wish, HELIO_NOT_FOUND, "there is no such key");
	else
		answer_get(wish, version, at);
}

static void answer_put(struct change *change)
{
	Helio__Store__V1__PutReply reply = HELIO__STORE__V1__PUT_REPLY__INIT;

	reply.has_revision = 1;
	reply.revision = change_revision(change);
	change_answer(change, &reply.base);
}

static void answer_delete(struct change *change)
{
	Helio__Store__V1__DeleteReply reply =
		HELIO__STORE__V1__DELETE_REPLY__INIT;

	reply.has_revision = 1;
	reply.revision = change_revision(change);
	change_answer(change, &reply.base);
}

/* ---- transactions ---- */

static int may_commit(struct wish *wish)
{
	return rights_transaction(wish,
				  WISH_REQUEST(wish, Commit)->transaction);
}

static unsigned judge_commit(struct draft *draft,
			     const Helio__Store__V1__CommitRequest *in,
			     struct judgement *out)
{
	return judge_transaction(draft, in->transaction, out);
}

static void answer_commit(struct change *change)
{
	Helio__Store__V1__CommitReply reply =
		HELIO__STORE__V1__COMMIT_REPLY__INIT;

	reply.has_revision = 1;
	reply.revision = change_revision(change);
	reply.jobs = change->judgement.jobs;
	reply.n_jobs = change->judgement.n_jobs;
	change_answer(change, &reply.base);
}

/* ---- the methods ---- */

METHOD_CHANGE(create, CreateBucket, judge_bucket_create, "kv-write", name)
METHOD_CHANGE(change, ChangeBucket, judge_bucket_change, "kv-write", name)
METHOD_READ(show, ShowBucket, "kv-read", name)
METHOD(list_buckets, ListBuckets, false)
METHOD_CHANGE(drop, DropBucket, judge_bucket_drop, "kv-write", name)
METHOD_READ_KEY(get, Get, "kv-read")
METHOD_CHANGE_KEY(put, Put, judge_put, "kv-write")
METHOD_CHANGE_KEY(delete, Delete, judge_delete, "kv-write")
METHOD_OF(list, List, bucket_list_type)
METHOD_OF(history, History, bucket_history_type)
METHOD_ACT(commit, Commit, judge_commit)
METHOD(commit, Commit, true)
METHOD_OF(watch, Watch, watch_type)

static const struct helio__store__v1__buckets__server methods = {
	.create = create_method,
	.change = change_method,
	.show = show_method,
	.list_buckets = list_buckets_method,
	.drop = drop_method,
	.get = get_method,
	.put = put_method,
	.delete = delete_method,
	.list = list_method,
	.history = history_method,
	.commit = commit_method,
	.watch = watch_method,
};

int buckets_service_start(struct service *service,
			  const struct helio_server_options *options)
{
	return helio__store__v1__buckets__server__new(
		service->bus, &methods, options, &service->buckets);
}
