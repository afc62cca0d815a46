/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/store/scene.h"

enum { RACERS = 3, ROUNDS = 60, MANY = 300 };

static struct scene scene;

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

/* ---- keys ---- */

static void test_what_is_put_is_there(void **state)
{
	uint64_t first, second, gone = 0;
	struct got got;

	(void)state;
	first = put_ok(&scene, "lab", "a", "1");
	second = put_ok(&scene, "lab", "a", "2");
	assert_true(second > first);
	got = get(&scene, "lab", "a", 0);
	assert_int_equal(got.status, HELIO_OK);
	assert_string_equal(got.value, "2");
	assert_true(got.revision == second);
	assert_true(got.store_revision >= second);
	got = get(&scene, "lab", "a", first);
	assert_string_equal(got.value, "1");
	assert_int_equal(delete_key(&scene, "lab", "a", &gone), HELIO_OK);
	assert_true(gone > second);
	assert_int_equal(get(&scene, "lab", "a", 0).status, HELIO_NOT_FOUND);
	assert_string_equal(get(&scene, "lab", "a", second).value, "2");
	assert_int_equal(delete_key(&scene, "lab", "a", &gone), HELIO_OK);
	assert_true(gone == 0);
	assert_int_equal(get(&scene, "lab", "a", UINT64_MAX).status,
			 HELIO_OUT_OF_RANGE);
}

static void test_what_is_no_key(void **state)
{
	uint64_t revision = NO_REVISION;

	(void)state;
	assert_int_equal(put(&scene, "lab", "", "1", &revision),
			 HELIO_INVALID_ARGUMENT);
	assert_int_equal(put(&scene, "lab", "a\nb", "1", &revision),
			 HELIO_INVALID_ARGUMENT);
	assert_int_equal(put(&scene, "none", "a", "1", &revision),
			 HELIO_NOT_FOUND);
	assert_int_equal(put(&scene, "lab.>", "a", "1", &revision),
			 HELIO_INVALID_ARGUMENT);
	assert_int_equal(put(&scene, NULL, "a", "1", &revision),
			 HELIO_INVALID_ARGUMENT);
	assert_int_equal(get(&scene, "none", "a", 0).status, HELIO_NOT_FOUND);
	assert_int_equal(get(&scene, "lab", "a", 0).status, HELIO_NOT_FOUND);
	assert_int_equal(get(&scene, "lab", NULL, 0).status, HELIO_NOT_FOUND);
}

static void test_a_condition(void **state)
{
	uint64_t revision = 0, wrong;

	(void)state;
	assert_int_equal(put(&scene, "lab", "a", "1", &revision), HELIO_OK);
	wrong = 0;
	assert_int_equal(put(&scene, "lab", "a", "x", &wrong), HELIO_ABORTED);
	wrong = revision + 1;
	assert_int_equal(put(&scene, "lab", "a", "x", &wrong), HELIO_ABORTED);
	assert_int_equal(put(&scene, "lab", "a", "2", &revision), HELIO_OK);
	expect(&scene, "lab", "a", "2");
}

static void test_a_key_ends(void **state)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	const Helio__Store__V1__PutReply *reply = NULL;

	(void)state;
	request.bucket = field("lab");
	request.key = field("short");
	request.has_value = request.has_ttl_ms = 1;
	request.value = bytes_of("x");
	request.ttl_ms = 50;
	assert_int_equal(helio__store__v1__buckets__put__wait(scene.buckets,
							      &request, &reply),
			 HELIO_OK);
	expect(&scene, "lab", "short", "x");
	wait_until(&scene,
		   get(&scene, "lab", "short", 0).status == HELIO_NOT_FOUND);
}

/* Each adds one, over and over, if nobody has meanwhile. */
static void add_one(struct scene *racer)
{
	char text[VALUE_BYTES];
	int r = HELIO_ABORTED;

	while (r == HELIO_ABORTED) {
		struct got got = get(racer, "lab", "sum", 0);
		uint64_t revision = got.revision;

		snprintf(text, sizeof(text), "%u", number_of(got.value) + 1);
		r = put(racer, "lab", "sum", text, &revision);
	}
	assert_int_equal(r, HELIO_OK);
}

struct race {
	struct scene *racer;
	unsigned n_left;
	unsigned n_lost;
	uint64_t revision;
	int value;
};

static void race_read(struct race *race);

static void on_raced(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	struct race *race = userdata;

	if (!reply)
		race->n_lost++;
	else
		race->n_left--;
	if (race->n_left)
		race_read(race);
}

static void on_read(const Helio__Store__V1__GetReply *reply, void *userdata)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct race *race = userdata;
	char text[VALUE_BYTES];

	assert_non_null(reply);
	snprintf(text, sizeof(text), "%.*s", (int)reply->entry->value.len,
		 (const char *)reply->entry->value.data);
	snprintf(text, sizeof(text), "%u", number_of(text) + 1);
	request.bucket = field("lab");
	request.key = field("sum");
	request.has_value = request.has_if_revision = 1;
	request.value = bytes_of(text);
	request.if_revision = reply->entry->revision;
	helio__store__v1__buckets__put(
		helio_client_service(race->racer->buckets), &request, on_raced,
		race);
}

static void race_read(struct race *race)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;

	request.bucket = field("lab");
	request.key = field("sum");
	helio__store__v1__buckets__get(
		helio_client_service(race->racer->buckets), &request, on_read,
		race);
}

/* No update is lost, and some had to try again. */
static void test_a_race(void **state)
{
	struct scene racers[RACERS];
	struct race races[RACERS];
	unsigned n_lost = 0;
	char text[16];

	(void)state;
	put_ok(&scene, "lab", "sum", "0");
	for (int i = 0; i < RACERS; i++) {
		scene_visit(&scene, i == 0, &racers[i]);
		races[i] =
			(struct race){ .racer = &racers[i], .n_left = ROUNDS };
		race_read(&races[i]);
	}
	for (int i = 0; i < RACERS; i++) {
		wait_until(&racers[i],
			   (helio_run(racers[(i + 1) % RACERS].bus, 0),
			    helio_run(racers[(i + 2) % RACERS].bus, 0),
			    !races[i].n_left));
		n_lost += races[i].n_lost;
	}
	snprintf(text, sizeof(text), "%d", RACERS * ROUNDS);
	expect(&scene, "lab", "sum", text);
	assert_true(n_lost > 0);
	add_one(&racers[0]);
	for (int i = 0; i < RACERS; i++)
		scene_leave(&racers[i]);
}

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	unsigned *n = userdata;

	assert_non_null(reply);
	(*n)++;
}

/* They share commits, and each is there. */
static void test_many_at_a_time(void **state)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	unsigned n = 0;
	char key[16];

	(void)state;
	request.bucket = field("lab");
	request.has_value = 1;
	request.value = bytes_of("x");
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		request.key = key;
		helio__store__v1__buckets__put(
			helio_client_service(scene.buckets), &request, on_put,
			&n);
	}
	wait_until(&scene, n == MANY);
	scene_kill_store(&scene);
	assert_true(bucket_show(&scene, "lab")->keys == MANY);
}

/* ---- pages ---- */

struct page {
	size_t n;
	char keys[16][16];
	char next[600];
	uint64_t revision;
};

static int list(const Helio__Store__V1__ListRequest *request, struct page *page)
{
	const Helio__Store__V1__ListReply *reply = NULL;
	int r = helio__store__v1__buckets__list__wait(scene.buckets, request,
						      &reply);

	*page = (struct page){ .n = 0 };
	if (r)
		return r;
	page->n = reply->n_entries;
	page->revision = reply->revision;
	assert_true(page->n <= 16);
	for (size_t i = 0; i < page->n; i++)
		snprintf(page->keys[i], sizeof(page->keys[i]), "%s",
			 reply->entries[i]->key);
	if (reply->next)
		snprintf(page->next, sizeof(page->next), "%s", reply->next);
	return r;
}

static void expect_page(const Helio__Store__V1__ListRequest *request,
			const char *keys)
{
	char text[256] = "";
	struct page page;
	size_t n = 0;

	assert_int_equal(list(request, &page), HELIO_OK);
	for (size_t i = 0; i < page.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
				      i ? " " : "", page.keys[i]);
	assert_string_equal(text, keys);
}

static void test_lists(void **state)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	static const char *const keys[] = { "a/1", "a/2", "a/3", "b", "c" };
	uint64_t gone;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		put_ok(&scene, "lab", keys[i], "x");
	request.bucket = field("lab");
	expect_page(&request, "a/1 a/2 a/3 b c");
	request.has_reverse = request.reverse = 1;
	expect_page(&request, "c b a/3 a/2 a/1");
	request.prefix = field("a/");
	expect_page(&request, "a/3 a/2 a/1");
	request.reverse = 0;
	request.from = field("a/2");
	expect_page(&request, "a/2 a/3");
	request.until = field("a/3");
	expect_page(&request, "a/2");
	request.prefix = request.from = request.until = NULL;
	request.has_at = 1;
	request.at = put_ok(&scene, "lab", "b", "y");
	assert_int_equal(delete_key(&scene, "lab", "b", &gone), HELIO_OK);
	expect_page(&request, "a/1 a/2 a/3 b c");
	request.has_at = 0;
	expect_page(&request, "a/1 a/2 a/3 c");
	request.has_at = 1;
	request.at = UINT64_MAX;
	assert_int_equal(list(&request, &(struct page){ 0 }),
			 HELIO_OUT_OF_RANGE);
}

/* All pages are as of one revision, whatever happens between them. */
static void test_pages(void **state)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	struct page first, second, third;
	uint64_t gone;

	(void)state;
	put_ok(&scene, "lab", "a", "x");
	put_ok(&scene, "lab", "b", "x");
	put_ok(&scene, "lab", "c", "x");
	request.bucket = field("lab");
	request.has_limit = 1;
	request.limit = 1;
	assert_int_equal(list(&request, &first), HELIO_OK);
	assert_int_equal(first.n, 1);
	assert_int_equal(delete_key(&scene, "lab", "b", &gone), HELIO_OK);
	put_ok(&scene, "lab", "bb", "x");
	request.cursor = first.next;
	assert_int_equal(list(&request, &second), HELIO_OK);
	assert_string_equal(second.keys[0], "b");
	assert_true(second.revision == first.revision);
	request.cursor = second.next;
	assert_int_equal(list(&request, &third), HELIO_OK);
	assert_string_equal(third.keys[0], "c");
	assert_string_equal(third.next, "");
	request.cursor = field("7");
	assert_int_equal(list(&request, &third), HELIO_INVALID_ARGUMENT);
	request.cursor = field("x/a");
	assert_int_equal(list(&request, &third), HELIO_INVALID_ARGUMENT);
	request.cursor = field("99999999/a");
	assert_int_equal(list(&request, &third), HELIO_OUT_OF_RANGE);
}

static void test_history(void **state)
{
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	Helio__Store__V1__HistoryRequest request =
		HELIO__STORE__V1__HISTORY_REQUEST__INIT;
	const Helio__Store__V1__HistoryReply *reply = NULL;
	uint64_t gone;

	(void)state;
	config.has_history = 1;
	config.history = 3;
	assert_int_equal(bucket_create(&scene, "past", &config), HELIO_OK);
	put_ok(&scene, "past", "a", "1");
	put_ok(&scene, "past", "a", "2");
	assert_int_equal(delete_key(&scene, "past", "a", &gone), HELIO_OK);
	request.bucket = field("past");
	request.key = field("a");
	assert_int_equal(helio__store__v1__buckets__history__wait(
				 scene.buckets, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_entries, 3);
	assert_true(reply->entries[0]->is_deleted);
	assert_true(reply->entries[0]->revision == gone);
	assert_memory_equal(reply->entries[1]->value.data, "2", 1);
	assert_memory_equal(reply->entries[2]->value.data, "1", 1);
	assert_false(reply->is_cut);
	assert_string_equal(reply->entries[2]->writer,
			    helio_principal(scene.bus));
	request.has_limit = 1;
	request.limit = 1;
	assert_int_equal(helio__store__v1__buckets__history__wait(
				 scene.buckets, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_entries, 1);
	assert_true(reply->is_cut);
	request.key = field("none");
	assert_int_equal(helio__store__v1__buckets__history__wait(
				 scene.buckets, &request, &reply),
			 HELIO_NOT_FOUND);
}

/* ---- buckets ---- */

static int drop(const char *name)
{
	Helio__Store__V1__DropBucketRequest request =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__DropBucketReply *reply = NULL;

	request.name = field(name);
	return helio__store__v1__buckets__drop__wait(scene.buckets, &request,
						     &reply);
}

static size_t n_buckets(uint32_t limit, const char *cursor, char next[65])
{
	Helio__Store__V1__ListBucketsRequest request =
		HELIO__STORE__V1__LIST_BUCKETS_REQUEST__INIT;
	const Helio__Store__V1__ListBucketsReply *reply = NULL;

	request.has_limit = 1;
	request.limit = limit;
	request.cursor = field(cursor);
	assert_int_equal(helio__store__v1__buckets__list_buckets__wait(
				 scene.buckets, &request, &reply),
			 HELIO_OK);
	snprintf(next, 65, "%s", reply->next ? reply->next : "");
	return reply->n_buckets;
}

static void test_buckets_come_and_go(void **state)
{
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	Helio__Store__V1__ChangeBucketRequest change =
		HELIO__STORE__V1__CHANGE_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__ChangeBucketReply *changed = NULL;
	uint64_t revision = NO_REVISION;
	char next[65];

	(void)state;
	config.has_value_max = 1;
	config.value_max = 3;
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	assert_int_equal(bucket_create(&scene, "lab", &config),
			 HELIO_ALREADY_EXISTS);
	assert_int_equal(bucket_create(&scene, "a b", NULL),
			 HELIO_INVALID_ARGUMENT);
	assert_int_equal(bucket_create(&scene, "lib", &config), HELIO_OK);
	assert_int_equal(put(&scene, "lib", "a", "1234", &revision),
			 HELIO_INVALID_ARGUMENT);
	change.name = field("lib");
	config.value_max = 4;
	change.config = &config;
	assert_int_equal(helio__store__v1__buckets__change__wait(
				 scene.buckets, &change, &changed),
			 HELIO_OK);
	put_ok(&scene, "lib", "a", "1234");
	assert_int_equal(n_buckets(1, NULL, next), 1);
	assert_string_equal(next, "lab");
	assert_int_equal(n_buckets(1, next, next), 1);
	assert_string_equal(next, "");
	assert_int_equal(drop("lib"), HELIO_OK);
	assert_int_equal(drop("lib"), HELIO_NOT_FOUND);
	assert_int_equal(get(&scene, "lib", "a", 0).status, HELIO_NOT_FOUND);
	scene_kill_store(&scene);
	assert_int_equal(n_buckets(0, NULL, next), 1);
	assert_true(bucket_show(&scene, "lab")->has_created_revision);
}

/* ---- transactions ---- */

struct transaction {
	Helio__Store__V1__CommitRequest request;
	Helio__Store__V1__Transaction transaction;
	Helio__Store__V1__Condition condition;
	Helio__Store__V1__Condition *conditions[1];
	Helio__Store__V1__Write write[2];
	Helio__Store__V1__Write *writes[2];
};

/* If `a` has this value, `a` and `b` get another. */
static void transaction_init(struct transaction *this, const char *if_a,
			     const char *value)
{
	*this = (struct transaction){
		.request = HELIO__STORE__V1__COMMIT_REQUEST__INIT,
		.transaction = HELIO__STORE__V1__TRANSACTION__INIT,
		.condition = HELIO__STORE__V1__CONDITION__INIT,
		.write = { HELIO__STORE__V1__WRITE__INIT,
			   HELIO__STORE__V1__WRITE__INIT },
	};
	this->request.transaction = &this->transaction;
	this->conditions[0] = &this->condition;
	this->transaction.conditions = this->conditions;
	this->transaction.n_conditions = 1;
	this->condition.bucket = field("lab");
	this->condition.key = field("a");
	this->condition.has_value = 1;
	this->condition.value = bytes_of(if_a);
	for (int i = 0; i < 2; i++) {
		this->writes[i] = &this->write[i];
		this->write[i].bucket = field("lab");
		this->write[i].key = field(i ? "b" : "a");
		this->write[i].has_value = value != NULL;
		this->write[i].value = bytes_of(value);
	}
	this->transaction.writes = this->writes;
	this->transaction.n_writes = 2;
}

static int commit(struct transaction *this, uint64_t *ret_revision)
{
	const Helio__Store__V1__CommitReply *reply = NULL;
	int r = helio__store__v1__buckets__commit__wait(scene.buckets,
							&this->request, &reply);

	if (r == HELIO_OK)
		*ret_revision = reply->revision;
	return r;
}

static void test_all_or_nothing(void **state)
{
	struct transaction this;
	uint64_t revision = 0, same = 0;

	(void)state;
	put_ok(&scene, "lab", "a", "1");
	transaction_init(&this, "2", "x");
	assert_int_equal(commit(&this, &revision), HELIO_ABORTED);
	expect(&scene, "lab", "a", "1");
	assert_int_equal(get(&scene, "lab", "b", 0).status, HELIO_NOT_FOUND);
	transaction_init(&this, "1", "x");
	assert_int_equal(commit(&this, &revision), HELIO_OK);
	assert_true(get(&scene, "lab", "a", 0).revision == revision);
	assert_true(get(&scene, "lab", "b", 0).revision == revision);
	transaction_init(&this, "x", NULL);
	assert_int_equal(commit(&this, &revision), HELIO_OK);
	assert_int_equal(get(&scene, "lab", "a", 0).status, HELIO_NOT_FOUND);
	assert_int_equal(get(&scene, "lab", "b", 0).status, HELIO_NOT_FOUND);
	/* One bad part, and nothing is done. */
	put_ok(&scene, "lab", "a", "1");
	transaction_init(&this, "1", "y");
	this.write[1].bucket = field("none");
	assert_int_equal(commit(&this, &revision), HELIO_NOT_FOUND);
	expect(&scene, "lab", "a", "1");
	/* There was nothing to change. */
	this.transaction.n_writes = 0;
	assert_int_equal(commit(&this, &same), HELIO_OK);
	assert_true(same == 0);
}

static void test_it_outlives_the_store(void **state)
{
	uint64_t revision;

	(void)state;
	revision = put_ok(&scene, "lab", "a", "here");
	scene_kill_store(&scene);
	expect(&scene, "lab", "a", "here");
	assert_true(put_ok(&scene, "lab", "a", "again") > revision);
	scene_kill_switch(&scene);
	expect(&scene, "lab", "a", "again");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_put_is_there),
		TEST(test_what_is_no_key),
		TEST(test_a_condition),
		TEST(test_a_key_ends),
		TEST(test_a_race),
		TEST(test_many_at_a_time),
		TEST(test_lists),
		TEST(test_pages),
		TEST(test_history),
		TEST(test_buckets_come_and_go),
		TEST(test_all_or_nothing),
		TEST(test_it_outlives_the_store),
	};

	return cmocka_run_group_tests_name("store_buckets", tests, NULL, NULL);
}
