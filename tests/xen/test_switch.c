/* SPDX-License-Identifier: MIT */

/*
 * heliod on vchan, in a world without Xen: who is served, who is told of whose
 * death, and what a switch outside dom0 needs. The test itself is the
 * operator, on the common socket.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "helio/switch/v1/events.pb-c.h"
#include "rpc/heliograph.h"
#include "tests/xen/program.h"
#include "tests/xen/world.h"

#define UUID_1 "11111111-1111-1111-1111-111111111111"
#define UUID_2 "22222222-2222-2222-2222-222222222222"
#define UUID_3 "33333333-3333-3333-3333-333333333333"

#define AT_0   "-c vchan:0/heliograph"
#define AT_5   "-c vchan:5/heliograph"

enum { EVENTS_MAX = 64 };

/* One event, with the fields of both kinds. */
struct event {
	char subject[64];
	char principal[64];
	uint32_t domid;
	char uuid[40];
	char reason[64];
	uint64_t incarnation;
	uint64_t came_ns;
};

struct stage {
	struct xen_world world;
	char folder[64];
	struct program heliod;
	struct helio *ops;
	struct event events[EVENTS_MAX];
	size_t n_events;
	size_t n_seen;
};

static void write_file(const struct stage *stage, const char *name,
		       const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", stage->folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void set_policy(const struct stage *stage, const char *rest)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "allow uid:* any,admin >\nallow uid:* subscribe $sys.>\n%s",
		 rest);
	write_file(stage, "policy/10.policy", text);
}

static void copy_peer(struct event *event, const struct helio_message *message)
{
	Helio__Switch__V1__PeerEvent *told =
		helio__switch__v1__peer_event__unpack(NULL, message->n_body,
						      message->body);

	assert_non_null(told);
	snprintf(event->principal, sizeof(event->principal), "%s",
		 told->principal);
	snprintf(event->reason, sizeof(event->reason), "%s",
		 told->reason ? told->reason : "");
	event->incarnation = told->incarnation;
	helio__switch__v1__peer_event__free_unpacked(told, NULL);
}

static void copy_domain(struct event *event,
			const struct helio_message *message)
{
	Helio__Switch__V1__DomainEvent *told =
		helio__switch__v1__domain_event__unpack(NULL, message->n_body,
							message->body);

	assert_non_null(told);
	snprintf(event->principal, sizeof(event->principal), "%s",
		 told->principal);
	snprintf(event->uuid, sizeof(event->uuid), "%s", told->uuid);
	event->incarnation = told->incarnation;
	event->domid = told->domid;
	helio__switch__v1__domain_event__free_unpacked(told, NULL);
}

static void on_event(struct helio_subscription *subscription,
		     const struct helio_message *message, void *userdata)
{
	struct stage *stage = userdata;
	struct event *event = &stage->events[stage->n_events];

	if (stage->n_events == EVENTS_MAX)
		fail_msg("more than %d events", EVENTS_MAX);
	*event = (struct event){ .came_ns = clock_now_ns() };
	snprintf(event->subject, sizeof(event->subject), "%s",
		 message->subject);
	if (strncmp(message->subject, "$sys.peer.", 10) == 0)
		copy_peer(event, message);
	else
		copy_domain(event, message);
	/* Its own comings and goings are not what is tested. */
	if (strncmp(event->principal, "vm:", 3) == 0)
		stage->n_events++;
}

/* The next event that is not looked at yet. */
static const struct event *next_event(struct stage *stage)
{
	uint64_t end_ns = clock_now_ns() + PROGRAM_WAIT_MS * NS_PER_MS;

	while (stage->n_seen == stage->n_events) {
		if (clock_now_ns() > end_ns)
			return NULL;
		assert_true(helio_run(stage->ops, 100) >= 0);
	}
	return &stage->events[stage->n_seen++];
}

static const struct event *expect_event(struct stage *stage,
					const char *subject,
					const char *principal)
{
	const struct event *event = next_event(stage);

	if (!event)
		fail_msg("no %s of %s", subject, principal);
	if (strcmp(event->subject, subject) != 0 ||
	    strcmp(event->principal, principal) != 0)
		fail_msg("%s of %s instead of %s of %s: %s", event->subject,
			 event->principal, subject, principal, event->reason);
	return event;
}

/* Whatever was sent before this came is here: there was no other. */
static void expect_no_event(struct stage *stage)
{
	assert_int_equal(helio_flush_wait(stage->ops, PROGRAM_WAIT_MS), 0);
	while (helio_run(stage->ops, 0) > 0)
		;
	if (stage->n_seen != stage->n_events)
		fail_msg("%s of %s", stage->events[stage->n_seen].subject,
			 stage->events[stage->n_seen].principal);
}

static void start_heliod(struct stage *stage, uint32_t domid)
{
	stage->heliod =
		program_start_shell(&stage->world, domid,
				    HELIOD " --config %s --run %s/run "
					   "--log warning --ready-fd 4 4>&1",
				    stage->folder, stage->folder);
}

static void start_switch(struct stage *stage, uint32_t domid)
{
	char address[128];

	start_heliod(stage, domid);
	program_expect(&stage->heliod, "READY");
	xen_world_enter(&stage->world, 0);
	snprintf(address, sizeof(address), "shm:%s/run/bus.sock",
		 stage->folder);
	assert_int_equal(helio_open(address, NULL, &stage->ops), 0);
	assert_int_equal(helio_connect_wait(stage->ops, PROGRAM_WAIT_MS), 0);
	assert_int_equal(helio_subscribe_wait(stage->ops, "$sys.peer.>", NULL,
					      on_event, stage, PROGRAM_WAIT_MS,
					      NULL),
			 0);
	assert_int_equal(helio_subscribe_wait(stage->ops, "$sys.domain.>", NULL,
					      on_event, stage, PROGRAM_WAIT_MS,
					      NULL),
			 0);
	while (helio_run(stage->ops, 0) > 0)
		;
}

static int try_reload(struct stage *stage)
{
	char command[256];

	snprintf(command, sizeof(command),
		 HELIO " reload -c shm:%s/run/bus.sock 2>/dev/null",
		 stage->folder);
	return system(command);
}

static void reload(struct stage *stage)
{
	assert_int_equal(try_reload(stage), 0);
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	char path[128];

	assert_non_null(stage);
	snprintf(stage->folder, sizeof(stage->folder),
		 "/tmp/xen-switch-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(path, sizeof(path), "%s/policy", stage->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/run", stage->folder);
	assert_int_equal(mkdir(path, 0755), 0);
	set_policy(stage, "allow vm:web any >\nallow vm:db any >\n");
	write_file(stage, "heliod.conf", "listen vchan:*/heliograph\n");
	assert_int_equal(xen_world_start(&stage->world), 0);
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	char command[128];

	helio_close(stage->ops);
	if (stage->heliod.pid > 0) {
		kill(stage->heliod.pid, SIGTERM);
		(void)program_end(&stage->heliod);
	}
	xen_world_stop(&stage->world);
	snprintf(command, sizeof(command), "rm -rf %s", stage->folder);
	assert_int_equal(system(command), 0);
	free(stage);
	return 0;
}

static void add(struct stage *stage, uint32_t domid, const char *name,
		const char *uuid)
{
	assert_int_equal(xen_world_add(&stage->world, domid, name, uuid), 0);
}

/* web and db, of which the operator has heard. */
static void start_with_two(struct stage *stage)
{
	start_switch(stage, 0);
	add(stage, 1, "web", UUID_1);
	expect_event(stage, "$sys.domain.started", "vm:web");
	add(stage, 2, "db", UUID_2);
	expect_event(stage, "$sys.domain.started", "vm:db");
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

static void expect_status(struct program *program, int expected)
{
	int status = program_end(program);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
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
	expect_status(&other, 0);

	sub = program_start_shell(&stage->world, 1,
				  HELIO " sub news.x --count 1 --raw " AT_0);
	program_expect(&sub, "helio: subscribed to news.x");
	other = program_start_shell(&stage->world, 2,
				    HELIO " pub news.x paper " AT_0);
	expect_status(&other, 0);
	program_expect(&sub, "paper");
	expect_status(&sub, 0);
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
	expect_status(&program, 0);
	expect_event(stage, "$sys.peer.up", "vm:web");
	expect_event(stage, "$sys.peer.down", "vm:web");
#else
	skip();
#endif
}

static void who_may_do_nothing_gets_no_offer(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	start_with_two(stage);
	add(stage, 3, "evil", UUID_3);
	expect_event(stage, "$sys.domain.started", "vm:evil");
	ping = program_start_shell(&stage->world, 3,
				   HELIO " ping --timeout 1s " AT_0);
	program_expect(&ping, "helio: no bus at vchan:0/heliograph: No such "
			      "file or directory");
	expect_status(&ping, 5);
	expect_ports(stage, 2);

	/* A line for it, and the next turn offers; without it, no more. */
	set_policy(stage, "allow vm:evil publish x\n");
	reload(stage);
	expect_ports(stage, 1);
	ping = program_start_shell(&stage->world, 3, HELIO " pub x y " AT_0);
	expect_status(&ping, 0);
	ping = program_start_shell(&stage->world, 1,
				   HELIO " ping --timeout 1s " AT_0);
	program_expect(&ping, "helio: no bus at vchan:0/heliograph: No such "
			      "file or directory");
	expect_status(&ping, 5);
}

static void a_killed_client_is_told_of_within_100_ms(void **state)
{
	struct stage *stage = *state;
	const struct event *event;
	struct program server;
	uint64_t killed_ns;

	start_with_two(stage);
	server = start_server(stage, 2);
	expect_event(stage, "$sys.peer.up", "vm:db");
	killed_ns = clock_now_ns();
	program_kill(&server);
	event = expect_event(stage, "$sys.peer.down", "vm:db");
	assert_true(event->came_ns - killed_ns < 100 * NS_PER_MS);
	expect_no_event(stage);
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
	incarnation = expect_event(stage, "$sys.peer.up", "vm:db")->incarnation;
	began_ns = clock_now_ns();
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	event = expect_event(stage, "$sys.domain.stopped", "vm:db");
	assert_int_equal(event->incarnation, incarnation);
	event = expect_event(stage, "$sys.peer.down", "vm:db");
	assert_int_equal(event->incarnation, incarnation);
	assert_true(event->came_ns - began_ns < 2 * NS_PER_S);
	program_end(&server);
	/* Nothing of it is left: neither a zombie of it nor a port of ours. */
	expect_ports(stage, 1);
	assert_int_not_equal(xen_world_count(&stage->world, 2, &count), 0);

	/* Another one with its domid, and even its name, is somebody else. */
	add(stage, 2, "db", UUID_3);
	event = expect_event(stage, "$sys.domain.started", "vm:db");
	assert_true(event->incarnation != incarnation);
	assert_string_equal(event->uuid, UUID_3);
	incarnation = event->incarnation;
	server = start_server(stage, 2);
	event = expect_event(stage, "$sys.peer.up", "vm:db");
	assert_int_equal(event->incarnation, incarnation);
	program_kill(&server);
}

static void another_domain_with_the_domid_has_no_stale_rights(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	start_with_two(stage);
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	expect_event(stage, "$sys.domain.stopped", "vm:db");
	add(stage, 2, "evil", UUID_3);
	expect_event(stage, "$sys.domain.started", "vm:evil");
	ping = program_start_shell(&stage->world, 2,
				   HELIO " ping --timeout 1s " AT_0);
	program_expect(&ping, "helio: no bus at vchan:0/heliograph: No such "
			      "file or directory");
	expect_status(&ping, 5);
	expect_no_event(stage);
}

static void who_is_renamed_is_the_new_principal(void **state)
{
	struct stage *stage = *state;
	const struct event *event;
	struct program server;
	struct program ask;

	set_policy(stage, "allow vm:db any >\nallow vm:store any >\n"
			  "allow vm:web any >\n");
	start_with_two(stage);
	server = start_server(stage, 2);
	expect_event(stage, "$sys.peer.up", "vm:db");
	assert_int_equal(xen_world_rename(&stage->world, 2, "store"), 0);
	event = expect_event(stage, "$sys.peer.down", "vm:db");
	assert_string_equal(event->reason,
			    "its domain is called otherwise now");
	expect_event(stage, "$sys.peer.up", "vm:store");
	program_kill(&server);
	expect_event(stage, "$sys.peer.down", "vm:store");

	/* Under a name without rights it is not served any more. */
	assert_int_equal(xen_world_rename(&stage->world, 2, "evil"), 0);
	assert_int_equal(xen_world_rename(&stage->world, 1, "store"), 0);
	ask = program_start_shell(&stage->world, 2,
				  HELIO " ping --timeout 1s " AT_0);
	assert_int_not_equal(program_end(&ask), 0);
}

static void two_listeners_tell_once(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	write_file(stage, "heliod.conf",
		   "listen vchan:*/heliograph\nlisten vchan:*/second\n"
		   "listen vchan:2/third\n");
	start_with_two(stage);
	ping = program_start_shell(&stage->world, 2,
				   HELIO " pub x y -c vchan:0/third");
	expect_status(&ping, 0);
	expect_event(stage, "$sys.peer.up", "vm:db");
	expect_event(stage, "$sys.peer.down", "vm:db");
	ping = program_start_shell(&stage->world, 1,
				   HELIO " pub x y -c vchan:0/second");
	expect_status(&ping, 0);
	expect_event(stage, "$sys.peer.up", "vm:web");
	expect_event(stage, "$sys.peer.down", "vm:web");
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	expect_event(stage, "$sys.domain.stopped", "vm:db");
	add(stage, 2, "db", UUID_3);
	expect_event(stage, "$sys.domain.started", "vm:db");
	expect_no_event(stage);
}

/* What the old one holds is free only when it has gone. */
static void an_address_takes_the_place_of_another(void **state)
{
	struct stage *stage = *state;
	struct program ping;

	start_with_two(stage);
	write_file(stage, "heliod.conf", "listen vchan:2/heliograph\n");
	reload(stage);
	/* Nobody listened for it in between. */
	expect_event(stage, "$sys.domain.started", "vm:db");
	ping = program_start_shell(&stage->world, 2, HELIO " pub x y " AT_0);
	expect_status(&ping, 0);
	expect_event(stage, "$sys.peer.up", "vm:db");
	expect_event(stage, "$sys.peer.down", "vm:db");
	ping = program_start_shell(&stage->world, 1,
				   HELIO " ping --timeout 1s " AT_0);
	assert_int_not_equal(program_end(&ping), 0);

	write_file(stage, "heliod.conf",
		   "listen vchan:2/heliograph\nlisten vchan:*/heliograph\n");
	assert_int_not_equal(try_reload(stage), 0);
}

/* The switch in domain 5, which may not read who the others are. */
static void outside_dom0_it_needs_help(void **state)
{
	struct stage *stage = *state;

	add(stage, 5, "host", UUID_1);
	add(stage, 2, "db", UUID_2);
	start_heliod(stage, 5);
	program_expect(&stage->heliod,
		       "heliod: error: vchan:*/heliograph: xenstore: "
		       "@introduceDomain: Permission denied (in dom0: helio "
		       "xen-agent 5, or helio xen-grant 5)");
	expect_status(&stage->heliod, 70);
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

	expect_status(&ping, 0);
	expect_event(stage, "$sys.peer.up", "vm:db");
	expect_event(stage, "$sys.peer.down", "vm:db");
}

static void outside_dom0_the_agent_tells(void **state)
{
	struct stage *stage = *state;
	struct program agent;

	add(stage, 5, "host", UUID_1);
	add(stage, 2, "db", UUID_2);
	agent = program_start(&stage->world, 0, "%s 5", HELIO_XEN_AGENT);
	program_expect(&agent, "ready: domain 5 is told");
	start_switch(stage, 5);
	ask_in_domain_5(stage);
	add(stage, 3, "evil", UUID_3);
	expect_event(stage, "$sys.domain.started", "vm:evil");
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	expect_event(stage, "$sys.domain.stopped", "vm:db");
	assert_int_equal(xen_world_rename(&stage->world, 3, "db"), 0);
	expect_served(stage, 3, AT_5);
	expect_event(stage, "$sys.peer.up", "vm:db");
	expect_event(stage, "$sys.peer.down", "vm:db");

	/* Without it nobody dies, and nobody comes. */
	kill(agent.pid, SIGTERM);
	expect_status(&agent, 0);
	program_expect(&stage->heliod,
		       "heliod: warning: vchan:*/heliograph: xenstore: "
		       "data/heliograph/agent is gone: until helio xen-agent "
		       "is back, no domain comes or goes");
	add(stage, 4, "web", UUID_2);
	expect_no_event(stage);
	expect_served(stage, 3, AT_5);
	expect_event(stage, "$sys.peer.up", "vm:db");
	expect_event(stage, "$sys.peer.down", "vm:db");
	agent = program_start(&stage->world, 0, "%s 5", HELIO_XEN_AGENT);
	expect_event(stage, "$sys.domain.started", "vm:web");
	kill(agent.pid, SIGTERM);
	expect_status(&agent, 0);
}

static void outside_dom0_a_grant_lets_read(void **state)
{
	struct stage *stage = *state;
	struct program grant;

	add(stage, 5, "host", UUID_1);
	add(stage, 2, "db", UUID_2);
	grant = program_start(&stage->world, 0, "%s 5 --follow",
			      HELIO_XEN_GRANT);
	program_expect(&grant, "ready: domain 5 may read who the others are");
	start_switch(stage, 5);
	ask_in_domain_5(stage);
	add(stage, 3, "web", UUID_3);
	expect_event(stage, "$sys.domain.started", "vm:web");
	assert_int_equal(xen_world_destroy(&stage->world, 2), 0);
	expect_event(stage, "$sys.domain.stopped", "vm:db");
	kill(grant.pid, SIGTERM);
	expect_status(&grant, 0);
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
	expect_status(&heliod, 70);
	heliod = program_start_shell(&stage->world, 0,
				     "env HELIOGRAPH_MODULE_DIR=/nowhere " HELIO
				     " ping " AT_0);
	program_expect(&heliod,
		       "helio: no bus at vchan:0/heliograph: no module for "
		       "vchan: libheliograph-vchan.so or a library of Xen "
		       "(libxengnttab, libxenevtchn, libxenstore) is not "
		       "installed");
	expect_status(&heliod, 2);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

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
		TEST(two_listeners_tell_once),
		TEST(an_address_takes_the_place_of_another),
		TEST(outside_dom0_it_needs_help),
		TEST(outside_dom0_the_agent_tells),
		TEST(outside_dom0_a_grant_lets_read),
		TEST(without_its_module_it_says_what_is_missing),
	};

	setenv("HELIOGRAPH_MODULE_DIR", HELIO_MODULES, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
