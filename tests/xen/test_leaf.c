/* SPDX-License-Identifier: MIT */

/*
 * A domain whose switch is a leaf of the one in dom0, by vchan, in a world
 * without Xen. The test itself is the host's operator, on the common socket.
 */

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

enum { WEB = 1, EVENTS_MAX = 16 };

struct event {
	char subject[64];
	char principal[64];
	uint64_t came_ns;
};

struct stage {
	struct xen_world world;
	char folder[64];
	char inside[64]; /* what the leaf's programs are called */
	struct program host;
	struct program leaf;
	struct helio *ops;
	struct event events[EVENTS_MAX];
	size_t n_events;
};

static void make_folder(const struct stage *stage, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", stage->folder, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

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

/* Of vm:web and whoever is below it. */
static void on_event(struct helio_subscription *subscription,
		     const struct helio_message *message, void *userdata)
{
	struct stage *stage = userdata;
	struct event *event = &stage->events[stage->n_events];
	Helio__Switch__V1__PeerEvent *told;

	if (stage->n_events == EVENTS_MAX)
		fail_msg("more than %d events", EVENTS_MAX);
	told = helio__switch__v1__peer_event__unpack(NULL, message->n_body,
						     message->body);
	assert_non_null(told);
	*event = (struct event){ .came_ns = clock_now_ns() };
	snprintf(event->subject, sizeof(event->subject), "%s",
		 message->subject);
	snprintf(event->principal, sizeof(event->principal), "%s",
		 told->principal);
	helio__switch__v1__peer_event__free_unpacked(told, NULL);
	if (!strncmp(event->principal, "vm:", 3))
		stage->n_events++;
}

/* When the last of the `n` came that were told of this one. */
static uint64_t expect_told(struct stage *stage, unsigned n,
			    const char *subject, const char *principal)
{
	uint64_t end_ns = clock_now_ns() + PROGRAM_WAIT_MS * NS_PER_MS;

	for (size_t i = 0; n; i++) {
		const struct event *event = &stage->events[i];

		while (i == stage->n_events) {
			if (clock_now_ns() > end_ns)
				fail_msg("no %s of %s", subject, principal);
			assert_true(helio_run(stage->ops, 100) >= 0);
		}
		if (!strcmp(event->subject, subject) &&
		    !strcmp(event->principal, principal) && !--n)
			return event->came_ns;
	}
	return 0;
}

static struct program start_heliod(struct stage *stage, uint32_t domid,
				   const char *name, const char *options)
{
	struct program heliod = program_start_shell(
		&stage->world, domid,
		HELIOD " --config %s/%s --run %s/%s-run --log error "
		       "--ready-fd 4 4>&1 %s",
		stage->folder, name, stage->folder, name, options);

	return heliod;
}

static void start_host(struct stage *stage)
{
	char address[128];

	stage->host = start_heliod(stage, 0, "host", "");
	program_expect(&stage->host, "READY");
	xen_world_enter(&stage->world, 0);
	snprintf(address, sizeof(address), "shm:%s/host-run/bus.sock",
		 stage->folder);
	assert_int_equal(helio_open(address, NULL, &stage->ops), 0);
	assert_int_equal(helio_connect_wait(stage->ops, PROGRAM_WAIT_MS), 0);
	assert_int_equal(helio_subscribe_wait(stage->ops, "$sys.peer.>", NULL,
					      on_event, stage, PROGRAM_WAIT_MS,
					      NULL),
			 0);
}

static void kill_host(struct stage *stage)
{
	helio_close(stage->ops);
	stage->ops = NULL;
	program_kill(&stage->host);
	stage->host.pid = 0;
	stage->n_events = 0;
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	snprintf(stage->folder, sizeof(stage->folder), "/tmp/xen-leaf-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(stage->inside, sizeof(stage->inside), "vm:web/uid:%u",
		 (unsigned)getuid());
	make_folder(stage, "host");
	make_folder(stage, "host/policy");
	make_folder(stage, "host-run");
	make_folder(stage, "leaf");
	make_folder(stage, "leaf/policy");
	make_folder(stage, "leaf-run");
	write_file(stage, "host/heliod.conf", "listen vchan:*/heliograph\n");
	write_file(stage, "host/policy/10.policy",
		   "allow uid:* any,admin >\nallow uid:* subscribe $sys.>\n"
		   "allow vm:web uplink leaf\nallow vm:web/** any >\n");
	write_file(stage, "leaf/policy/10.policy", "allow vm:web/** any >\n");
	assert_int_equal(xen_world_start(&stage->world), 0);
	start_host(stage);
	assert_int_equal(xen_world_add(&stage->world, WEB, "web",
				       "11111111-1111-1111-1111-111111111111"),
			 0);
	/* It may be there before the host's offer, and says so. */
	stage->leaf = start_heliod(stage, WEB, "leaf",
				   "--uplink vchan:0/heliograph 2>/dev/null");
	program_expect(&stage->leaf, "READY");
	*state = stage;
	return 0;
}

static void stop(struct program *program)
{
	if (!program->pid)
		return;
	kill(program->pid, SIGTERM);
	(void)program_end(program);
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	char command[128];

	helio_close(stage->ops);
	stop(&stage->leaf);
	stop(&stage->host);
	xen_world_stop(&stage->world);
	snprintf(command, sizeof(command), "rm -rf %s", stage->folder);
	assert_int_equal(system(command), 0);
	free(stage);
	return 0;
}

/* At the leaf, in its domain; or at the host, in its own. */
static struct program start(struct stage *stage, bool is_below,
			    const char *command)
{
	return program_start_shell(&stage->world, is_below ? WEB : 0,
				   HELIO " %s -c shm:%s/%s-run/bus.sock",
				   command, stage->folder,
				   is_below ? "leaf" : "host");
}

static void expect_success(struct program *program)
{
	int status = program_end(program);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct program start_subscriber(struct stage *stage, bool is_below)
{
	struct program sub = start(stage, is_below, "sub news.x");

	program_expect(&sub, "helio: subscribed to news.x");
	return sub;
}

static struct program start_server(struct stage *stage, bool is_below)
{
	struct program server =
		start(stage, is_below, "reply q --command 'echo yes'");

	program_expect(&server, "helio: serving q");
	return server;
}

static void publish(struct stage *stage, bool is_below, const char *text)
{
	char command[64];
	struct program pub;

	snprintf(command, sizeof(command), "pub news.x %s", text);
	pub = start(stage, is_below, command);
	expect_success(&pub);
}

static void messages_and_calls_go_both_ways(void **state)
{
	struct stage *stage = *state;

	for (unsigned is_below = 0; is_below < 2; is_below++) {
		struct program sub = start_subscriber(stage, is_below);
		struct program server = start_server(stage, is_below);
		struct program ask;

		publish(stage, !is_below, "paper");
		program_expect(&sub, "paper");
		ask = start(stage, !is_below, "request q hello");
		program_expect(&ask, "yes");
		expect_success(&ask);
		program_kill(&server);
		program_kill(&sub);
	}
	/* Each of the four below stood at the host under its whole name. */
	expect_told(stage, 1, "$sys.peer.up", "vm:web");
	expect_told(stage, 4, "$sys.peer.up", stage->inside);
	expect_told(stage, 4, "$sys.peer.down", stage->inside);
}

static void a_destroyed_domain_takes_all_its_programs_with_it(void **state)
{
	struct stage *stage = *state;
	struct program sub = start_subscriber(stage, true);
	struct program server = start_server(stage, true);
	uint64_t began_ns;

	expect_told(stage, 2, "$sys.peer.up", stage->inside);
	began_ns = clock_now_ns();
	assert_int_equal(xen_world_destroy(&stage->world, WEB), 0);
	assert_true(expect_told(stage, 1, "$sys.peer.down", "vm:web") -
			    began_ns <
		    2 * NS_PER_S);
	assert_true(expect_told(stage, 2, "$sys.peer.down", stage->inside) -
			    began_ns <
		    2 * NS_PER_S);
	program_end(&sub);
	program_end(&server);
	program_end(&stage->leaf);
	stage->leaf.pid = 0;
}

static void a_host_that_comes_back_is_found(void **state)
{
	struct stage *stage = *state;
	struct program sub = start_subscriber(stage, true);
	struct program server = start_server(stage, true);
	struct program ask;

	publish(stage, false, "before");
	program_expect(&sub, "before");
	kill_host(stage);
	publish(stage, true, "alone");
	program_expect(&sub, "alone");

	start_host(stage);
	program_expect(&sub, "helio: messages may be missing here (uplink)");
	expect_told(stage, 2, "$sys.peer.up", stage->inside);
	publish(stage, false, "after");
	program_expect(&sub, "after");
	ask = start(stage, false, "request q hello");
	program_expect(&ask, "yes");
	expect_success(&ask);
	program_kill(&server);
	program_kill(&sub);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_and_calls_go_both_ways),
		TEST(a_destroyed_domain_takes_all_its_programs_with_it),
		TEST(a_host_that_comes_back_is_found),
	};

	setenv("HELIOGRAPH_MODULE_DIR", HELIO_MODULES, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
