/* SPDX-License-Identifier: MIT */

/* What a leaf may not say of those whom it announces. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "switch/leaf.h"
#include "tests/unit/switch/fake_peer.h"

static const char policy[] = "allow ** any open.>\n"
			     "allow vm:leaf* uplink leaf\n"
			     "allow vm:leaf any vm.leaf.>\n"
			     "allow vm:other/** any vm.other.>\n";

static struct world world;
static struct fake_peer leaf;
static struct fake_peer other;
static struct got got;

static int setup(void **state)
{
	world_init(&world, policy);
	fake_join(&world, "leaf", &leaf);
	fake_join(&world, "other", &other);
	return 0;
}

static int teardown(void **state)
{
	fake_leave(&leaf);
	fake_leave(&other);
	world_deinit(&world);
	return 0;
}

/* A frame in the name of `handle`; 0: of the leaf itself. */
static void publish_as(uint32_t handle, const char *subject, const char *text)
{
	leaf.speaks_for = handle;
	fake_publish(&leaf, subject, text);
}

/* Each lie ends the channel, for its own reason. */
static void expect_lie(const Helio__Bus__V1__Peer *lie, const char *reason)
{
	struct fake_peer liar;

	fake_join(&world, "leaf", &liar);
	fake_announce(&liar, 1, "uid:1");
	fake_announce_with(&liar, lie);
	fake_expect_end(&liar, reason);
	fake_leave(&liar);
}

/* The texts are kept until the next one. */
static Helio__Bus__V1__Peer claim(uint32_t handle, const char *path,
				  const char *durable_id, uint64_t incarnation)
{
	static char texts[2][300];
	Helio__Bus__V1__Peer peer = HELIO__BUS__V1__PEER__INIT;

	snprintf(texts[0], sizeof(texts[0]), "%s", path ? path : "");
	snprintf(texts[1], sizeof(texts[1]), "%s",
		 durable_id ? durable_id : "");
	peer.has_handle = peer.has_incarnation = 1;
	peer.handle = handle;
	peer.incarnation = incarnation;
	peer.principal = path ? texts[0] : NULL;
	peer.durable_id = durable_id ? texts[1] : NULL;
	return peer;
}

static void lies_about_names_end_it(void **state)
{
	static const char *const no_principals[] = {
		"",
		"/",
		"vm:a/../b",
		"/uid:1",
		"uid:1/",
		"vm:a//b",
		"uid",
		":1",
		"uid:",
		"UID:1",
		"vm:a.b",
		"vm:$a",
		"vm:a b",
		"vm:a*",
		"vm:>",
		"vm:a/b",
		"u:1/u:2/u:3/u:4",
		"vm:\x7f",
		"../vm:other",
	};
	static const char *const no_ids[] = {
		"",        "/", "a//b", "a/", "a.b", "*", "a:1/a:2/a:3/a:4",
		"a:1/a:2", "x", "..",
	};
	Helio__Bus__V1__Peer lie;

	for (size_t i = 0; i < sizeof(no_principals) / sizeof(*no_principals);
	     i++) {
		lie = claim(2, no_principals[i], "x:y", 1);
		expect_lie(&lie, "a leaf announces what is no principal");
	}
	for (size_t i = 0; i < sizeof(no_ids) / sizeof(*no_ids); i++) {
		lie = claim(2, "uid:2", no_ids[i], 1);
		expect_lie(&lie, "a leaf announces what is no durable id");
	}
	lie = claim(2, NULL, "x:y", 1);
	expect_lie(&lie, "a leaf announces what is no principal");
	lie = claim(2, "uid:2", NULL, 1);
	expect_lie(&lie, "a leaf announces what is no durable id");
	lie = claim(2, "uid:2", "x:y", 0);
	expect_lie(&lie, "a leaf announces the incarnation 0");
}

/* One more byte in the first part would be one too many. */
static void a_path_is_at_most_255_bytes(void **state)
{
	static const char wide[] = "kindkindkindkind:%064d/"
				   "kindkindkindkind:%064d/k:%0*d";
	char path[300];
	struct fake_peer host;
	Helio__Bus__V1__Peer lie;

	/* 7 + 1 + 81 + 1 + 81 + 1 leave 83: more than a name has. */
	snprintf(path, sizeof(path), wide, 1, 2, 64, 3);
	lie = claim(2, path, path, 1);
	fake_announce_with(&leaf, &lie);
	fake_expect_silence(&leaf);
	/* A longer name in front leaves 46. */
	fake_join(&world, "leaf-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &host);
	for (int n = 48; n <= 49; n++) {
		snprintf(path, sizeof(path), wide, 1, 2, n, 3);
		lie = claim((uint32_t)n, path, path, 1);
		fake_announce_with(&host, &lie);
		if (n == 48)
			fake_expect_silence(&host);
	}
	fake_expect_end(&host, "a leaf announces what is no principal");
	fake_leave(&host);
}

static void lies_about_handles_end_it(void **state)
{
	Helio__Bus__V1__Peer lie = claim(0, "uid:2", "x:y", 1);

	expect_lie(&lie, "a leaf's handle is from 1 to 1048575");
	lie.handle = LEAF_HANDLE_MAX + 1;
	expect_lie(&lie, "a leaf's handle is from 1 to 1048575");
	lie.handle = 1;
	expect_lie(&lie, "a leaf announces a handle twice");

	fake_announce(&leaf, 1, "uid:1");
	fake_forget(&leaf, 1);
	fake_forget(&leaf, 1);
	fake_expect_end(&leaf, "a FORGET of whom nobody announced");
	fake_forget(&other, 1);
	fake_expect_end(&other,
			"a peer without the right uplink announces others");
}

/* It is only ever below the leaf. */
static void nobody_can_name_another(void **state)
{
	fake_subscribe(&other, 1, "open.>", 100, STATUS_OK);
	fake_announce(&leaf, 1, "vm:other");
	publish_as(1, "open.a", "x");
	fake_expect_message_of(&other, "vm:leaf/vm:other", "open.a", "x");
	publish_as(1, "vm.other.a", "x");
	fake_expect(&leaf, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
}

static void unknown_sources_end_it(void **state)
{
	static const uint8_t kinds[] = { FRAME_MESSAGE, FRAME_CALL,
					 FRAME_REPLY,   FRAME_SUBSCRIBE,
					 FRAME_SERVE,   FRAME_SYNC,
					 FRAME_CREDIT,  FRAME_CANCEL };

	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct frame frame = { .kind = kinds[i],
				       .flags = FRAME_WHOLE,
				       .correlation = 1,
				       .source = 2 };
		struct fake_peer liar;

		fake_join(&world, "leaf", &liar);
		fake_announce(&liar, 1, "uid:1");
		fake_send(&liar, &frame, "", NULL, 0);
		fake_expect_end(&liar,
				"a source that the leaf did not announce");
		fake_leave(&liar);
	}
	other.speaks_for = 1;
	fake_publish(&other, "open.a", "x");
	fake_expect_end(&other, "a direct peer names another source");
	fake_announce(&leaf, 1, "uid:1");
	fake_forget(&leaf, 1);
	publish_as(1, "open.a", "x");
	fake_expect_end(&leaf, "a source that the leaf did not announce");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lies_about_names_end_it),
		TEST(a_path_is_at_most_255_bytes),
		TEST(lies_about_handles_end_it),
		TEST(nobody_can_name_another),
		TEST(unknown_sources_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
