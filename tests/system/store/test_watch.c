/* SPDX-License-Identifier: MIT */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/store/scene.h"

enum {
	SEEN_MAX = 4096,
	CROWD = 1000,
	WRITES = 100,
	WRITE_BYTES = 2000,
	LONG_BYTES = 4000
};

static struct scene scene;

struct seen {
	char key[24];
	char value[24];
	uint64_t revision;
	bool is_deleted;
};

/* A call of Watch, and what came of it; over all of its lives. */
struct watching {
	struct helio_stream *stream;
	Helio__Store__V1__WatchRequest request;
	struct seen *seen;
	size_t n;
	unsigned n_replies;
	unsigned n_live;
	uint64_t told; /* the last revision; 0: none yet */
	bool is_told;  /* by the last reply */
	bool is_over;
	bool goes_on; /* it begins again when it ends */
	unsigned n_begun;
	unsigned status;
};

static void on_message(struct helio_stream *stream,
		       const Helio__Store__V1__WatchReply *reply,
		       void *userdata)
{
	struct watching *this = userdata;

	(void)stream;
	this->n_replies++;
	this->n_live += reply->is_live != 0;
	for (size_t i = 0; i < reply->n_entries; i++) {
		const Helio__Store__V1__Entry *entry = reply->entries[i];
		struct seen *seen = &this->seen[this->n++];

		assert_true(this->n < SEEN_MAX);
		snprintf(seen->key, sizeof(seen->key), "%s", entry->key);
		snprintf(seen->value, sizeof(seen->value), "%.*s",
			 entry->value.len < 20 ? (int)entry->value.len : 20,
			 (const char *)entry->value.data);
		seen->revision = entry->revision;
		seen->is_deleted = entry->is_deleted;
	}
	this->is_told = reply->has_revision;
	if (reply->has_revision)
		this->told = reply->revision;
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Store__V1__WatchReply *null, void *userdata)
{
	struct watching *this = userdata;

	(void)stream;
	(void)null;
	this->stream = NULL;
	this->is_over = true;
	this->status = reply->status;
}

static const struct helio__store__v1__buckets__watch__events events = {
	.on_message = on_message,
	.on_end = on_end,
};

/* It goes on where it has been told all. */
static void begin(struct watching *this)
{
	if (this->told) {
		this->request.has_after = 1;
		this->request.after = this->told;
	}
	this->is_over = false;
	this->n_begun++;
	assert_int_equal(helio__store__v1__buckets__watch__stream(
				 scene.buckets, &this->request, &events, this,
				 &this->stream),
			 0);
}

static void watch(struct watching *this, const char *key, const char *prefix)
{
	*this = (struct watching){
		.request = HELIO__STORE__V1__WATCH_REQUEST__INIT,
		.seen = calloc(SEEN_MAX, sizeof(*this->seen)),
	};
	assert_non_null(this->seen);
	this->request.bucket = field("lab");
	this->request.key = field(key);
	this->request.prefix = field(prefix);
	begin(this);
}

static void unwatch(struct watching *this)
{
	if (this->stream)
		helio_stream_cancel(this->stream);
	free(this->seen);
}

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static void expect_seen(const struct watching *this, const char *text)
{
	char found[512] = "";

	for (size_t i = 0; i < this->n; i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found),
			 "%s%s%s%s", i ? " " : "", this->seen[i].key,
			 this->seen[i].is_deleted ? "-" : "=",
			 this->seen[i].value);
	assert_string_equal(found, text);
}

/* ---- what is told ---- */

static void test_what_is_there_and_what_comes(void **state)
{
	uint64_t revision, gone;
	struct watching this;

	(void)state;
	put_ok(&scene, "lab", "b", "1");
	put_ok(&scene, "lab", "a", "1");
	assert_int_equal(delete_key(&scene, "lab", "b", &gone), HELIO_OK);
	put_ok(&scene, "lab", "c", "1");
	watch(&this, NULL, NULL);
	wait_until(&scene, this.n_live == 1);
	expect_seen(&this, "a=1 c=1");
	assert_true(this.told >= gone);
	put_ok(&scene, "lab", "b", "2");
	assert_int_equal(delete_key(&scene, "lab", "a", &gone), HELIO_OK);
	revision = put_ok(&scene, "lab", "c", "3");
	wait_until(&scene, this.told >= revision);
	expect_seen(&this, "a=1 c=1 b=2 a- c=3");
	assert_int_equal(this.n_live, 1);
	assert_int_equal(bucket_show(&scene, "lab")->watches, 1);
	unwatch(&this);
	wait_until(&scene, bucket_show(&scene, "lab")->watches == 0);
}

static void test_one_key_and_those_that_begin_so(void **state)
{
	struct watching one, some, all;
	uint64_t revision;

	(void)state;
	put_ok(&scene, "lab", "a/1", "x");
	watch(&one, "a/2", NULL);
	watch(&some, NULL, "a/");
	watch(&all, NULL, NULL);
	all.request.has_keys_only = all.request.keys_only = 1;
	wait_until(&scene, one.n_live && some.n_live && all.n_live);
	put_ok(&scene, "lab", "b", "y");
	put_ok(&scene, "lab", "a/2", "y");
	put_ok(&scene, "lab", "a/22", "y");
	revision = put_ok(&scene, "lab", "a/2", "z");
	wait_until(&scene, one.told >= revision && some.told >= revision &&
				   all.told >= revision);
	expect_seen(&one, "a/2=y a/2=z");
	expect_seen(&some, "a/1=x a/2=y a/22=y a/2=z");
	expect_seen(&all, "a/1=x b=y a/2=y a/22=y a/2=z");
	unwatch(&one);
	unwatch(&some);
	unwatch(&all);
}

static void test_keys_alone(void **state)
{
	struct watching this;
	uint64_t revision;

	(void)state;
	put_ok(&scene, "lab", "a", "x");
	watch(&this, NULL, NULL);
	helio_stream_cancel(this.stream);
	this.request.has_keys_only = this.request.keys_only = 1;
	begin(&this);
	wait_until(&scene, this.n_live);
	revision = put_ok(&scene, "lab", "b", "x");
	wait_until(&scene, this.told >= revision);
	expect_seen(&this, "a= b=");
	unwatch(&this);
}

static void test_from_a_revision(void **state)
{
	struct watching this;
	uint64_t first;

	(void)state;
	first = put_ok(&scene, "lab", "a", "1");
	put_ok(&scene, "lab", "b", "1");
	put_ok(&scene, "lab", "a", "2");
	watch(&this, NULL, NULL);
	unwatch(&this);
	watch(&this, NULL, NULL);
	helio_stream_cancel(this.stream);
	this.told = first;
	begin(&this);
	wait_until(&scene, this.n_live);
	expect_seen(&this, "b=1 a=2");
	helio_stream_cancel(this.stream);
	this.told = UINT64_MAX;
	begin(&this);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.status, HELIO_OUT_OF_RANGE);
	this.request.key = field("a");
	this.request.prefix = field("a");
	begin(&this);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.status, HELIO_INVALID_ARGUMENT);
	this.request.bucket = field("none");
	this.request.key = NULL;
	begin(&this);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.status, HELIO_NOT_FOUND);
	unwatch(&this);
}

/* Whoever watches makes the store keep the prefix. */
static void test_a_prefix_like_no_key(void **state)
{
	static char prefix[LONG_BYTES];
	struct watching this;

	(void)state;
	memset(prefix, 'x', sizeof(prefix) - 1);
	watch(&this, NULL, prefix);
	wait_until(&scene, this.is_over || this.n_live);
	assert_true(this.is_over);
	assert_int_equal(this.status, HELIO_INVALID_ARGUMENT);
	unwatch(&this);
}

/* Its parts come one after the other, and the last one alone has the revision.
 */
static void test_a_long_transaction(void **state)
{
	static Helio__Store__V1__Write writes[WRITES];
	static char keys[WRITES][8];
	Helio__Store__V1__Write *shown[WRITES];
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	const Helio__Store__V1__CommitReply *reply = NULL;
	static char value[WRITE_BYTES];
	struct watching this;

	(void)state;
	watch(&this, NULL, NULL);
	wait_until(&scene, this.n_live);
	memset(value, 'x', sizeof(value) - 1);
	for (int i = 0; i < WRITES; i++) {
		helio__store__v1__write__init(&writes[i]);
		snprintf(keys[i], sizeof(keys[i]), "k%02d", i);
		writes[i].bucket = field("lab");
		writes[i].key = keys[i];
		writes[i].has_value = 1;
		writes[i].value = bytes_of(value);
		shown[i] = &writes[i];
	}
	transaction.writes = shown;
	transaction.n_writes = WRITES;
	request.transaction = &transaction;
	this.n_replies = 0;
	assert_int_equal(helio__store__v1__buckets__commit__wait(
				 scene.buckets, &request, &reply),
			 HELIO_OK);
	wait_until(&scene, this.is_told || this.n < WRITES);
	wait_until(&scene, this.n == WRITES);
	assert_true(this.n_replies > 2);
	assert_true(this.is_told);
	for (int i = 0; i < WRITES; i++)
		assert_string_equal(this.seen[i].key, keys[i]);
	unwatch(&this);
}

/* ---- bad times ---- */

static unsigned write_some(unsigned n, unsigned from)
{
	char value[16];

	for (unsigned i = from; i < from + n; i++) {
		uint64_t revision = NO_REVISION;
		int r = HELIO_UNAVAILABLE;

		snprintf(value, sizeof(value), "%u", i);
		while (r == HELIO_UNAVAILABLE)
			r = put(&scene, "lab", "count", value, &revision);
		assert_int_equal(r, HELIO_OK);
	}
	return from + n;
}

static void go_on(struct watching *this)
{
	if (this->is_over)
		begin(this);
}

/*
 * What is told in all of its lives together is each change once. A put that was
 * repeated after its answer was lost may have come twice.
 */
static void check_counting(const struct watching *this, unsigned n)
{
	unsigned next = 0;

	for (size_t i = 0; i < this->n; i++) {
		unsigned value = number_of(this->seen[i].value);

		assert_true(value == next || value + 1 == next);
		if (i)
			assert_true(this->seen[i].revision >
				    this->seen[i - 1].revision);
		if (value == next)
			next++;
	}
	assert_int_equal(next, n);
}

static void test_restarts(void **state)
{
	struct watching this;
	unsigned n;

	(void)state;
	watch(&this, NULL, NULL);
	wait_until(&scene, this.n_live);
	n = write_some(20, 0);
	scene_kill_store(&scene);
	n = write_some(20, n);
	wait_until(&scene, (go_on(&this), this.n >= n));
	scene_kill_switch(&scene);
	n = write_some(20, n);
	wait_until(&scene, (go_on(&this), this.n >= n));
	daemon_process_stop(&scene.store, SIGTERM);
	daemon_process_start(&scene.store);
	n = write_some(20, n);
	wait_until(&scene, (go_on(&this), this.n >= n));
	check_counting(&this, n);
	assert_true(this.n_begun >= 4);
	unwatch(&this);
}

/* Whoever takes nothing loses nothing but its own watch. */
static void test_a_slow_one(void **state)
{
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	static char value[8192];
	struct watching slow, quick;
	uint64_t revision = 0;

	(void)state;
	config.has_window_bytes = 1;
	config.window_bytes = 256 * 1024;
	assert_int_equal(bucket_create(&scene, "small", &config), HELIO_OK);
	watch(&slow, NULL, NULL);
	helio_stream_cancel(slow.stream);
	slow.request.bucket = field("small");
	begin(&slow);
	watch(&quick, NULL, NULL);
	helio_stream_cancel(quick.stream);
	quick.request.bucket = field("small");
	begin(&quick);
	wait_until(&scene, slow.n_live && quick.n_live);
	helio_stream_pause(slow.stream);
	memset(value, 'x', sizeof(value) - 1);
	for (int i = 0; i < 200; i++)
		revision = put_ok(&scene, "small", "a", value);
	wait_until(&scene, quick.told == revision);
	assert_int_equal(quick.n, 200);
	assert_false(slow.is_over);
	helio_stream_resume(slow.stream);
	wait_until(&scene, slow.is_over);
	assert_int_equal(slow.status, HELIO_RESOURCE_EXHAUSTED);
	unwatch(&slow);
	unwatch(&quick);
}

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	unsigned *n = userdata;

	assert_non_null(reply);
	++*n;
}

/* Many at a time, so that they come to the disk together. */
static void put_many(const char *bucket)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	unsigned n = 0;

	request.bucket = field(bucket);
	request.key = field("a");
	request.has_value = 1;
	request.value = bytes_of("x");
	for (unsigned i = 0; i < WRITES; i++)
		helio__store__v1__buckets__put(
			helio_client_service(scene.buckets), &request, on_put,
			&n);
	wait_until(&scene, n == WRITES);
}

/* More is written at once than the bucket keeps: all of it is told, or that it
 * is not. */
static void test_no_window(void **state)
{
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	struct watching this[2];
	uint64_t revision;

	(void)state;
	config.has_window_bytes = 1;
	assert_int_equal(bucket_create(&scene, "none", &config), HELIO_OK);
	for (int i = 0; i < 2; i++) {
		watch(&this[i], i ? "a" : NULL, NULL);
		helio_stream_cancel(this[i].stream);
		this[i].request.bucket = field("none");
		begin(&this[i]);
		wait_until(&scene, this[i].n_live);
	}
	put_many("none");
	revision = put_ok(&scene, "none", "a", "y");
	for (int i = 0; i < 2; i++) {
		wait_until(&scene, this[i].is_over || this[i].told >= revision);
		if (this[i].is_over)
			assert_int_equal(this[i].status,
					 HELIO_RESOURCE_EXHAUSTED);
		else
			assert_int_equal(this[i].n, WRITES + 1);
		unwatch(&this[i]);
	}
}

static void test_a_bucket_goes(void **state)
{
	Helio__Store__V1__DropBucketRequest request =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__DropBucketReply *reply = NULL;
	struct watching this;

	(void)state;
	watch(&this, NULL, NULL);
	wait_until(&scene, this.n_live);
	request.name = field("lab");
	assert_int_equal(helio__store__v1__buckets__drop__wait(
				 scene.buckets, &request, &reply),
			 HELIO_OK);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.status, HELIO_NOT_FOUND);
	unwatch(&this);
}

static bool all_have(const struct watching *crowd, size_t n)
{
	for (size_t i = 0; i < CROWD; i++)
		if (crowd[i].n < n)
			return false;
	return true;
}

static void test_a_crowd(void **state)
{
	static struct watching crowd[CROWD];

	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		watch(&crowd[i], i % 2 ? "a" : NULL, NULL);
	for (size_t i = 0; i < CROWD; i++)
		wait_until(&scene, crowd[i].n_live);
	put_ok(&scene, "lab", "a", "1");
	put_ok(&scene, "lab", "a", "2");
	wait_until(&scene, all_have(crowd, 2));
	for (size_t i = 0; i < CROWD; i++) {
		expect_seen(&crowd[i], "a=1 a=2");
		unwatch(&crowd[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_there_and_what_comes),
		TEST(test_one_key_and_those_that_begin_so),
		TEST(test_keys_alone),
		TEST(test_from_a_revision),
		TEST(test_a_prefix_like_no_key),
		TEST(test_a_long_transaction),
		TEST(test_restarts),
		TEST(test_a_slow_one),
		TEST(test_no_window),
		TEST(test_a_bucket_goes),
		TEST(test_a_crowd),
	};

	return cmocka_run_group_tests_name("store_watch", tests, NULL, NULL);
}
