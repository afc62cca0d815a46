/* SPDX-License-Identifier: MIT */

/* What dom0 tells a domain that holds the switch, and lets it read. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <xenstore.h>

#include <cmocka.h>

#include "tests/xen/program.h"
#include "tests/xen/world.h"
#include "transports/vchan/nodes.h"

#define UUID_1 "11111111-1111-1111-1111-111111111111"
#define UUID_2 "22222222-2222-2222-2222-222222222222"
#define UUID_3 "33333333-3333-3333-3333-333333333333"

/* Domain 1 holds the switch; what it and domain 2 see of the store. */
struct stage {
	struct xen_world world;
	struct xs_handle *of_switch;
	struct xs_handle *of_other;
};

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	assert_int_equal(xen_world_start(&stage->world), 0);
	assert_int_equal(xen_world_add(&stage->world, 1, "host", UUID_1), 0);
	assert_int_equal(xen_world_add(&stage->world, 2, "web", UUID_2), 0);
	xen_world_enter(&stage->world, 1);
	stage->of_switch = xs_open(0);
	xen_world_enter(&stage->world, 2);
	stage->of_other = xs_open(0);
	assert_non_null(stage->of_switch);
	assert_non_null(stage->of_other);
	xen_world_enter(&stage->world, 0);
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;

	xs_close(stage->of_switch);
	xs_close(stage->of_other);
	xen_world_stop(&stage->world);
	free(stage);
	return 0;
}

/* "-" and an errno when it cannot be read. */
static void expect_node(struct xs_handle *store, const char *path,
			const char *text)
{
	unsigned n;
	char *got = xs_read(store, XBT_NULL, path, &n);
	char error[16];

	snprintf(error, sizeof(error), "-%d", errno);
	assert_string_equal(got ? got : error, text);
	free(got);
}

static unsigned long number_of(struct stage *stage)
{
	unsigned n;
	char *text = xs_read(stage->of_switch, XBT_NULL, NODE_AGENT, &n);
	unsigned long number = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return number;
}

static void watch_number(struct stage *stage)
{
	assert_true(xs_watch(stage->of_switch, NODE_AGENT, "number"));
}

/* The agent is waited for by its number alone, as the switch does. */
static void expect_change(struct stage *stage, unsigned long *number)
{
	unsigned long before = *number;

	while ((*number = number_of(stage)) == before) {
		struct pollfd news = { .fd = xs_fileno(stage->of_switch),
				       .events = POLLIN };
		unsigned n;

		if (poll(&news, 1, PROGRAM_WAIT_MS) != 1)
			fail_msg("still %lu", before);
		free(xs_read_watch(stage->of_switch, &n));
	}
}

static struct program start_agent(struct stage *stage)
{
	struct program agent =
		program_start(&stage->world, 0, "%s 1", HELIO_XEN_AGENT);

	program_expect(&agent, "ready: domain 1 is told");
	return agent;
}

static void end_program(struct program *program)
{
	kill(program->pid, SIGTERM);
	assert_int_equal(program_end(program), 0);
}

static void the_agent_tells_who_is_up(void **state)
{
	struct stage *stage = *state;
	struct program agent = start_agent(stage);
	unsigned n;
	char **names = xs_directory(stage->of_switch, XBT_NULL,
				    NODE_AGENT_DOMAINS, &n);

	assert_non_null(names);
	assert_int_equal(n, 3);
	free(names);
	assert_int_not_equal(number_of(stage), 0);
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/0/name", "Domain-0");
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/0/uuid",
		    "00000000-0000-0000-0000-000000000000");
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/2/name", "web");
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/2/uuid", UUID_2);
	end_program(&agent);
}

static void nobody_else_may_read_or_forge_it(void **state)
{
	static const char *const paths[] = {
		"/local/domain/1/" NODE_AGENT_FOLDER,
		"/local/domain/1/" NODE_AGENT,
		"/local/domain/1/" NODE_AGENT_DOMAINS,
		"/local/domain/1/" NODE_AGENT_DOMAINS "/2",
		"/local/domain/1/" NODE_AGENT_DOMAINS "/2/name",
		"/local/domain/1/" NODE_AGENT_DOMAINS "/2/uuid",
	};
	struct stage *stage = *state;
	struct program agent;

	/* Even where the domain has made a node of its own before. */
	assert_true(xs_write(stage->of_switch, XBT_NULL,
			     NODE_AGENT_DOMAINS "/9/name", "liar", 4));
	agent = start_agent(stage);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		expect_node(stage->of_other, paths[i], "-13");
		assert_false(xs_write(stage->of_switch, XBT_NULL, paths[i],
				      "mine", 4));
		assert_int_equal(errno, EACCES);
	}
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/9/name", "-2");
	end_program(&agent);
}

static void what_changes_is_told(void **state)
{
	struct stage *stage = *state;
	struct program agent = start_agent(stage);
	unsigned long number = number_of(stage);

	watch_number(stage);
	assert_int_equal(xen_world_add(&stage->world, 3, "db", UUID_3), 0);
	expect_change(stage, &number);
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/3/name", "db");
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/3/uuid", UUID_3);

	assert_int_equal(xen_world_rename(&stage->world, 3, "store"), 0);
	expect_change(stage, &number);
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/3/name", "store");

	assert_int_equal(xen_world_destroy(&stage->world, 3), 0);
	expect_change(stage, &number);
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/3/uuid", "-2");
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/2/uuid", UUID_2);
	end_program(&agent);
}

static void the_number_goes_with_the_agent(void **state)
{
	struct stage *stage = *state;
	struct program agent = start_agent(stage);
	unsigned long number = number_of(stage);

	end_program(&agent);
	expect_node(stage->of_switch, NODE_AGENT, "-2");
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/2/uuid", UUID_2);

	/* One that was killed leaves it, and the next goes on counting. */
	agent = start_agent(stage);
	number = number_of(stage);
	program_kill(&agent);
	assert_int_equal(number_of(stage), number);
	agent = start_agent(stage);
	assert_true(number_of(stage) > number);
	end_program(&agent);
}

static void once_is_told_and_left(void **state)
{
	struct stage *stage = *state;
	struct program agent =
		program_start(&stage->world, 0, "%s 1 --once", HELIO_XEN_AGENT);

	assert_int_equal(program_end(&agent), 0);
	assert_int_not_equal(number_of(stage), 0);
	expect_node(stage->of_switch, NODE_AGENT_DOMAINS "/2/uuid", UUID_2);
}

static void the_agent_ends_with_its_domain(void **state)
{
	struct stage *stage = *state;
	struct program agent = start_agent(stage);
	int status;

	assert_int_equal(xen_world_destroy(&stage->world, 1), 0);
	status = program_end(&agent);
	assert_int_equal(WEXITSTATUS(status), 3);

	agent = program_start(&stage->world, 0, "%s 7", HELIO_XEN_AGENT);
	status = program_end(&agent);
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void a_wrong_domid_is_refused(void **state)
{
	static const char *const words[] = { "-1", "01",     "32752",
					     "1x", "1 2",    "",
					     "*",  "--once", "99999" };
	struct stage *stage = *state;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct program agent = program_start(&stage->world, 0, "%s %s",
						     HELIO_XEN_AGENT, words[i]);
		int status = program_end(&agent);

		if (WEXITSTATUS(status) != 2)
			fail_msg("%s: %d", words[i], WEXITSTATUS(status));
	}
}

static struct program start_grant(struct stage *stage, const char *flag,
				  const char *line)
{
	struct program grant = program_start(&stage->world, 0, "%s 1%s",
					     HELIO_XEN_GRANT, flag);

	program_expect(&grant, line);
	return grant;
}

static void expect_readable(struct stage *stage, uint32_t domid,
			    const char *name, const char *vm)
{
	char path[64];

	snprintf(path, sizeof(path), NODE_DOMAINS "/%u/name", domid);
	expect_node(stage->of_switch, path, name);
	snprintf(path, sizeof(path), NODE_DOMAINS "/%u/vm", domid);
	expect_node(stage->of_switch, path, vm);
}

static void a_grant_lets_read_and_hear(void **state)
{
	struct stage *stage = *state;
	struct program grant;
	struct pollfd news;
	unsigned n;
	char **names;

	expect_readable(stage, 2, "-13", "-13");
	/* Twice: what may be read already stays as it is. */
	for (int i = 0; i < 2; i++) {
		grant = start_grant(stage, "",
				    "ready: domain 1 may read who the others "
				    "are; of those that come later, not");
		assert_int_equal(program_end(&grant), 0);
	}
	expect_readable(stage, 2, "web", "/vm/" UUID_2);
	expect_readable(stage, 1, "host", "/vm/" UUID_1);
	expect_node(stage->of_switch, NODE_DOMAINS "/2/data", "-13");
	expect_node(stage->of_other, NODE_DOMAINS "/2/name", "web");
	expect_node(stage->of_other, NODE_DOMAINS "/1/name", "-13");
	names = xs_directory(stage->of_switch, XBT_NULL, NODE_DOMAINS, &n);
	assert_non_null(names);
	assert_int_equal(n, 3);
	free(names);

	/* It hears of one that comes, but may not read who that is. */
	assert_true(xs_watch(stage->of_switch, "@introduceDomain", "come"));
	free(xs_read_watch(stage->of_switch, &n));
	assert_int_equal(xen_world_add(&stage->world, 3, "db", UUID_3), 0);
	news = (struct pollfd){ .fd = xs_fileno(stage->of_switch),
				.events = POLLIN };
	assert_int_equal(poll(&news, 1, PROGRAM_WAIT_MS), 1);
	expect_readable(stage, 3, "-13", "-13");
}

static void who_follows_grants_later_ones_too(void **state)
{
	struct stage *stage = *state;
	struct program grant =
		start_grant(stage, " --follow",
			    "ready: domain 1 may read who the others are");
	struct pollfd news = { .fd = xs_fileno(stage->of_switch),
			       .events = POLLIN };
	char *name = NULL;
	unsigned n;

	/* A permission that is given fires the watch of who gets it. */
	assert_true(xs_watch(stage->of_switch, NODE_DOMAINS "/3/name", "name"));
	assert_int_equal(xen_world_add(&stage->world, 3, "db", UUID_3), 0);
	while (!name) {
		assert_int_equal(poll(&news, 1, PROGRAM_WAIT_MS), 1);
		free(xs_read_watch(stage->of_switch, &n));
		name = xs_read(stage->of_switch, XBT_NULL,
			       NODE_DOMAINS "/3/name", &n);
	}
	assert_string_equal(name, "db");
	free(name);
	expect_readable(stage, 3, "db", "/vm/" UUID_3);
	end_program(&grant);
}

static void only_dom0_may_do_either(void **state)
{
	struct stage *stage = *state;
	struct program program =
		program_start(&stage->world, 2, "%s 1", HELIO_XEN_AGENT);
	int status = program_end(&program);

	assert_int_equal(WEXITSTATUS(status), 4);
	program = program_start(&stage->world, 2, "%s 1", HELIO_XEN_GRANT);
	status = program_end(&program);
	assert_int_equal(WEXITSTATUS(status), 4);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_agent_tells_who_is_up),
		TEST(nobody_else_may_read_or_forge_it),
		TEST(what_changes_is_told),
		TEST(the_number_goes_with_the_agent),
		TEST(once_is_told_and_left),
		TEST(the_agent_ends_with_its_domain),
		TEST(a_wrong_domid_is_refused),
		TEST(a_grant_lets_read_and_hear),
		TEST(who_follows_grants_later_ones_too),
		TEST(only_dom0_may_do_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
