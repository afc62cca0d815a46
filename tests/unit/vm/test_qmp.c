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
#include <unistd.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "vm/qmp.h"
#include "vm/qmp_reader.h"

static const char greeting[] = "{\"QMP\": {\"version\": {}}}\r\n";

/* A client on a socket whose other end the test holds, and what it was told. */
struct fixture {
	uv_loop_t uv;
	int peer;
	struct qmp *qmp;
	char said[8192]; /* by the client */
	size_t n_said;
	unsigned n_ready;
	unsigned n_events;
	unsigned n_closed;
	unsigned n_done;
	int r; /* of closed or done */
	char text[64];
	bool is_freeing; /* the client, in the next callback */
};

static void maybe_free(struct fixture *fixture)
{
	if (fixture->is_freeing)
		fixture->qmp = qmp_free(fixture->qmp);
}

static void on_ready(void *userdata)
{
	struct fixture *fixture = userdata;

	fixture->n_ready++;
	maybe_free(fixture);
}

static void on_event(void *userdata, const char *name, const json_t *data)
{
	struct fixture *fixture = userdata;

	fixture->n_events++;
	snprintf(fixture->text, sizeof(fixture->text), "%s", name);
	maybe_free(fixture);
}

static void on_closed(void *userdata, int r)
{
	struct fixture *fixture = userdata;

	fixture->n_closed++;
	fixture->r = r;
	maybe_free(fixture);
}

static void on_done(void *userdata, int r, const json_t *value,
		    const char *error)
{
	struct fixture *fixture = userdata;

	fixture->n_done++;
	fixture->r = r;
	snprintf(fixture->text, sizeof(fixture->text), "%s",
		 r < 0 ? error : "");
	maybe_free(fixture);
}

static const struct qmp_hooks hooks = {
	.ready = on_ready,
	.event = on_event,
	.closed = on_closed,
};

static int open_client(void **state, uint32_t handshake_ms)
{
	static struct fixture fixture;
	int fds[2];

	fixture = (struct fixture){ .peer = -1 };
	assert_int_equal(uv_loop_init(&fixture.uv), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	fixture.peer = fds[1];
	assert_int_equal(qmp_new(&fixture.uv, fds[0], handshake_ms, &hooks,
				 &fixture, &fixture.qmp),
			 0);
	*state = &fixture;
	return 0;
}

static int start(void **state)
{
	return open_client(state, 20000);
}

static int start_in_haste(void **state)
{
	return open_client(state, 1);
}

static int stop(void **state)
{
	struct fixture *fixture = *state;

	qmp_free(fixture->qmp);
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fixture->uv), 0);
	if (fixture->peer >= 0)
		close(fixture->peer);
	return 0;
}

static void say(struct fixture *fixture, const char *text)
{
	assert_int_equal(write(fixture->peer, text, strlen(text)),
			 strlen(text));
}

/* Run until one of the counters has changed. */
static void run_until(struct fixture *fixture, const unsigned *counter,
		      unsigned n)
{
	while (*counter < n)
		uv_run(&fixture->uv, UV_RUN_ONCE);
	assert_int_equal(*counter, n);
}

/* Read what the client says, until `text` is in it. */
static void expect(struct fixture *fixture, const char *text)
{
	while (!strstr(fixture->said, text)) {
		ssize_t n;

		uv_run(&fixture->uv, UV_RUN_NOWAIT);
		n = recv(fixture->peer, fixture->said + fixture->n_said,
			 sizeof(fixture->said) - fixture->n_said - 1,
			 MSG_DONTWAIT);
		if (n > 0)
			fixture->n_said += (size_t)n;
		else
			assert_int_equal(errno, EAGAIN);
	}
}

static void shake_hands(struct fixture *fixture)
{
	say(fixture, greeting);
	expect(fixture, "{\"execute\":\"qmp_capabilities\",\"id\":0}\r\n");
	say(fixture, "{\"return\": {}, \"id\": 0}\r\n");
	run_until(fixture, &fixture->n_ready, 1);
}

static int execute(struct fixture *fixture, uint32_t timeout_ms)
{
	return qmp_execute(fixture->qmp, "query-status", timeout_ms, on_done,
			   fixture);
}

static void a_command_is_answered_by_its_id(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(execute(fixture, 1000), -ENOTCONN);
	shake_hands(fixture);
	assert_int_equal(execute(fixture, 20000), 0);
	assert_int_equal(execute(fixture, 20000), 0);
	expect(fixture, "{\"execute\":\"query-status\",\"id\":2}\r\n");
	say(fixture, "{\"error\": {\"desc\": \"no such\"}, \"id\": 2}\r\n");
	run_until(fixture, &fixture->n_done, 1);
	assert_int_equal(fixture->r, -EREMOTEIO);
	assert_string_equal(fixture->text, "no such");
	say(fixture, "{\"return\": {}, \"id\": 1}\r\n");
	run_until(fixture, &fixture->n_done, 2);
	assert_int_equal(fixture->r, 0);
}

static void events_are_told(void **state)
{
	struct fixture *fixture = *state;

	shake_hands(fixture);
	say(fixture, "{\"event\": \"STOP\"}\r\n{\"event\": \"RESUME\"}\r\n");
	run_until(fixture, &fixture->n_events, 2);
	assert_string_equal(fixture->text, "RESUME");
}

static void a_command_that_takes_too_long_is_given_up(void **state)
{
	struct fixture *fixture = *state;

	shake_hands(fixture);
	assert_int_equal(execute(fixture, 1), 0);
	run_until(fixture, &fixture->n_done, 1);
	assert_int_equal(fixture->r, -ETIMEDOUT);
	/* Its answer is late, and no lie. */
	say(fixture, "{\"return\": {}, \"id\": 1}\r\n{\"event\": \"A\"}\r\n");
	run_until(fixture, &fixture->n_events, 1);
	assert_int_equal(fixture->n_done, 1);
	assert_int_equal(fixture->n_closed, 0);
}

static void no_handshake_in_time_is_the_end(void **state)
{
	struct fixture *fixture = *state;

	run_until(fixture, &fixture->n_closed, 1);
	assert_int_equal(fixture->r, -ETIMEDOUT);
}

static void the_end_of_the_peer_is_told_once(void **state)
{
	struct fixture *fixture = *state;

	shake_hands(fixture);
	assert_int_equal(execute(fixture, 20000), 0);
	expect(fixture, "query-status");
	close(fixture->peer);
	fixture->peer = -1;
	run_until(fixture, &fixture->n_closed, 1);
	assert_int_equal(fixture->r, 0);
	assert_int_equal(fixture->n_done, 0);
	assert_int_equal(execute(fixture, 1000), -ENOTCONN);
}

static void lies_are_the_end(void **state)
{
	static const char *const lies[] = {
		"{\"return\": {}, \"id\": 1}\r\n", /* nobody asked */
		"{\"error\": {\"desc\": \"bad JSON\"}}\r\n",
		"{\"QMP\": {}}\r\n", /* once more */
		"garbage\r\n",
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct fixture *fixture = *state;

		shake_hands(fixture);
		say(fixture, lies[i]);
		run_until(fixture, &fixture->n_closed, 1);
		assert_int_equal(fixture->r, -EPROTO);
		stop(state);
		start(state);
	}
}

static void before_the_greeting_nothing_is_taken(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, "{\"event\": \"STOP\"}\r\n");
	run_until(fixture, &fixture->n_closed, 1);
	assert_int_equal(fixture->r, -EPROTO);
	assert_int_equal(fixture->n_events, 0);
}

static void a_refused_handshake_is_the_end(void **state)
{
	struct fixture *fixture = *state;

	say(fixture, greeting);
	say(fixture, "{\"error\": {\"desc\": \"no\"}, \"id\": 0}\r\n");
	run_until(fixture, &fixture->n_closed, 1);
	assert_int_equal(fixture->r, -EPROTO);
}

static void a_line_without_an_end_is_the_end(void **state)
{
	struct fixture *fixture = *state;
	static char bytes[QMP_LINE_MAX_BYTES];
	size_t n_sent = 0;

	memset(bytes, ' ', sizeof(bytes));
	while (!fixture->n_closed) {
		ssize_t n = send(fixture->peer, bytes, sizeof(bytes),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		n_sent += n > 0 ? (size_t)n : 0;
		uv_run(&fixture->uv, UV_RUN_NOWAIT);
	}
	assert_int_equal(fixture->r, -EMSGSIZE);
	assert_true(n_sent >= sizeof(bytes));
}

/* It says nothing, so nothing is ever done with the commands. */
static void commands_in_flight_have_a_bound(void **state)
{
	struct fixture *fixture = *state;

	shake_hands(fixture);
	for (int i = 0; i < QMP_COMMANDS_MAX; i++)
		assert_int_equal(execute(fixture, 20000), 0);
	assert_int_equal(execute(fixture, 20000), -EBUSY);
	expect(fixture, "\"id\":16}");
	say(fixture, "{\"return\": {}, \"id\": 3}\r\n");
	run_until(fixture, &fixture->n_done, 1);
	assert_int_equal(execute(fixture, 20000), 0);
}

/* Three messages are in one read; after the first nobody hears of the rest. */
static void it_may_be_freed_in_a_callback(void **state)
{
	struct fixture *fixture = *state;

	shake_hands(fixture);
	fixture->is_freeing = true;
	say(fixture, "{\"event\": \"A\"}\n{\"event\": \"B\"}\nx\n");
	run_until(fixture, &fixture->n_events, 1);
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	assert_int_equal(fixture->n_events, 1);
	assert_int_equal(fixture->n_closed, 0);
}

static void it_may_be_freed_when_it_is_ready(void **state)
{
	struct fixture *fixture = *state;

	fixture->is_freeing = true;
	shake_hands(fixture);
	assert_null(fixture->qmp);
}

static void it_may_be_freed_by_a_command(void **state)
{
	struct fixture *fixture = *state;

	shake_hands(fixture);
	fixture->is_freeing = true;
	assert_int_equal(execute(fixture, 1), 0);
	assert_int_equal(execute(fixture, 1), 0);
	run_until(fixture, &fixture->n_done, 1);
	uv_run(&fixture->uv, UV_RUN_DEFAULT);
	assert_int_equal(fixture->n_done, 1);
}

static void no_memory_is_no_client(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct qmp *qmp = NULL;
		int fds[2];
		int r;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		fault_arm(n);
		r = qmp_new(&fixture->uv, fds[0], 20000, &hooks, fixture, &qmp);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		qmp_free(qmp);
		close(fds[1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_command_is_answered_by_its_id,
						start, stop),
		cmocka_unit_test_setup_teardown(events_are_told, start, stop),
		cmocka_unit_test_setup_teardown(
			a_command_that_takes_too_long_is_given_up, start, stop),
		cmocka_unit_test_setup_teardown(no_handshake_in_time_is_the_end,
						start_in_haste, stop),
		cmocka_unit_test_setup_teardown(
			the_end_of_the_peer_is_told_once, start, stop),
		cmocka_unit_test_setup_teardown(lies_are_the_end, start, stop),
		cmocka_unit_test_setup_teardown(
			before_the_greeting_nothing_is_taken, start, stop),
		cmocka_unit_test_setup_teardown(a_refused_handshake_is_the_end,
						start, stop),
		cmocka_unit_test_setup_teardown(
			a_line_without_an_end_is_the_end, start, stop),
		cmocka_unit_test_setup_teardown(commands_in_flight_have_a_bound,
						start, stop),
		cmocka_unit_test_setup_teardown(it_may_be_freed_in_a_callback,
						start, stop),
		cmocka_unit_test_setup_teardown(
			it_may_be_freed_when_it_is_ready, start, stop),
		cmocka_unit_test_setup_teardown(it_may_be_freed_by_a_command,
						start, stop),
		cmocka_unit_test_setup_teardown(no_memory_is_no_client, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
