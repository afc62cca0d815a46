/* SPDX-License-Identifier: MIT */

/*
 * heliod on vchan outside domain 0, in a world without Xen: what it needs to
 * know who the others are. And without its module.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/xen/stage.h"

/* The switch in domain 5, which may not read who the others are. */
static void outside_dom0_it_needs_help(void **state)
{
	struct stage *stage = *state;

	stage_add(stage, 5, "host", UUID_1);
	stage_add(stage, 2, "db", UUID_2);
	stage_start_heliod(stage, 5);
	program_expect(&stage->heliod,
		       "heliod: error: vchan:*/heliograph: xenstore: "
		       "@introduceDomain: Permission denied (in dom0: helio "
		       "xen-agent 5, or helio xen-grant 5)");
	stage_expect_status(&stage->heliod, 70);
	stage->heliod.pid = 0;
}

/* As soon as it is known under a name that may. */
static void expect_served(struct stage *stage, uint32_t domid, const char *at)
{
	uint64_t end_ns = clock_now_ns() + PROGRAM_WAIT_MS * NS_PER_MS;
	struct program pub;

	do {
		if (clock_now_ns() > end_ns)
			fail_msg("domain %u is not served", domid);
		pub = program_start_shell(&stage->world, domid,
					  HELIO " pub x y %s", at);
	} while (program_end(&pub) != 0);
}

static void ask_in_domain_5(struct stage *stage)
{
	struct program ping =
		program_start_shell(&stage->world, 2, HELIO " pub x y " AT_5);

	stage_expect_status(&ping, 0);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	stage_expect_event(stage, "$sys.peer.down", "vm:db");
}

static void outside_dom0_the_agent_tells(void **state)
{
	struct stage *stage = *state;
	struct program agent;

	stage_add(stage, 5, "host", UUID_1);
	stage_add(stage, 2, "db", UUID_2);
	agent = program_start(&stage->world, 0, "%s 5", HELIO_XEN_AGENT);
	program_expect(&agent, "ready: domain 5 is told");
	stage_start_switch(stage, 5);
	ask_in_domain_5(stage);
	stage_add(stage, 3, "evil", UUID_3);
	stage_expect_event(stage, "$sys.domain.started", "vm:evil");
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	stage_expect_event(stage, "$sys.domain.stopped", "vm:db");
	assert_int_equal(xen_world_rename(&stage->world, 3, "db"), 0);
	expect_served(stage, 3, AT_5);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	stage_expect_event(stage, "$sys.peer.down", "vm:db");

	/* Without it nobody dies, and nobody comes. */
	kill(agent.pid, SIGTERM);
	stage_expect_status(&agent, 0);
	program_expect(&stage->heliod,
		       "heliod: warning: vchan:*/heliograph: xenstore: "
		       "data/heliograph/agent is gone: until helio xen-agent "
		       "is back, no domain comes or goes");
	stage_add(stage, 4, "web", UUID_2);
	stage_expect_no_event(stage);
	expect_served(stage, 3, AT_5);
	stage_expect_event(stage, "$sys.peer.up", "vm:db");
	stage_expect_event(stage, "$sys.peer.down", "vm:db");
	agent = program_start(&stage->world, 0, "%s 5", HELIO_XEN_AGENT);
	stage_expect_event(stage, "$sys.domain.started", "vm:web");
	kill(agent.pid, SIGTERM);
	stage_expect_status(&agent, 0);
}

static void outside_dom0_a_grant_lets_read(void **state)
{
	struct stage *stage = *state;
	struct program grant;

	stage_add(stage, 5, "host", UUID_1);
	stage_add(stage, 2, "db", UUID_2);
	grant = program_start(&stage->world, 0, "%s 5 --follow",
			      HELIO_XEN_GRANT);
	program_expect(&grant, "ready: domain 5 may read who the others are");
	stage_start_switch(stage, 5);
	ask_in_domain_5(stage);
	stage_add(stage, 3, "web", UUID_3);
	stage_expect_event(stage, "$sys.domain.started", "vm:web");
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	stage_expect_event(stage, "$sys.domain.stopped", "vm:db");
	kill(grant.pid, SIGTERM);
	stage_expect_status(&grant, 0);
}

static void without_its_module_it_says_what_is_missing(void **state)
{
	struct stage *stage = *state;
	struct program heliod;

	heliod =
		program_start_shell(&stage->world, 0,
				    "env HELIOGRAPH_MODULE_DIR=/nowhere " HELIOD
				    " --config %s --run %s/run --log error",
				    stage->folder, stage->folder);
	program_expect(&heliod,
		       "heliod: error: vchan:*/heliograph: no module for "
		       "vchan: /nowhere/libheliograph-vchan.so: cannot open "
		       "shared object file: No such file or directory");
	stage_expect_status(&heliod, 70);
	heliod = program_start_shell(&stage->world, 0,
				     "env HELIOGRAPH_MODULE_DIR=/nowhere " HELIO
				     " ping " AT_0);
	program_expect(&heliod,
		       "helio: no bus at vchan:0/heliograph: no module for "
		       "vchan: libheliograph-vchan.so or a library of Xen "
		       "(libxengnttab, libxenevtchn, libxenstore) is not "
		       "installed");
	stage_expect_status(&heliod, 2);
}

#define TEST(name_) \
	cmocka_unit_test_setup_teardown(name_, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(outside_dom0_it_needs_help),
		TEST(outside_dom0_the_agent_tells),
		TEST(outside_dom0_a_grant_lets_read),
		TEST(without_its_module_it_says_what_is_missing),
	};

	setenv("HELIOGRAPH_MODULE_DIR", HELIO_MODULES, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
