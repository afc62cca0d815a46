/* SPDX-License-Identifier: MIT */

/* What the bucket has of xenstore, and when. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/xenstore/stage.h"

static const char *const trees[] = { "/local/domain/*/data", "/tool/lab",
				     NULL };
static const char *const tops[] = { "/local/domain/0/data",
				    "/local/domain/1/data",
				    "/local/domain/2/data", "/tool/lab", NULL };

static struct stage stage;

static int setup(void **state)
{
	(void)state;
	stage_open(&stage, NULL, trees);
	stage_await_equal(&stage, tops);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

static void test_what_changes(void **state)
{
	(void)state;
	stage_write(&stage, "/local/domain/1/data/a/b/c", "deep");
	stage_write(&stage, "/tool/lab/x", "");
	stage_write(&stage, "/tool/other", "nobody's");
	stage_write(&stage, "/local/domain/1/name", "one");
	stage_await(&stage, "/local/domain/1/data/a/b/c", "deep");
	stage_await_equal(&stage, tops);
	assert_true(xs_write(stage.guest, XBT_NULL, "data/raw", "\0\xff\n", 3));
	stage_write(&stage, "/local/domain/1/data/a/b/c", "");
	stage_await_equal(&stage, tops);
	stage_remove(&stage, "/local/domain/1/data/a");
	stage_await(&stage, "/local/domain/1/data/a/b/c", NULL);
	stage_await_equal(&stage, tops);
}

/* Of what is made anew after it was removed there may be one event. */
static void test_removed_and_made_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		stage_write(&stage, "/tool/lab/p", "p");
		stage_write(&stage, "/tool/lab/p/a/old", "1");
		stage_write(&stage, "/tool/lab/p/a", "text");
		stage_write(&stage, "/tool/lab/p/b", "2");
		if (i % 2)
			stage_await_equal(&stage, tops);
		stage_remove(&stage, "/tool/lab/p");
		stage_write(&stage, "/tool/lab/p/a/new", "3");
		stage_await_equal(&stage, tops);
	}
}

static void test_a_domain_goes(void **state)
{
	char path[64];

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/local/domain/2/data/%u", i);
		stage_write(&stage, path, "x");
	}
	stage_await_equal(&stage, tops);
	assert_int_equal(xen_world_destroy(&stage.world, 2), 0);
	stage_await(&stage, "/local/domain/2/data/7", NULL);
	stage_await_equal(&stage, tops);
	assert_int_equal(xen_world_add(&stage.world, 2, "two", "u-3"), 0);
	stage_write(&stage, "/local/domain/2/data/again", "y");
	stage_await_equal(&stage, tops);
}

/* ---- little is asked of xenstored, and little is written ---- */

static void test_few_watches(void **state)
{
	struct xen_count before, after;

	(void)state;
	daemon_process_stop(&stage.bridge, SIGTERM);
	assert_int_equal(xen_world_count(&stage.world, 0, &before), 0);
	daemon_process_start(&stage.bridge);
	stage_write(&stage, "/tool/lab/one", "1");
	stage_await(&stage, "/tool/lab/one", "1");
	assert_int_equal(xen_world_count(&stage.world, 0, &after), 0);
	assert_int_equal(after.watches - before.watches, 2);
	assert_int_equal(after.connections - before.connections, 1);
	assert_int_equal(after.transactions, 0);
}

static uint64_t revision_of(const char *key)
{
	struct got got = get(&stage.scene, "xenstore", key, 0);

	assert_int_equal(got.status, HELIO_OK);
	return got.revision;
}

static void test_no_noise(void **state)
{
	uint64_t revision;

	(void)state;
	stage_write(&stage, "/tool/lab/same", "1");
	stage_await_equal(&stage, tops);
	revision = revision_of("/tool/lab/same");
	stage_write(&stage, "/tool/lab/same", "1");
	stage_write(&stage, "/tool/lab/other", "2");
	stage_await_equal(&stage, tops);
	daemon_process_stop(&stage.bridge, SIGTERM);
	daemon_process_start(&stage.bridge);
	stage_write(&stage, "/tool/lab/later", "2");
	stage_await_equal(&stage, tops);
	assert_int_equal(revision_of("/tool/lab/same"), revision);
	assert_true(revision_of("/tool/lab/later") > revision);
}

/* ---- who dies and comes back ---- */

static void change_all(void)
{
	stage_write(&stage, "/tool/lab/changed", "2");
	stage_write(&stage, "/local/domain/2/data/new/deep", "3");
	stage_remove(&stage, "/tool/lab/gone");
}

static void put_all(void)
{
	stage_write(&stage, "/tool/lab/changed", "1");
	stage_write(&stage, "/tool/lab/gone", "1");
	stage_await_equal(&stage, tops);
}

static void test_the_bridge_is_killed(void **state)
{
	(void)state;
	put_all();
	daemon_process_stop(&stage.bridge, SIGKILL);
	change_all();
	daemon_process_start(&stage.bridge);
	stage_await_equal(&stage, tops);
}

static void test_the_store_is_killed(void **state)
{
	(void)state;
	put_all();
	daemon_process_stop(&stage.scene.store, SIGKILL);
	change_all();
	daemon_process_start(&stage.scene.store);
	stage_await_equal(&stage, tops);
}

static void test_the_switch_is_killed(void **state)
{
	(void)state;
	put_all();
	switch_process_stop(&stage.scene.bus_process, SIGKILL);
	change_all();
	switch_process_start(&stage.scene.bus_process);
	assert_int_equal(helio_connect_wait(stage.scene.bus, WAIT_MS), 0);
	stage_await_equal(&stage, tops);
}

static void test_xenstored_is_killed(void **state)
{
	(void)state;
	put_all();
	stage_lose_xenstored(&stage);
	stage_find_xenstored(&stage);
	stage_write(&stage, "/tool/lab/changed", "2");
	stage_await(&stage, "/tool/lab/gone", NULL);
	stage_await_equal(&stage, tops);
	stage_write(&stage, "/tool/lab/later", "3");
	stage_await(&stage, "/tool/lab/later", "3");
}

/* Nobody else writes there, or not for long. */
static void test_somebody_else_writes(void **state)
{
	uint64_t revision;

	(void)state;
	put_all();
	put_ok(&stage.scene, "xenstore", "/tool/lab/changed", "forged");
	assert_int_equal(delete_key(&stage.scene, "xenstore", "/tool/lab/gone",
				    &revision),
			 HELIO_OK);
	stage_await_equal(&stage, tops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_changes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_removed_and_made_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_domain_goes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_few_watches, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_noise, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_bridge_is_killed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_store_is_killed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_switch_is_killed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_xenstored_is_killed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_somebody_else_writes,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
