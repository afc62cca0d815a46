/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/vm/fake_qemu.h"
#include "vm/monitor.h"
#include "vm/qemu.h"
#include "vm/qemu_guest.h"
#include "vm/qemu_process.h"

/* A guest of a fake QEMU, and what it told. */
struct fixture {
	uv_loop_t uv;
	struct qemu_guest *guest;
	char told[256];
	enum guest_event last;
	char reason[160];
	bool is_over;
	bool is_cleared;
};

static const char *event_name(enum guest_event event)
{
	static const char *const names[] = {
		[GUEST_RUNNING] = "running ", [GUEST_PAUSED] = "paused ",
		[GUEST_RESET] = "reset ",     [GUEST_POWERDOWN] = "powerdown ",
		[GUEST_ENDED] = "ended",      [GUEST_FAILED] = "failed",
	};

	return names[event];
}

static void on_event(void *userdata, enum guest_event event, const char *reason)
{
	struct fixture *fixture = userdata;
	size_t n = strlen(fixture->told);

	assert_false(fixture->is_over);
	snprintf(fixture->told + n, sizeof(fixture->told) - n, "%s",
		 event_name(event));
	snprintf(fixture->reason, sizeof(fixture->reason), "%s", reason);
	fixture->last = event;
	fixture->is_over = event == GUEST_ENDED || event == GUEST_FAILED;
	if (fixture->is_over) {
		qemu_guest_free((struct guest *)fixture->guest);
		fixture->guest = NULL;
	}
}

static void on_ended(void *userdata, const char *name)
{
	struct fixture *fixture = userdata;

	assert_string_equal(name, "web");
	fixture->is_cleared = true;
}

/* An unnamed socket is enough: nobody looks it up. */
static int listen_somewhere(struct sockaddr_un *ret_address)
{
	socklen_t n = sizeof(sa_family_t);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	n = sizeof(*ret_address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &n),
			 0);
	return fd;
}

static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = sizeof(sa_family_t) + 6; /* what autobind names */

	assert_int_equal(connect(fd, (const struct sockaddr *)address, n), 0);
	return fd;
}

static void spawn_in(struct fixture *fixture, uint32_t handshake_ms,
		     char *script)
{
	struct qemu_guest_start start = {
		.ops = &qemu_driver,
		.uv = &fixture->uv,
		.name = "web",
		.watcher = { .on_event = on_event, .userdata = fixture },
		.handshake_ms = handshake_ms,
		.quit_ms = 50,
		.on_ended = on_ended,
		.userdata = fixture,
	};
	struct sockaddr_un address;
	int listening = listen_somewhere(&address);
	/* Before it can have ended, and nobody listens any more. */
	int connected = connect_to(&address);

	assert_int_equal(qemu_guest_new(&start, &fixture->guest), 0);
	assert_int_equal(qemu_guest_spawn(fixture->guest,
					  fake_qemu_words(script), listening),
			 0);
	close(listening);
	assert_int_equal(qemu_guest_connect(fixture->guest, connected), 0);
}

static void spawn(struct fixture *fixture, char *script)
{
	spawn_in(fixture, 20000, script);
}

static void run_until_over(struct fixture *fixture)
{
	while (!fixture->is_over)
		uv_run(&fixture->uv, UV_RUN_ONCE);
	assert_true(fixture->is_cleared);
}

static void run_until_told(struct fixture *fixture, const char *told)
{
	while (!fixture->is_over && !strstr(fixture->told, told))
		uv_run(&fixture->uv, UV_RUN_ONCE);
}

static void assert_end(struct fixture *fixture, const char *told,
		       const char *reason)
{
	run_until_over(fixture);
	assert_string_equal(fixture->told, told);
	assert_string_equal(fixture->reason, reason);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .guest = NULL };
	assert_int_equal(uv_loop_init(&fixture.uv), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->guest) {
		qemu_guest_kill(fixture->guest);
		run_until_over(fixture);
	}
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	return uv_loop_close(&fixture->uv);
}

/* Greeting, capabilities, status, cont. */
#define LIVE "agrorprRo"

static void a_guest_may_shut_down_by_itself(void **state)
{
	static char script[] = LIVE "S";

	spawn(*state, script);
	assert_end(*state, "running ended", "the guest has shut down");
}

static void a_panic_is_a_failure(void **state)
{
	static char script[] = LIVE "P";

	spawn(*state, script);
	assert_end(*state, "running failed", "the guest has panicked");
}

static void the_last_words_are_the_reason(void **state)
{
	static char script[] = "ef";

	spawn(*state, script);
	assert_end(*state, "failed", "fake: cannot do it");
}

static void a_status_is_a_reason_too(void **state)
{
	static char script[] = LIVE "f";

	spawn(*state, script);
	assert_end(*state, "running failed", "QEMU ended with status 3");
}

static void a_kill_is_noticed(void **state)
{
	static char script[] = LIVE "h";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	run_until_told(fixture, "running");
	qemu_guest_kill(fixture->guest);
	assert_end(fixture, "running failed",
		   "QEMU was ended by signal 9 (Killed)");
}

static void what_cannot_be_run_says_why(void **state)
{
	static char script[] = "agrorprnh";

	spawn(*state, script);
	assert_end(*state, "failed", "QEMU cannot run it: fake says no");
}

static void no_qmp_costs_it_its_life(void **state)
{
	static char script[] = LIVE "xh";

	spawn(*state, script);
	assert_end(*state, "running failed",
		   "the monitor of QEMU: it says what is no QMP");
}

static void a_line_without_end_costs_it_its_life(void **state)
{
	static char script[] = LIVE "l";

	spawn(*state, script);
	assert_end(*state, "running failed",
		   "the monitor of QEMU: a line that has no end");
}

static void silence_costs_it_its_life(void **state)
{
	static char script[] = "ah";

	spawn_in(*state, 50, script);
	assert_end(*state, "failed", "the monitor of QEMU: no answer in time");
}

static void a_guest_shuts_down_when_it_is_asked(void **state)
{
	static char script[] = LIVE "roS";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	run_until_told(fixture, "running");
	qemu_guest_stop((struct guest *)fixture->guest, 20000);
	assert_end(fixture, "running ended", "the guest has shut down");
}

static void one_that_does_not_is_cut_off(void **state)
{
	/* It answers "quit" by its end, as QEMU does. */
	static char script[] = LIVE "roro";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	run_until_told(fixture, "running");
	qemu_guest_stop((struct guest *)fixture->guest, 20);
	assert_end(fixture, "running ended",
		   "cut off: it did not shut down in time");
}

static void quit_is_not_asked_twice(void **state)
{
	static char script[] = LIVE "rh";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	run_until_told(fixture, "running");
	qemu_guest_stop((struct guest *)fixture->guest, 0);
	assert_end(fixture, "running ended",
		   "QEMU was ended by signal 9 (Killed)");
}

/* Nobody could stop it any more. */
static void one_that_closes_its_monitor_has_to_end(void **state)
{
	static char script[] = LIVE "ch";

	spawn(*state, script);
	assert_end(*state, "running failed",
		   "QEMU was ended by signal 9 (Killed)");
}

static void no_memory_is_no_process(void **state)
{
	static char script[] = "ah";
	struct fixture *fixture = *state;
	struct qemu_process *process = NULL;

	fault_arm(0);
	assert_int_equal(qemu_process_spawn(&fixture->uv,
					    fake_qemu_words(script), 0, NULL,
					    NULL, &process),
			 -ENOMEM);
	fault_arm(0);
	assert_int_equal(qemu_process_adopt(&fixture->uv, getpid(), NULL, NULL,
					    &process),
			 -ENOMEM);
	fault_disarm();
	assert_null(process);
}

static void a_program_that_is_not_there_is_no_process(void **state)
{
	static char program[] = "/nowhere/qemu";
	char *words[] = { program, NULL };
	struct fixture *fixture = *state;
	struct qemu_process *process = NULL;

	assert_int_equal(qemu_process_spawn(&fixture->uv, words, 0, NULL, NULL,
					    &process),
			 -ENOENT);
	assert_null(process);
}

static void without_grace_it_is_not_asked(void **state)
{
	/* The first command after "cont" ends it. */
	static char script[] = LIVE "ro";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	run_until_told(fixture, "running");
	qemu_guest_stop((struct guest *)fixture->guest, 0);
	assert_end(fixture, "running ended", "");
}

/* Stopped before its monitor has said anything. */
static void an_early_stop_is_a_stop(void **state)
{
	static char script[] = "ah";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	qemu_guest_stop((struct guest *)fixture->guest, 0);
	assert_end(fixture, "ended", "QEMU was ended by signal 9 (Killed)");
}

static void one_that_has_not_run_need_not_shut_down(void **state)
{
	static char script[] = "agrorpro";
	struct fixture *fixture = *state;

	spawn(fixture, script);
	qemu_guest_stop((struct guest *)fixture->guest, 20000);
	assert_end(fixture, "ended", "");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_guest_may_shut_down_by_itself,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_panic_is_a_failure, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_last_words_are_the_reason,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_status_is_a_reason_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_kill_is_noticed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_run_says_why,
						setup, teardown),
		cmocka_unit_test_setup_teardown(no_qmp_costs_it_its_life, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_line_without_end_costs_it_its_life, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_costs_it_its_life,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_guest_shuts_down_when_it_is_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_does_not_is_cut_off,
						setup, teardown),
		cmocka_unit_test_setup_teardown(without_grace_it_is_not_asked,
						setup, teardown),
		cmocka_unit_test_setup_teardown(quit_is_not_asked_twice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			one_that_closes_its_monitor_has_to_end, setup,
			teardown),
		cmocka_unit_test_setup_teardown(no_memory_is_no_process, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_program_that_is_not_there_is_no_process, setup,
			teardown),
		cmocka_unit_test_setup_teardown(an_early_stop_is_a_stop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			one_that_has_not_run_need_not_shut_down, setup,
			teardown),
	};

	fake_qemu_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
