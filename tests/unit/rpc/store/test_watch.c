/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/heliograph-store.h"
#include "tests/fault.h"
#include "tests/unit/rpc/log/scribe.h"
#include "tests/unit/rpc/store/keeper.h"

/* What a watch was told. */
struct told {
	struct fake_switch fake;
	struct helio_kv_watch *watch;
	char keys[128]; /* "a b c" */
	unsigned n_keys;
	uint64_t revision;
	unsigned n_live;
	unsigned n_interrupted;
	unsigned n_ended;
	unsigned status;
	unsigned free_at; /* in the callback of this key */
};

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct told *told = userdata;
	size_t n = strlen(told->keys);

	snprintf(told->keys + n, sizeof(told->keys) - n, "%s%s%s", n ? " " : "",
		 entry->key, entry->is_deleted ? "-" : "");
	if (++told->n_keys != told->free_at)
		return;
	helio_kv_watch_free(watch);
	told->watch = NULL;
}

static void on_revision(struct helio_kv_watch *watch, uint64_t revision,
			void *userdata)
{
	struct told *told = userdata;

	told->revision = revision;
}

static void on_live(struct helio_kv_watch *watch, void *userdata)
{
	struct told *told = userdata;

	told->n_live++;
}

static void on_interrupted(struct helio_kv_watch *watch, unsigned status,
			   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_interrupted++;
}

/* The watch is freed where it is told to be a good place for it. */
static void on_end(struct helio_kv_watch *watch, unsigned status,
		   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_ended++;
	told->status = status;
	helio_kv_watch_free(watch);
	told->watch = NULL;
}

static struct helio_kv_watch_options options_all(void)
{
	return (struct helio_kv_watch_options){
		.on_entry = on_entry,
		.on_revision = on_revision,
		.on_live = on_live,
		.on_interrupted = on_interrupted,
		.on_end = on_end,
	};
}

static void open_watch(struct told *told,
		       const struct helio_kv_watch_options *options)
{
	*told = (struct told){ 0 };
	fake_connect(&told->fake, NULL);
	assert_int_equal(helio_kv_watch(told->fake.bus, "conf", options, told,
					&told->watch),
			 0);
	keeper_bind(&told->fake, "Buckets");
	if (!options->has_after)
		scribe_wait(&told->fake, 1);
}

static void close_watch(struct told *told)
{
	helio_kv_watch_free(told->watch);
	fake_close(&told->fake);
}

static uint64_t expect_list(struct told *told, const char *cursor)
{
	Helio__Store__V1__ListRequest *request;
	uint64_t id = keeper_asked(&told->fake, "List",
				   &helio__store__v1__list_request__descriptor,
				   (ProtobufCMessage **)&request);

	assert_string_equal(request->bucket, "conf");
	if (cursor)
		assert_string_equal(request->cursor, cursor);
	else
		assert_null(request->cursor);
	helio__store__v1__list_request__free_unpacked(request, NULL);
	return id;
}

static uint64_t expect_watch(struct told *told, uint64_t after)
{
	Helio__Store__V1__WatchRequest *request;
	uint64_t id = keeper_asked(&told->fake, "Watch",
				   &helio__store__v1__watch_request__descriptor,
				   (ProtobufCMessage **)&request);

	assert_string_equal(request->bucket, "conf");
	assert_true(request->has_after);
	assert_int_equal(request->after, after);
	helio__store__v1__watch_request__free_unpacked(request, NULL);
	return id;
}

static void send_page(struct told *told, uint64_t id, const char *letters,
		      const char *next, uint64_t revision)
{
	Helio__Store__V1__ListReply reply = HELIO__STORE__V1__LIST_REPLY__INIT;
	struct keeper_entries entries;
	char text[8] = "";

	keeper_fill(&entries, letters);
	reply.n_entries = entries.n;
	reply.entries = entries.pointers;
	reply.has_revision = true;
	reply.revision = revision;
	if (next) {
		snprintf(text, sizeof(text), "%s", next);
		reply.next = text;
	}
	keeper_answer(&told->fake, id, &reply.base);
}

/* `revision` 0: the rest of the transaction follows. */
static void send_changes(struct told *told, uint64_t id, const char *letters,
			 uint64_t revision, bool is_live)
{
	Helio__Store__V1__WatchReply reply =
		HELIO__STORE__V1__WATCH_REPLY__INIT;
	struct keeper_entries entries;

	keeper_fill(&entries, letters);
	reply.n_entries = entries.n;
	reply.entries = entries.pointers;
	reply.has_revision = revision > 0;
	reply.revision = revision;
	reply.has_is_live = reply.is_live = is_live;
	scribe_next(&told->fake, id, &reply.base);
}

/* What is there, up to revision 9, and the stream of what changes. */
static uint64_t list_and_watch(struct told *told)
{
	uint64_t id = expect_list(told, NULL);

	send_page(told, id, "a", NULL, 9);
	keeper_bind(&told->fake, "Buckets");
	id = expect_watch(told, 9);
	keeper_unbind(&told->fake);
	return id;
}

static void test_what_is_there_then_what_changes(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct told told;
	uint64_t id;

	open_watch(&told, &options);
	id = expect_list(&told, NULL);
	send_page(&told, id, "ab", "p2", 9);
	assert_int_equal(told.revision, 0);
	scribe_wait(&told.fake, 1);
	id = expect_list(&told, "p2");
	send_page(&told, id, "c", NULL, 9);
	assert_int_equal(told.revision, 9);
	keeper_bind(&told.fake, "Buckets");
	id = expect_watch(&told, 9);
	keeper_unbind(&told.fake);
	send_changes(&told, id, "", 12, true);
	assert_int_equal(told.n_live, 1);
	send_changes(&told, id, "Bd", 13, false);
	assert_string_equal(told.keys, "a b c b- d");
	assert_int_equal(helio_kv_watch_revision(told.watch), 13);
	close_watch(&told);
}

static void test_a_loss_in_the_middle_of_a_transaction(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct told told;
	uint64_t id;

	open_watch(&told, &options);
	id = list_and_watch(&told);
	send_changes(&told, id, "b", 10, true);
	send_changes(&told, id, "cd", 0, false);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 60);
	assert_int_equal(told.n_interrupted, 1);
	id = expect_watch(&told, 10);
	send_changes(&told, id, "c", 0, false);
	/* Once more, before what was told has come again. */
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 60);
	id = expect_watch(&told, 10);
	send_changes(&told, id, "cde", 11, true);
	assert_string_equal(told.keys, "a b c d e");
	assert_int_equal(told.n_live, 1);
	send_changes(&told, id, "f", 12, false);
	assert_string_equal(told.keys, "a b c d e f");
	close_watch(&told);
}

static void test_a_loss_while_it_lists(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct told told;
	uint64_t id;

	open_watch(&told, &options);
	id = expect_list(&told, NULL);
	send_page(&told, id, "ab", "p2", 9);
	scribe_wait(&told.fake, 1);
	id = expect_list(&told, "p2");
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	assert_int_equal(told.n_interrupted, 1);
	scribe_wait(&told.fake, 60);
	id = expect_list(&told, "p2");
	send_page(&told, id, "c", NULL, 9);
	assert_string_equal(told.keys, "a b c");
	close_watch(&told);
}

static void test_from_a_revision_on(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct told told;
	uint64_t id;

	options.has_after = true;
	options.after = 5;
	open_watch(&told, &options);
	id = expect_watch(&told, 5);
	scribe_reply(&told.fake, id, HELIO_OUT_OF_RANGE);
	scribe_wait(&told.fake, 1);
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.status, HELIO_OUT_OF_RANGE);
	close_watch(&told);
}

static void test_one_key(void **state)
{
	struct helio_kv_watch_options options = options_all();
	Helio__Store__V1__WatchRequest *request;
	struct told told;
	uint64_t id;

	options.key = "a";
	open_watch(&told, &options);
	id = expect_list(&told, NULL);
	/* The first that begins so may be another. */
	send_page(&told, id, "b", "p2", 9);
	assert_string_equal(told.keys, "");
	keeper_bind(&told.fake, "Buckets");
	keeper_asked(&told.fake, "Watch",
		     &helio__store__v1__watch_request__descriptor,
		     (ProtobufCMessage **)&request);
	assert_string_equal(request->key, "a");
	helio__store__v1__watch_request__free_unpacked(request, NULL);
	close_watch(&told);
}

/* Before the store has said anything, its absence is the answer. */
static void test_nobody_there(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct told told;
	uint64_t id;

	open_watch(&told, &options);
	id = expect_list(&told, NULL);
	keeper_nobody(&told.fake, id);
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	close_watch(&told);
}

static void test_freed_by_a_callback(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct received received;
	struct told told;
	uint64_t id;

	open_watch(&told, &options);
	told.free_at = 1;
	id = expect_list(&told, NULL);
	send_page(&told, id, "ab", NULL, 9);
	assert_string_equal(told.keys, "a");
	fake_close(&told.fake);

	open_watch(&told, &options);
	told.free_at = 2;
	id = list_and_watch(&told);
	send_changes(&told, id, "bc", 10, true);
	assert_string_equal(told.keys, "a b");
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	assert_int_equal(told.n_live + told.n_ended, 0);
	fake_close(&told.fake);
}

static void test_contradictions(void **state)
{
	struct helio_kv_watch_options options = options_all();
	struct told told = { 0 };

	fake_connect(&told.fake, NULL);
	options.key = options.prefix = "a";
	assert_int_equal(helio_kv_watch(told.fake.bus, "conf", &options, &told,
					&told.watch),
			 -EINVAL);
	options.prefix = NULL;
	options.on_entry = NULL;
	assert_int_equal(helio_kv_watch(told.fake.bus, "conf", &options, &told,
					&told.watch),
			 -EINVAL);
	fake_close(&told.fake);
}

static void test_without_memory(void **state)
{
	struct helio_kv_watch_options options = options_all();

	options.prefix = "a/";
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct told told = { 0 };
		int r;

		fake_connect(&told.fake, NULL);
		fault_arm(n);
		r = helio_kv_watch(told.fake.bus, "conf", &options, &told,
				   &told.watch);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!told.watch, fault_hit());
		close_watch(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_there_then_what_changes),
		cmocka_unit_test(test_a_loss_in_the_middle_of_a_transaction),
		cmocka_unit_test(test_a_loss_while_it_lists),
		cmocka_unit_test(test_from_a_revision_on),
		cmocka_unit_test(test_one_key),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_freed_by_a_callback),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
