/* SPDX-License-Identifier: MIT */

#include "storage/buckets_service.h"

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <string.h>

#include "storage/change.h"
#include "storage/guest.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/state/bucket.h"
#include "storage/state/judge.h"
#include "storage/watch.h"
#include "storage/wish.h"

enum { PAGE_MAX = 64 };

#define REQUEST(wish, type) \
	((const Helio__Store__V1__##type *)(const void *)(wish)->request)

#define MAY(function, type, verb, field)                                   \
	static int function(struct wish *wish)                             \
	{                                                                  \
		return rights_ask(wish, verb, REQUEST(wish, type)->field); \
	}

MAY(may_create, CreateBucketRequest, "kv-write", name)
MAY(may_change, ChangeBucketRequest, "kv-write", name)
MAY(may_show, ShowBucketRequest, "kv-read", name)
MAY(may_drop, DropBucketRequest, "kv-write", name)
MAY(may_get, GetRequest, "kv-read", bucket)
MAY(may_put, PutRequest, "kv-write", bucket)
MAY(may_delete, DeleteRequest, "kv-write", bucket)

struct bucket *buckets_find(struct wish *wish, const char *name)
{
	const struct state *state = &wish->service->state;
	struct bucket *bucket = bucket_lookup(state, name);

	if (!bucket)
		wish_refuse(wish, HELIO_NOT_FOUND, "no bucket is called %s",
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

static void act_create(struct wish *wish)
{
	Helio__Store__V1__CreateBucketReply reply =
		HELIO__STORE__V1__CREATE_BUCKET_REPLY__INIT;
	const Helio__Store__V1__CreateBucketRequest *request =
		REQUEST(wish, CreateBucketRequest);
	Helio__Store__V1__Bucket bucket;
	struct change change;

	change_begin(&change, wish);
	change.status =
		judge_bucket_create(&change.draft, request, &change.judgement);
	if (change_apply(&change)) {
		bucket_describe(
			bucket_lookup(&wish->service->state, request->name),
			&bucket);
		reply.bucket = &bucket;
		reply.has_was_there = 1;
		reply.was_there = change.judgement.was_there;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_change(struct wish *wish)
{
	Helio__Store__V1__ChangeBucketReply reply =
		HELIO__STORE__V1__CHANGE_BUCKET_REPLY__INIT;
	const Helio__Store__V1__ChangeBucketRequest *request =
		REQUEST(wish, ChangeBucketRequest);
	Helio__Store__V1__Bucket bucket;
	struct change change;

	change_begin(&change, wish);
	change.status =
		judge_bucket_change(&change.draft, request, &change.judgement);
	if (change_apply(&change)) {
		bucket_describe(
			bucket_lookup(&wish->service->state, request->name),
			&bucket);
		reply.bucket = &bucket;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_drop(struct wish *wish)
{
	Helio__Store__V1__DropBucketReply reply =
		HELIO__STORE__V1__DROP_BUCKET_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_bucket_drop(&change.draft,
					  REQUEST(wish, DropBucketRequest),
					  &change.judgement);
	if (change_apply(&change)) {
		reply.has_revision = 1;
		reply.revision = change_revision(&change);
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_show(struct wish *wish)
{
	Helio__Store__V1__ShowBucketReply reply =
		HELIO__STORE__V1__SHOW_BUCKET_REPLY__INIT;
	const struct bucket *bucket =
		buckets_find(wish, REQUEST(wish, ShowBucketRequest)->name);
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
		REQUEST(wish, ListBucketsRequest);
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
	const Helio__Store__V1__GetRequest *request = REQUEST(wish, GetRequest);
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

static void act_put(struct wish *wish)
{
	Helio__Store__V1__PutReply reply = HELIO__STORE__V1__PUT_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_put(&change.draft, REQUEST(wish, PutRequest),
				  &change.judgement);
	if (change_apply(&change)) {
		reply.has_revision = 1;
		reply.revision = change_revision(&change);
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_delete(struct wish *wish)
{
	Helio__Store__V1__DeleteReply reply =
		HELIO__STORE__V1__DELETE_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_delete(
		&change.draft, REQUEST(wish, DeleteRequest), &change.judgement);
	if (change_apply(&change)) {
		reply.has_revision = 1;
		reply.revision = change_revision(&change);
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

/* ---- transactions ---- */

static int may_commit(struct wish *wish)
{
	return rights_transaction(wish,
				  REQUEST(wish, CommitRequest)->transaction);
}

static void act_commit(struct wish *wish)
{
	Helio__Store__V1__CommitReply reply =
		HELIO__STORE__V1__COMMIT_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_transaction(
		&change.draft, REQUEST(wish, CommitRequest)->transaction,
		&change.judgement);
	if (change_apply(&change)) {
		reply.has_revision = 1;
		reply.revision = change_revision(&change);
		reply.jobs = change.judgement.jobs;
		reply.n_jobs = change.judgement.n_jobs;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

/* ---- the methods ---- */

#define TYPE(name, may_it, act_it, changes)           \
	static const struct wish_type name##_type = { \
		.may = may_it,                        \
		.act = act_it,                        \
		.is_change = changes,                 \
	}

TYPE(create, may_create, act_create, true);
TYPE(change, may_change, act_change, true);
TYPE(show, may_show, act_show, false);
TYPE(list_buckets, may_list_buckets, act_list_buckets, false);
TYPE(drop, may_drop, act_drop, true);
TYPE(get, may_get, act_get, false);
TYPE(put, may_put, act_put, true);
TYPE(delete, may_delete, act_delete, true);
TYPE(commit, may_commit, act_commit, true);

#define METHOD(method, request_type, wish_type_)                              \
	static void method##_method(                                          \
		struct helio_serving *serving,                                \
		const Helio__Store__V1__##request_type *request,              \
		void *userdata)                                               \
	{                                                                     \
		wish_start(userdata, &(wish_type_), serving, &request->base); \
	}

METHOD(create, CreateBucketRequest, create_type)
METHOD(change, ChangeBucketRequest, change_type)
METHOD(show, ShowBucketRequest, show_type)
METHOD(list_buckets, ListBucketsRequest, list_buckets_type)
METHOD(drop, DropBucketRequest, drop_type)
METHOD(get, GetRequest, get_type)
METHOD(put, PutRequest, put_type)
METHOD(delete, DeleteRequest, delete_type)
METHOD(list, ListRequest, bucket_list_type)
METHOD(history, HistoryRequest, bucket_history_type)
METHOD(commit, CommitRequest, commit_type)
METHOD(watch, WatchRequest, watch_type)

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
