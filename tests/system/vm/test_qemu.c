/* SPDX-License-Identifier: MIT */

/*
 * The driver with the real QEMU, and machines of a few instructions that it
 * emulates. What a machine says on its serial port comes by a FIFO, so that
 * nobody need guess when it is up.
 */

#include <errno.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "vm/monitor.h"
#include "vm/qemu.h"

enum { WAIT_MS = 60000 };

struct fixture {
	uv_loop_t uv;
	uv_timer_t bound;
	uv_poll_t serial;
	int serial_fd;
	char path[64]; /* the run folder */
	int run_fd;
	struct driver *driver;
	struct guest *guest;
	unsigned n_up; /* how often it said so */
	unsigned n_running;
	unsigned n_resets;
	unsigned n_powerdowns;
	bool is_over;
	bool has_failed;
	char reason[160];
};

static void on_event(void *userdata, enum guest_event event, const char *reason)
{
	struct fixture *fixture = userdata;

	fixture->n_running += event == GUEST_RUNNING;
	fixture->n_resets += event == GUEST_RESET;
	fixture->n_powerdowns += event == GUEST_POWERDOWN;
	fixture->has_failed = event == GUEST_FAILED;
	fixture->is_over = event == GUEST_ENDED || event == GUEST_FAILED;
	if (!fixture->is_over)
		return;
	snprintf(fixture->reason, sizeof(fixture->reason), "%s", reason);
	fixture->guest = fixture->guest->ops->free(fixture->guest);
}

static void on_serial(uv_poll_t *poll, int status, int events)
{
	struct fixture *fixture = poll->data;
	char bytes[256];
	ssize_t n = read(fixture->serial_fd, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
		fixture->n_up += bytes[i] == '\n';
}

static void on_bound(uv_timer_t *timer)
{
	fail_msg("nothing happened in time");
}

/* One turn of the loop; a test that takes too long fails. */
static void turn(struct fixture *fixture)
{
	uv_timer_start(&fixture->bound, on_bound, WAIT_MS, 0);
	uv_run(&fixture->uv, UV_RUN_ONCE);
	uv_timer_stop(&fixture->bound);
}

static void run_until(struct fixture *fixture, const unsigned *counter,
		      unsigned n)
{
	while (*counter < n) {
		if (fixture->is_over)
			fail_msg("it has ended: %s", fixture->reason);
		turn(fixture);
	}
}

static void run_until_over(struct fixture *fixture)
{
	while (!fixture->is_over)
		turn(fixture);
}

static void assert_end(struct fixture *fixture, bool has_failed,
		       const char *reason)
{
	run_until_over(fixture);
	assert_non_null(strstr(fixture->reason, reason));
	assert_int_equal(fixture->has_failed, has_failed);
	assert_int_equal(faccessat(fixture->run_fd, "web.qmp", F_OK, 0), -1);
	assert_int_equal(faccessat(fixture->run_fd, "web.birth", F_OK, 0), -1);
}

static void open_driver(struct fixture *fixture)
{
	struct driver_context context = {
		.uv = &fixture->uv,
		.run_fd = fixture->run_fd,
	};

	assert_int_equal(qemu_driver.open(&context, &fixture->driver), 0);
}

static void open_serial(struct fixture *fixture)
{
	assert_int_equal(mkfifoat(fixture->run_fd, "serial", 0600), 0);
	/* For writing too, or it would be at its end whenever nobody has it. */
	fixture->serial_fd = openat(fixture->run_fd, "serial",
				    O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fixture->serial_fd >= 0);
	uv_poll_init(&fixture->uv, &fixture->serial, fixture->serial_fd);
	fixture->serial.data = fixture;
	uv_poll_start(&fixture->serial, UV_READABLE, on_serial);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .path = "/tmp/helio-qemu-XXXXXX" };
	assert_non_null(mkdtemp(fixture.path));
	fixture.run_fd = open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture.run_fd >= 0);
	assert_int_equal(uv_loop_init(&fixture.uv), 0);
	uv_timer_init(&fixture.uv, &fixture.bound);
	open_serial(&fixture);
	open_driver(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->guest) {
		qemu_driver.stop(fixture->guest, 0);
		run_until_over(fixture);
	}
	qemu_driver.close(fixture->driver);
	uv_close((uv_handle_t *)&fixture->serial, NULL);
	uv_close((uv_handle_t *)&fixture->bound, NULL);
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fixture->uv), 0);
	close(fixture->serial_fd);
	unlinkat(fixture->run_fd, "serial", 0);
	close(fixture->run_fd);
	return rmdir(fixture->path);
}

static struct definition *define(const struct fixture *fixture,
				 const char *kind)
{
	struct definition *definition = NULL;
	char error[256];
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "memory 8M\naccel tcg\n"
			 "disk " GUESTS "/%s.img snapshot\n"
			 "extra -serial file:%s/serial\n",
			 kind, fixture->path);

	if (definition_parse("web", "web.vm", text, (size_t)n, error,
			     sizeof(error), &definition) < 0)
		fail_msg("%s", error);
	return definition;
}

static struct guest_watcher watcher_of(struct fixture *fixture)
{
	return (struct guest_watcher){
		.on_event = on_event,
		.userdata = fixture,
	};
}

static void start(struct fixture *fixture, const char *kind)
{
	_cleanup_(definition_freep) struct definition *definition =
		define(fixture, kind);
	struct birth birth = { .incarnation = 42, .started_by = "vm:me" };
	struct guest_watcher watcher = watcher_of(fixture);
	char error[160] = "";

	if (qemu_driver.start(fixture->driver, definition, &birth, &watcher,
			      error, sizeof(error), &fixture->guest) < 0)
		fail_msg("%s", error);
}

static void start_and_wait(struct fixture *fixture, const char *kind)
{
	start(fixture, kind);
	run_until(fixture, &fixture->n_running, 1);
	run_until(fixture, &fixture->n_up, 1);
}

/* As the kernel tells it to whoever connects. */
static pid_t pid_of(struct fixture *fixture)
{
	int fd = monitor_connect(fixture->run_fd, "web");
	pid_t pid = 0;

	assert_true(fd >= 0);
	assert_int_equal(monitor_peer(fd, &pid), 0);
	close(fd);
	return pid;
}

static void a_machine_runs_and_shuts_down_when_asked(void **state)
{
	struct fixture *fixture = *state;

	start_and_wait(fixture, "obedient");
	qemu_driver.stop(fixture->guest, WAIT_MS);
	assert_end(fixture, false, "the guest has shut down");
	assert_int_equal(fixture->n_powerdowns, 1);
}

static void one_that_does_not_hear_is_cut_off(void **state)
{
	struct fixture *fixture = *state;

	start_and_wait(fixture, "deaf");
	qemu_driver.stop(fixture->guest, 50);
	assert_end(fixture, false, "cut off");
}

static void one_may_leave_by_itself(void **state)
{
	struct fixture *fixture = *state;

	start_and_wait(fixture, "leaving");
	assert_end(fixture, false, "the guest has shut down");
}

static void resets_are_told(void **state)
{
	struct fixture *fixture = *state;

	start_and_wait(fixture, "restless");
	run_until(fixture, &fixture->n_resets, 1);
	run_until(fixture, &fixture->n_up, 2);
}

static void a_killed_qemu_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid;

	start_and_wait(fixture, "deaf");
	pid = pid_of(fixture);
	assert_true(pid > 1 && pid != getpid());
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_end(fixture, true, "signal 9");
}

static void one_that_cannot_start_says_why(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "missing");
	run_until_over(fixture);
	assert_true(fixture->has_failed);
	assert_non_null(strstr(fixture->reason, "missing.img"));
}

/* As if helio-vm had ended: the driver lets go, and another comes. */
static int begin_anew(struct fixture *fixture, struct birth *ret_birth)
{
	struct guest_watcher watcher = watcher_of(fixture);

	qemu_driver.free(fixture->guest);
	fixture->guest = NULL;
	qemu_driver.close(fixture->driver);
	open_driver(fixture);
	fixture->n_running = 0;
	return qemu_driver.adopt(fixture->driver, "web", &watcher, ret_birth,
				 &fixture->guest);
}

static void on_found(void *userdata, const char *name)
{
	assert_string_equal(name, "web");
	++*(unsigned *)userdata;
}

static void one_that_lives_is_taken_over(void **state)
{
	struct fixture *fixture = *state;
	struct birth birth;
	unsigned n_found = 0;

	start_and_wait(fixture, "obedient");
	assert_int_equal(begin_anew(fixture, &birth), 0);
	assert_int_equal(birth.incarnation, 42);
	assert_string_equal(birth.started_by, "vm:me");
	assert_int_equal(
		qemu_driver.survey(fixture->driver, on_found, &n_found), 0);
	assert_int_equal(n_found, 1);
	run_until(fixture, &fixture->n_running, 1);
	qemu_driver.stop(fixture->guest, WAIT_MS);
	assert_end(fixture, false, "the guest has shut down");
}

static void the_end_of_one_taken_over_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	struct birth birth;

	start_and_wait(fixture, "deaf");
	assert_int_equal(begin_anew(fixture, &birth), 0);
	run_until(fixture, &fixture->n_running, 1);
	assert_int_equal(kill(pid_of(fixture), SIGKILL), 0);
	assert_end(fixture, true, "QEMU has ended");
}

static void one_that_has_died_is_cleared_away(void **state)
{
	struct fixture *fixture = *state;
	struct birth birth;
	pid_t pid;

	start_and_wait(fixture, "deaf");
	pid = pid_of(fixture);
	qemu_driver.stop(fixture->guest, 0);
	run_until_over(fixture);
	assert_int_equal(kill(pid, 0), -1);

	/* What a QEMU leaves that dies while nobody looks. */
	fixture->guest = NULL;
	close(monitor_listen(fixture->run_fd, "web"));
	assert_int_equal(birth_write(fixture->run_fd, "web.birth",
				     &(struct birth){ .incarnation = 1,
						      .started_by = "a" }),
			 0);
	assert_int_equal(begin_anew(fixture, &birth), -ENOENT);
	assert_int_equal(faccessat(fixture->run_fd, "web.birth", F_OK, 0), -1);
	assert_int_equal(faccessat(fixture->run_fd, "web.qmp", F_OK, 0), -1);
}

/* Two would write to one disk. */
static void one_that_is_lost_is_not_started_twice(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(definition_freep) struct definition *definition =
		define(fixture, "deaf");
	struct guest_watcher watcher = watcher_of(fixture);
	struct birth birth = { .incarnation = 1, .started_by = "a" };
	struct guest *second = NULL;
	char error[160] = "";

	start_and_wait(fixture, "deaf");
	assert_int_equal(qemu_driver.start(fixture->driver, definition, &birth,
					   &watcher, error, sizeof(error),
					   &second),
			 -EEXIST);
	assert_null(second);
	assert_true(error[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_machine_runs_and_shuts_down_when_asked),
		TEST(one_that_does_not_hear_is_cut_off),
		TEST(one_may_leave_by_itself),
		TEST(resets_are_told),
		TEST(a_killed_qemu_is_noticed),
		TEST(one_that_cannot_start_says_why),
		TEST(one_that_lives_is_taken_over),
		TEST(the_end_of_one_taken_over_is_noticed),
		TEST(one_that_has_died_is_cleared_away),
		TEST(one_that_is_lost_is_not_started_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
