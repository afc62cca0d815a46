/* SPDX-License-Identifier: MIT */

/*
 * heliod on vchan in domain 0, in a world without Xen: who is served, and who
 * is told of whose death.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/xen/stage.h"

/* web and db, of which the operator has heard. */
static void start_with_two(struct stage *stage)
{
	stage_start_switch(stage, 0);
	stage_add(stage, 1, "web", UUID_1);
	stage_expect_event(stage, "$sys.domain.started", "vm:web");
	stage_add(stage, 2, "db", UUID_2);
	stage_expect_event(stage, "$sys.domain.started", "vm:db");
}

/* One that serves `q`, and has said so. */
static struct program start_server(struct stage *stage, uint32_t domid)
{
	struct program server = program_start_shell(
		&stage->world, domid,
		HELIO " reply q --command 'echo yes' " AT_0);

	program_expect(&server, "helio: serving q");
	return server;
}

/* A channel is taken down in the turns after its end. */
static void expect_ports(struct stage *stage, unsigned n)
{
	uint64_t end_ns = clock_now_ns() + 2 * NS_PER_S;
	struct xen_count count;

	do {
		assert_int_equal(xen_world_count(&stage->world, 0, &count), 0);
		if (clock_now_ns() > end_ns)
			fail_msg("%u ports", count.ports);
		(void)helio_run(stage->ops, 1);
	} while (count.ports != n);
}

static void guests_publish_and_ask_each_other(void **state)
{
	struct stage *stage = *state;
	struct program server;
	struct program sub;
	struct program other;

	start_with_two(stage);
	server = start_server(stage, 2);
	other = program_start_shell(&stage->world, 1,
				    HELIO " request q hello " AT_0);
	program_expect(&other, "yes");
	stage_expect_status(&other, 0);

	sub = program_start_shell(&stage->world, 1,
				  HELIO " sub news.x --count 1 --raw " AT_0);
	program_expect(&sub, "helio: subscribed to news.x");
	other = program_start_shell(&stage->world, 2,
				    HELIO " pub news.x paper " AT_0);
	stage_expect_status(&other, 0);
	program_expect(&sub, "paper");
	stage_expect_status(&sub, 0);
	program_kill(&server);
}

static void a_static_program_hears_itself(void **state)
{
#ifdef XEN_STATIC
	struct stage *stage = *state;
	struct program program;

	start_with_two(stage);
	program = program_start_shell(&stage->world, 1,
				      "env -u LD_PRELOAD " XEN_STATIC
				      " vchan:0/heliograph");
	program_expect(&program, "a.static: paper");
	stage_expect_status(&program, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:web");
	stage_expect_event(stage, "$sys.peer.down", "vm:web");
#else
	skip();
#endif
}

static void who_may_do_nothing_gets_no_offer(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	start_with_two(stage);
	stage_add(stage, 3, "evil", UUID_3);
	stage_expect_event(stage, "$sys.domain.started", "vm:evil");
	ping = program_start_shell(&stage->world, 3,
				   HELIO " ping --timeout 1s " AT_0);
	program_expect(&ping, "helio: no bus at vchan:0/heliograph: No such "
			      "file or directory");
	stage_expect_status(&ping, 5);
	expect_ports(stage, 2);

	/* A line for it, and the next turn offers; without it, no more. */
	stage_set_policy(stage, "allow vm:evil publish x\n");
	stage_reload(stage);
	expect_ports(stage, 1);
	ping = program_start_shell(&stage->world, 3, HELIO " pub x y " AT_0);
	stage_expect_status(&ping, 0);
	ping = program_start_shell(&stage->world, 1,
				   HELIO " ping --timeout 1s " AT_0);
	program_expect(&ping, "helio: no bus at vchan:0/heliograph: No such "
			      "file or directory");
	stage_expect_status(&ping, 5);
}

static void a_killed_client_is_told_of_within_100_ms(void **state)
{
	struct stage *stage = *state;
	const struct event *event;
	struct program server;
	uint64_t killed_ns;

	start_with_two(stage);
	server = start_server(stage, 2);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	killed_ns = clock_now_ns();
	program_kill(&server);
	event = stage_expect_event(stage, "$sys.peer.down", "vm:db");
	assert_true(event->came_ns - killed_ns < 100 * NS_PER_MS);
	stage_expect_no_event(stage);
}

static void a_destroyed_domain_is_told_of_within_2_s(void **state)
{
	struct stage *stage = *state;
	const struct event *event;
	struct xen_count count;
	struct program server;
	uint64_t incarnation;
	uint64_t began_ns;

	start_with_two(stage);
	server = start_server(stage, 2);
	incarnation =
		stage_expect_event(stage, "$sys.peer.up", "vm:db")->incarnation;
	began_ns = clock_now_ns();
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	event = stage_expect_event(stage, "$sys.domain.stopped", "vm:db");
	assert_int_equal(event->incarnation, incarnation);
	event = stage_expect_event(stage, "$sys.peer.down", "vm:db");
	assert_int_equal(event->incarnation, incarnation);
	assert_true(event->came_ns - began_ns < 2 * NS_PER_S);
	program_end(&server);
	/* Nothing of it is left: neither a zombie of it nor a port of ours. */
	expect_ports(stage, 1);
	assert_int_not_equal(xen_world_count(&stage->world, 2, &count), 0);

	/* Another one with its domid, and even its name, is somebody else. */
	stage_add(stage, 2, "db", UUID_3);
	event = stage_expect_event(stage, "$sys.domain.started", "vm:db");
	assert_true(event->incarnation != incarnation);
	assert_string_equal(event->uuid, UUID_3);
	incarnation = event->incarnation;
	server = start_server(stage, 2);
	event = stage_expect_event(stage, "$sys.peer.up", "vm:db");
	assert_int_equal(event->incarnation, incarnation);
	program_kill(&server);
}

static void another_domain_with_the_domid_has_no_stale_rights(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	start_with_two(stage);
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	stage_expect_event(stage, "$sys.domain.stopped", "vm:db");
	stage_add(stage, 2, "evil", UUID_3);
	stage_expect_event(stage, "$sys.domain.started", "vm:evil");
	ping = program_start_shell(&stage->world, 2,
				   HELIO " ping --timeout 1s " AT_0);
	program_expect(&ping, "helio: no bus at vchan:0/heliograph: No such "
			      "file or directory");
	stage_expect_status(&ping, 5);
	stage_expect_no_event(stage);
}

static void who_is_renamed_is_the_new_principal(void **state)
{
	struct stage *stage = *state;
	const struct event *event;
	struct program server;
	struct program ask;

	stage_set_policy(stage, "allow vm:db any >\nallow vm:store any >\n"
				"allow vm:web any >\n");
	start_with_two(stage);
	server = start_server(stage, 2);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	assert_int_equal(xen_world_rename(&stage->world, 2, "store"), 0);
	event = stage_expect_event(stage, "$sys.peer.down", "vm:db");
	assert_string_equal(event->reason,
			    "its domain is called otherwise now");
	stage_expect_event(stage, "$sys.peer.up", "vm:store");
	program_kill(&server);
	stage_expect_event(stage, "$sys.peer.down", "vm:store");

	/* Under a name without rights it is not served any more. */
	assert_int_equal(xen_world_rename(&stage->world, 2, "evil"), 0);
	assert_int_equal(xen_world_rename(&stage->world, 1, "store"), 0);
	ask = program_start_shell(&stage->world, 2,
				  HELIO " ping --timeout 1s " AT_0);
	assert_int_not_equal(program_end(&ask), 0);
}

/* Who keeps something for a domain may keep it until the last has gone. */
static void who_goes_is_told_whether_more_are_there(void **state)
{
	struct stage *stage = *state;
	const struct event *event;
	struct program server;
	struct program ping;

	stage_set_policy(stage, "allow vm:db any >\nallow vm:web any >\n");
	start_with_two(stage);
	server = start_server(stage, 2);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	ping = program_start_shell(&stage->world, 2, HELIO " pub x y " AT_0);
	stage_expect_status(&ping, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	event = stage_expect_event(stage, "$sys.peer.down", "vm:db");
	assert_int_equal(event->channels_left, 1);
	ping = program_start_shell(&stage->world, 1, HELIO " pub x y " AT_0);
	stage_expect_status(&ping, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:web");
	event = stage_expect_event(stage, "$sys.peer.down", "vm:web");
	assert_int_equal(event->channels_left, 0);
	program_kill(&server);
	event = stage_expect_event(stage, "$sys.peer.down", "vm:db");
	assert_int_equal(event->channels_left, 0);
}

static void two_listeners_tell_once(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	stage_write(stage, "heliod.conf",
		    "listen vchan:*/heliograph\nlisten vchan:*/second\n"
		    "listen vchan:2/third\n");
	start_with_two(stage);
	ping = program_start_shell(&stage->world, 2,
				   HELIO " pub x y -c vchan:0/third");
	stage_expect_status(&ping, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	stage_expect_event(stage, "$sys.peer.down", "vm:db");
	ping = program_start_shell(&stage->world, 1,
				   HELIO " pub x y -c vchan:0/second");
	stage_expect_status(&ping, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:web");
	stage_expect_event(stage, "$sys.peer.down", "vm:web");
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	stage_expect_event(stage, "$sys.domain.stopped", "vm:db");
	stage_add(stage, 2, "db", UUID_3);
	stage_expect_event(stage, "$sys.domain.started", "vm:db");
	stage_expect_no_event(stage);
}

/* What the old one holds is free only when it has gone. */
static void an_address_takes_the_place_of_another(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	start_with_two(stage);
	stage_write(stage, "heliod.conf", "listen vchan:2/heliograph\n");
	stage_reload(stage);
	/* Nobody listened for it in between. */
	stage_expect_event(stage, "$sys.domain.started", "vm:db");
	ping = program_start_shell(&stage->world, 2, HELIO " pub x y " AT_0);
	stage_expect_status(&ping, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	stage_expect_event(stage, "$sys.peer.down", "vm:db");
	ping = program_start_shell(&stage->world, 1,
				   HELIO " ping --timeout 1s " AT_0);
	assert_int_not_equal(program_end(&ping), 0);

	stage_write(stage, "heliod.conf",
		    "listen vchan:2/heliograph\nlisten vchan:*/heliograph\n");
	assert_int_not_equal(stage_try_reload(stage), 0);
}

#define TEST(name_) \
	cmocka_unit_test_setup_teardown(name_, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guests_publish_and_ask_each_other),
		TEST(a_static_program_hears_itself),
		TEST(who_may_do_nothing_gets_no_offer),
		TEST(a_killed_client_is_told_of_within_100_ms),
		TEST(a_destroyed_domain_is_told_of_within_2_s),
		TEST(another_domain_with_the_domid_has_no_stale_rights),
		TEST(who_is_renamed_is_the_new_principal),
		TEST(who_goes_is_told_whether_more_are_there),
		TEST(two_listeners_tell_once),
		TEST(an_address_takes_the_place_of_another),
	};

	setenv("HELIOGRAPH_MODULE_DIR", HELIO_MODULES, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
