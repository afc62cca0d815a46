/* SPDX-License-Identifier: MIT */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/store/job.h"

/*
 * The guest is vm:guest; whoever comes by the common socket may everything, and
 * so may the store.
 */
static const char policy[] =
	"allow uid:* any,group,capture,observe >\n"
	"allow uid:* subscribe $sys.>\n"
	"allow uid:* admin,log-read,log-admin,kv-read,kv-write >\n"
	"allow uid:* job-submit,job-work >\n"
	"allow vm:guest call helio.store.v1.>\n"
	"allow vm:guest call helio.switch.v1.>\n"
	"allow vm:guest kv-read,kv-write,job-submit,job-work vm.{self}.>\n"
	"allow vm:guest kv-read shared\n"
	"allow vm:guest job-submit work\n"
	"allow vm:guest publish vm.guest.>\n";

static const char less_policy[] =
	"allow uid:* any,group,capture,observe >\n"
	"allow uid:* subscribe $sys.>\n"
	"allow uid:* admin,log-read,log-admin,kv-read,kv-write >\n"
	"allow uid:* job-submit,job-work >\n"
	"allow vm:guest call helio.store.v1.>\n";

enum { BURST = 400, BURST_BYTES = 512 * 1024 };

static struct scene scene, guest;

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, policy);
	scene_visit(&scene, true, &guest);
	assert_int_equal(bucket_create(&scene, "shared", NULL), HELIO_OK);
	assert_int_equal(bucket_create(&scene, "secret", NULL), HELIO_OK);
	assert_int_equal(queue_create(&scene, QUEUE), HELIO_OK);
	assert_int_equal(bucket_create(&guest, "vm.guest.own", NULL), HELIO_OK);
	assert_int_equal(queue_create(&guest, "vm.guest.own"), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_leave(&guest);
	scene_close(&scene);
	return 0;
}

/* ---- buckets ---- */

static void on_got(const Helio__Store__V1__GetReply *reply, void *userdata)
{
	unsigned *n = userdata;

	(void)reply;
	++*n;
}

/* All wait for one verdict, and then all would be answered at once. */
static void test_a_burst(void **state)
{
	static char value[BURST_BYTES];
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	unsigned long before;
	unsigned n = 0;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	put_ok(&scene, "shared", "a", value);
	before = scene_peak_kib(&scene);
	request.bucket = field("shared");
	request.key = field("a");
	for (int i = 0; i < BURST; i++)
		helio__store__v1__buckets__get(
			helio_client_service(guest.buckets), &request, on_got,
			&n);
	wait_until(&guest, n == BURST);
	assert_in_range(scene_peak_kib(&scene), before,
			before + BURST / 2 * (BURST_BYTES / 1024));
}

static void test_keys(void **state)
{
	uint64_t revision = NO_REVISION;

	(void)state;
	put_ok(&scene, "shared", "a", "1");
	put_ok(&scene, "secret", "a", "1");
	expect(&guest, "shared", "a", "1");
	assert_int_equal(put(&guest, "shared", "a", "2", &revision),
			 HELIO_PERMISSION_DENIED);
	assert_non_null(
		strstr(why(&guest), "vm:guest may not kv-write shared"));
	assert_int_equal(get(&guest, "secret", "a", 0).status,
			 HELIO_PERMISSION_DENIED);
	/* What there is nobody learns who may not ask. */
	assert_int_equal(get(&guest, "none", "a", 0).status,
			 HELIO_PERMISSION_DENIED);
	put_ok(&guest, "vm.guest.own", "a", "1");
	expect(&guest, "vm.guest.own", "a", "1");
	assert_int_equal(bucket_create(&guest, "other", NULL),
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(delete_key(&guest, "shared", "a", &revision),
			 HELIO_PERMISSION_DENIED);
}

static void test_lists_have_what_one_may_see(void **state)
{
	Helio__Store__V1__ListBucketsRequest request =
		HELIO__STORE__V1__LIST_BUCKETS_REQUEST__INIT;
	const Helio__Store__V1__ListBucketsReply *reply = NULL;
	Helio__Store__V1__ListQueuesRequest queues_request =
		HELIO__STORE__V1__LIST_QUEUES_REQUEST__INIT;
	const Helio__Store__V1__ListQueuesReply *queues = NULL;

	(void)state;
	assert_int_equal(helio__store__v1__buckets__list_buckets__wait(
				 guest.buckets, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_buckets, 2);
	assert_string_equal(reply->buckets[0]->name, "shared");
	assert_string_equal(reply->buckets[1]->name, "vm.guest.own");
	assert_string_equal(reply->buckets[1]->owner, "vm:guest");
	assert_int_equal(queue_create(&scene, "hidden"), HELIO_OK);
	assert_int_equal(helio__store__v1__queues__list_queues__wait(
				 guest.queues, &queues_request, &queues),
			 HELIO_OK);
	assert_int_equal(queues->n_queues, 2);
	assert_string_equal(queues->queues[1]->name, QUEUE);
}

/* Each part of a transaction takes its own right, and one no is enough. */
struct parts {
	Helio__Store__V1__Condition condition;
	Helio__Store__V1__Write write;
	Helio__Store__V1__SubmitRequest submit;
	Helio__Store__V1__Message message;
};

static int commit(struct scene *by, struct parts *parts)
{
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	const Helio__Store__V1__CommitReply *reply = NULL;

	transaction.n_conditions = transaction.n_writes =
		transaction.n_submits = transaction.n_messages = 1;
	transaction.conditions =
		(Helio__Store__V1__Condition *[]){ &parts->condition };
	transaction.writes = (Helio__Store__V1__Write *[]){ &parts->write };
	transaction.submits =
		(Helio__Store__V1__SubmitRequest *[]){ &parts->submit };
	transaction.messages =
		(Helio__Store__V1__Message *[]){ &parts->message };
	request.transaction = &transaction;
	return helio__store__v1__buckets__commit__wait(by->buckets, &request,
						       &reply);
}

static struct parts good_parts(void)
{
	struct parts parts = {
		.condition = HELIO__STORE__V1__CONDITION__INIT,
		.write = HELIO__STORE__V1__WRITE__INIT,
		.submit = HELIO__STORE__V1__SUBMIT_REQUEST__INIT,
		.message = HELIO__STORE__V1__MESSAGE__INIT,
	};

	parts.condition.bucket = field("shared");
	parts.condition.key = field("none");
	parts.condition.has_exists = 1;
	parts.write.bucket = field("vm.guest.own");
	parts.write.key = field("a");
	parts.write.has_value = 1;
	parts.submit.queue = field(QUEUE);
	parts.message.subject = field("vm.guest.said");
	parts.message.has_is_plain = parts.message.is_plain = 1;
	return parts;
}

static void test_transactions(void **state)
{
	struct parts parts = good_parts();

	(void)state;
	assert_int_equal(commit(&guest, &parts), HELIO_OK);
	parts.condition.bucket = field("secret");
	assert_int_equal(commit(&guest, &parts), HELIO_PERMISSION_DENIED);
	parts = good_parts();
	parts.write.bucket = field("shared");
	assert_int_equal(commit(&guest, &parts), HELIO_PERMISSION_DENIED);
	parts = good_parts();
	parts.submit.queue = field("hidden");
	assert_int_equal(commit(&guest, &parts), HELIO_PERMISSION_DENIED);
	parts = good_parts();
	parts.message.subject = field("vm.other.said");
	assert_int_equal(commit(&guest, &parts), HELIO_PERMISSION_DENIED);
	parts.message.subject = field("not a subject");
	assert_int_equal(commit(&guest, &parts), HELIO_INVALID_ARGUMENT);
	parts.message.subject = field("$sys.peer.down");
	assert_int_equal(commit(&guest, &parts), HELIO_PERMISSION_DENIED);
}

/* ---- queues ---- */

static int await(struct scene *by, uint64_t id)
{
	Helio__Store__V1__AwaitRequest request =
		HELIO__STORE__V1__AWAIT_REQUEST__INIT;
	const Helio__Store__V1__AwaitReply *reply = NULL;

	request.queue = field(QUEUE);
	request.has_id = 1;
	request.id = id;
	return helio__store__v1__queues__await__wait(by->queues, &request,
						     &reply);
}

static int list_jobs(struct scene *by)
{
	Helio__Store__V1__ListJobsRequest request =
		HELIO__STORE__V1__LIST_JOBS_REQUEST__INIT;
	const Helio__Store__V1__ListJobsReply *reply = NULL;

	request.queue = field(QUEUE);
	return helio__store__v1__queues__list_jobs__wait(by->queues, &request,
							 &reply);
}

/* Who may only submit has what he submitted, and nothing else. */
static void test_who_submits(void **state)
{
	uint64_t own = 0, other = 0;
	Helio__Store__V1__JobState ended;
	struct leased leased;
	struct shown shown;
	bool was_there;

	(void)state;
	assert_int_equal(job_submit(&guest, NULL, NULL, &own, &was_there),
			 HELIO_OK);
	assert_int_equal(job_submit(&scene, NULL, NULL, &other, &was_there),
			 HELIO_OK);
	assert_int_equal(job_show(&guest, own, &shown), HELIO_OK);
	assert_int_equal(job_show(&guest, other, &shown), HELIO_NOT_FOUND);
	assert_int_equal(job_show(&scene, own, &shown), HELIO_OK);
	assert_int_equal(await(&guest, other), HELIO_NOT_FOUND);
	assert_int_equal(job_cancel(&guest, other, &ended), HELIO_NOT_FOUND);
	assert_int_equal(job_lease(&guest, 0, 0, &leased),
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(list_jobs(&guest), HELIO_PERMISSION_DENIED);
	assert_int_equal(list_jobs(&scene), HELIO_OK);
	assert_int_equal(job_cancel(&guest, own, &ended), HELIO_OK);
	assert_int_equal(await(&guest, own), HELIO_OK);
	assert_int_equal(queue_create(&guest, "mine"), HELIO_PERMISSION_DENIED);
}

/* ---- rights that are taken back ---- */

struct watching {
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

static void test_a_right_is_taken_back(void **state)
{
	static const struct helio__store__v1__buckets__watch__events events = {
		.on_message = on_message,
		.on_end = on_end,
	};
	Helio__Store__V1__WatchRequest request =
		HELIO__STORE__V1__WATCH_REQUEST__INIT;
	struct watching this = { 0 };
	struct helio_stream *stream;

	(void)state;
	request.bucket = field("shared");
	assert_int_equal(
		helio__store__v1__buckets__watch__stream(
			guest.buckets, &request, &events, &this, &stream),
		0);
	wait_until(&guest, this.is_live);
	change_policy(less_policy);
	wait_until(&guest, this.is_over);
	assert_int_equal(this.status, HELIO_PERMISSION_DENIED);
	assert_int_equal(get(&guest, "shared", "a", 0).status,
			 HELIO_PERMISSION_DENIED);
	assert_int_equal(get(&scene, "shared", "a", 0).status, HELIO_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),
		TEST(test_a_burst),
		TEST(test_lists_have_what_one_may_see),
		TEST(test_transactions),
		TEST(test_who_submits),
		TEST(test_a_right_is_taken_back),
	};

	return cmocka_run_group_tests_name("store_rights", tests, NULL, NULL);
}
