/* SPDX-License-Identifier: MIT */

/* Rights to parts of a bucket: whoever asks how, no other key is told. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/store/job.h"

#define BUCKET "parts"

static const char policy[] =
	"allow uid:* any,group,capture,observe >\n"
	"allow uid:* subscribe $sys.>\n"
	"allow uid:* admin,kv-read,kv-write,job-submit,job-work >\n"
	"allow vm:guest call helio.store.v1.>\n"
	"allow vm:guest job-work work\n"
	"deny  vm:guest kv-read parts/its/secret\n"
	"allow vm:guest kv-read parts/its/\n"
	"allow vm:guest kv-read,kv-write parts/{self}\n";

static const char less_policy[] =
	"allow uid:* any,group,capture,observe >\n"
	"allow uid:* subscribe $sys.>\n"
	"allow uid:* admin,kv-read,kv-write,job-submit,job-work >\n"
	"allow vm:guest call helio.store.v1.>\n"
	"allow vm:guest kv-read parts/its/\n";

static const char *const others[] = {
	"other", "guests", "its", "its/secret", "its/secret/a", "a", "z", NULL
};

static struct scene scene, guest;

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, policy);
	scene_visit(&scene, true, &guest);
	assert_int_equal(bucket_create(&scene, BUCKET, NULL), HELIO_OK);
	assert_int_equal(queue_create(&scene, QUEUE), HELIO_OK);
	put_ok(&scene, BUCKET, "its/a", "1");
	put_ok(&scene, BUCKET, "its/b/c", "2");
	put_ok(&scene, BUCKET, "guest", "3");
	put_ok(&scene, BUCKET, "guest/a", "4");
	for (size_t i = 0; others[i]; i++)
		put_ok(&scene, BUCKET, others[i], "hidden");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_leave(&guest);
	scene_close(&scene);
	return 0;
}

/* ---- one key ---- */

static int history(const char *key)
{
	Helio__Store__V1__HistoryRequest request =
		HELIO__STORE__V1__HISTORY_REQUEST__INIT;
	const Helio__Store__V1__HistoryReply *reply = NULL;

	request.bucket = field(BUCKET);
	request.key = field(key);
	return helio__store__v1__buckets__history__wait(guest.buckets, &request,
							&reply);
}

static void test_keys(void **state)
{
	uint64_t revision = NO_REVISION;
	struct got got = get(&guest, BUCKET, "its/b/c", 0);

	(void)state;
	assert_int_equal(got.status, HELIO_OK);
	assert_string_equal(got.value, "2");
	assert_int_equal(
		get(&guest, BUCKET, "its/a", got.store_revision).status,
		HELIO_OK);
	assert_int_equal(get(&guest, BUCKET, "its/none", 0).status,
			 HELIO_NOT_FOUND);
	assert_int_equal(history("its/a"), HELIO_OK);
	put_ok(&guest, BUCKET, "guest", "5");
	put_ok(&guest, BUCKET, "guest/a", "6");
	assert_int_equal(delete_key(&guest, BUCKET, "guest/a", &revision),
			 HELIO_OK);
	revision = NO_REVISION;
	assert_int_equal(put(&guest, BUCKET, "its/a", "7", &revision),
			 HELIO_PERMISSION_DENIED);
	assert_non_null(strstr(why(&guest), "vm:guest may not kv-write "
					    "parts/its/a: "));
	assert_int_equal(delete_key(&guest, BUCKET, "its/a", &revision),
			 HELIO_PERMISSION_DENIED);
	expect(&scene, BUCKET, "its/a", "1");
}

static void test_other_keys(void **state)
{
	uint64_t revision = NO_REVISION;

	(void)state;
	for (size_t i = 0; others[i]; i++) {
		assert_int_equal(get(&guest, BUCKET, others[i], 0).status,
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(get(&guest, BUCKET, others[i], 5).status,
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(history(others[i]), HELIO_PERMISSION_DENIED);
		assert_int_equal(put(&guest, BUCKET, others[i], "x", &revision),
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(
			delete_key(&guest, BUCKET, others[i], &revision),
			HELIO_PERMISSION_DENIED);
		expect(&scene, BUCKET, others[i], "hidden");
	}
	(void)get(&guest, BUCKET, "its/secret/a", 0);
	assert_non_null(strstr(why(&guest), "kv-read parts/its/secret/a: "
					    "denied by 10-test.policy:6"));
	assert_int_equal(get(&guest, BUCKET, "", 0).status,
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(get(&guest, BUCKET, "its/\n", 0).status,
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(get(&guest, "nowhere", "its/a", 0).status,
			 HELIO_PERMISSION_DENIED);
}

/* ---- many ---- */

static int list(const char *prefix, const char *cursor, const char *from,
		size_t *ret_n)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	const Helio__Store__V1__ListReply *reply = NULL;
	int status;

	request.bucket = field(BUCKET);
	request.prefix = field(prefix);
	request.cursor = field(cursor);
	request.from = field(from);
	status = helio__store__v1__buckets__list__wait(guest.buckets, &request,
						       &reply);
	*ret_n = status == HELIO_OK ? reply->n_entries : 0;
	for (size_t i = 0; i < *ret_n; i++)
		assert_int_equal(
			strncmp(reply->entries[i]->key, prefix, strlen(prefix)),
			0);
	return status;
}

static void test_lists(void **state)
{
	static const char *const denied[] = { NULL,    "",       "guest",
					      "g",     "its",    "its/",
					      "other", "guests", "its/secret/",
					      "/",     "its/s" };
	char cursor[64];
	size_t n;

	(void)state;
	assert_int_equal(list("guest/", NULL, NULL, &n), HELIO_OK);
	assert_int_equal(n, 1);
	assert_int_equal(list("its/b/", NULL, NULL, &n), HELIO_OK);
	assert_int_equal(n, 1);
	assert_int_equal(list("guest/none/", NULL, NULL, &n), HELIO_OK);
	assert_int_equal(n, 0);
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++) {
		assert_int_equal(list(denied[i], NULL, NULL, &n),
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(list(denied[i], NULL, "guest/", &n),
				 HELIO_PERMISSION_DENIED);
	}
	/* Nor by a cursor that was not given out. */
	snprintf(cursor, sizeof(cursor), "%llu/a",
		 (unsigned long long)get(&guest, BUCKET, "its/a", 0)
			 .store_revision);
	assert_int_equal(list("guest/", cursor, NULL, &n), HELIO_OK);
	assert_int_equal(n, 1);
	cursor[strlen(cursor) - 1] = 'n';
	assert_int_equal(list("guest/", cursor, NULL, &n), HELIO_OK);
	assert_int_equal(n, 0);
}

static void test_the_bucket(void **state)
{
	Helio__Store__V1__ListBucketsRequest request =
		HELIO__STORE__V1__LIST_BUCKETS_REQUEST__INIT;
	const Helio__Store__V1__ListBucketsReply *reply = NULL;
	Helio__Store__V1__ShowBucketRequest show =
		HELIO__STORE__V1__SHOW_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__ShowBucketReply *shown = NULL;
	Helio__Store__V1__DropBucketRequest drop =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__DropBucketReply *dropped = NULL;

	(void)state;
	assert_int_equal(helio__store__v1__buckets__list_buckets__wait(
				 guest.buckets, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_buckets, 0);
	show.name = drop.name = field(BUCKET);
	assert_int_equal(helio__store__v1__buckets__show__wait(guest.buckets,
							       &show, &shown),
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(helio__store__v1__buckets__drop__wait(guest.buckets,
							       &drop, &dropped),
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(bucket_create(&guest, BUCKET, NULL),
			 HELIO_PERMISSION_DENIED);
}

/* ---- watches ---- */

struct watching {
	unsigned n;
	unsigned n_others;
	const char *prefix;
	bool is_live;
	bool is_over;
	unsigned status;
};

static void on_message(struct helio_stream *stream,
		       const Helio__Store__V1__WatchReply *reply,
		       void *userdata)
{
	struct watching *this = userdata;

	(void)stream;
	this->is_live |= reply->is_live;
	for (size_t i = 0; i < reply->n_entries; i++) {
		this->n++;
		this->n_others += strncmp(reply->entries[i]->key, this->prefix,
					  strlen(this->prefix)) != 0;
	}
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Store__V1__WatchReply *null, void *userdata)
{
	struct watching *this = userdata;

	(void)stream;
	(void)null;
	this->is_over = true;
	this->status = reply->status;
}

static void watch(struct watching *this, const char *key, const char *prefix,
		  uint64_t after)
{
	static const struct helio__store__v1__buckets__watch__events events = {
		.on_message = on_message,
		.on_end = on_end,
	};
	Helio__Store__V1__WatchRequest request =
		HELIO__STORE__V1__WATCH_REQUEST__INIT;
	struct helio_stream *stream;

	*this = (struct watching){ .prefix = key ? key : prefix ? prefix : "" };
	request.bucket = field(BUCKET);
	request.key = field(key);
	request.prefix = field(prefix);
	request.has_after = after != 0;
	request.after = after;
	assert_int_equal(
		helio__store__v1__buckets__watch__stream(
			guest.buckets, &request, &events, this, &stream),
		0);
	wait_until(&guest, this->is_live || this->is_over);
}

static void assert_no_watch(const char *key, const char *prefix, uint64_t after)
{
	struct watching this;

	watch(&this, key, prefix, after);
	assert_true(this.is_over);
	assert_int_equal(this.status, HELIO_PERMISSION_DENIED);
	assert_int_equal(this.n, 0);
}

static void change_policy(const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config/policy/10-test.policy",
		 scene.bus_process.folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(kill(scene.bus_process.pid, SIGHUP), 0);
}

static void test_watches(void **state)
{
	static struct watching own, key, part;
	uint64_t after = get(&guest, BUCKET, "its/a", 0).store_revision;

	(void)state;
	assert_no_watch(NULL, NULL, 0);
	assert_no_watch(NULL, "guest", 0);
	assert_no_watch(NULL, "its/", after);
	assert_no_watch("other", NULL, 0);
	assert_no_watch("its/secret", NULL, after);
	watch(&own, NULL, "guest/", 0);
	watch(&key, "its/a", NULL, 0);
	watch(&part, NULL, "its/b/", after);
	put_ok(&scene, BUCKET, "other", "hidden");
	put_ok(&scene, BUCKET, "guests", "hidden");
	put_ok(&scene, BUCKET, "its/secret", "hidden");
	put_ok(&scene, BUCKET, "its/b/c", "8");
	put_ok(&scene, BUCKET, "its/a", "8");
	put_ok(&scene, BUCKET, "guest/a", "8");
	wait_until(&guest, own.n == 2 && key.n == 2 && part.n == 1);
	assert_int_equal(own.n_others + key.n_others + part.n_others, 0);
	/* What is still allowed goes on. */
	change_policy(less_policy);
	wait_until(&guest, own.is_over);
	assert_int_equal(own.status, HELIO_PERMISSION_DENIED);
	put_ok(&scene, BUCKET, "its/b/c", "9");
	put_ok(&scene, BUCKET, "its/a", "9");
	wait_until(&guest, key.n == 3 && part.n == 2);
	assert_false(key.is_over || part.is_over);
}

/* ---- transactions ---- */

struct changes {
	Helio__Store__V1__Condition condition;
	Helio__Store__V1__Write writes[2];
};

static Helio__Store__V1__Transaction transaction_of(struct changes *changes,
						    const char *read,
						    const char *written)
{
	static Helio__Store__V1__Condition *conditions[1];
	static Helio__Store__V1__Write *writes[2];
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;

	helio__store__v1__condition__init(&changes->condition);
	changes->condition.bucket = field(BUCKET);
	changes->condition.key = field(read);
	changes->condition.has_exists = changes->condition.exists = 1;
	conditions[0] = &changes->condition;
	for (size_t i = 0; i < 2; i++) {
		helio__store__v1__write__init(&changes->writes[i]);
		changes->writes[i].bucket = field(BUCKET);
		changes->writes[i].has_value = 1;
		writes[i] = &changes->writes[i];
	}
	changes->writes[0].key = field("guest/first");
	changes->writes[1].key = field(written);
	transaction.conditions = conditions;
	transaction.n_conditions = 1;
	transaction.writes = writes;
	transaction.n_writes = 2;
	return transaction;
}

static int commit(const char *read, const char *written)
{
	struct changes changes;
	Helio__Store__V1__Transaction transaction =
		transaction_of(&changes, read, written);
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	const Helio__Store__V1__CommitReply *reply = NULL;

	request.transaction = &transaction;
	return helio__store__v1__buckets__commit__wait(guest.buckets, &request,
						       &reply);
}

static int complete(const struct leased *leased, const char *read,
		    const char *written)
{
	struct changes changes;
	Helio__Store__V1__Transaction transaction =
		transaction_of(&changes, read, written);
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	const Helio__Store__V1__CompleteReply *reply = NULL;

	request.queue = field(QUEUE);
	request.has_id = request.has_token = 1;
	request.id = leased->id;
	request.token = leased->token;
	request.transaction = &transaction;
	return helio__store__v1__queues__complete__wait(guest.queues, &request,
							&reply);
}

static void test_transactions(void **state)
{
	struct leased leased;

	(void)state;
	(void)job_submit_ok(&scene, "a");
	leased = job_lease_ok(&guest);
	for (size_t i = 0; others[i]; i++) {
		assert_int_equal(commit(others[i], "guest"),
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(commit("its/a", others[i]),
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(complete(&leased, others[i], "guest"),
				 HELIO_PERMISSION_DENIED);
		assert_int_equal(complete(&leased, "its/a", others[i]),
				 HELIO_PERMISSION_DENIED);
	}
	assert_int_equal(commit("its/a", "its/b/c"), HELIO_PERMISSION_DENIED);
	assert_int_equal(get(&scene, BUCKET, "guest/first", 0).status,
			 HELIO_NOT_FOUND);
	assert_int_equal(commit("its/a", "guest"), HELIO_OK);
	assert_int_equal(complete(&leased, "its/b/c", "guest/a"), HELIO_OK);
	expect(&scene, BUCKET, "guest/first", "");
	expect(&scene, BUCKET, "its/b/c", "2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),    TEST(test_other_keys),
		TEST(test_lists),   TEST(test_the_bucket),
		TEST(test_watches), TEST(test_transactions),
	};

	return cmocka_run_group_tests_name("store_parts", tests, NULL, NULL);
}
