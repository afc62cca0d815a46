/* SPDX-License-Identifier: MIT */

#include "tests/system/typed/desk.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static struct helio *loop[CONNECTIONS_MAX];

void loop_add(struct helio *bus)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		if (!loop[i]) {
			loop[i] = bus;
			return;
		}
	}
	fail_msg("too many connections");
}

void loop_remove(struct helio *bus)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (loop[i] == bus)
			loop[i] = NULL;
}

uint64_t loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void loop_turn(void)
{
	struct pollfd fds[CONNECTIONS_MAX];
	unsigned n = 0;
	int wait_ms = 100;

	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		int ms = loop[i] ? helio_timeout_ms(loop[i]) : -1;

		if (!loop[i])
			continue;
		if (ms >= 0 && ms < wait_ms)
			wait_ms = ms;
		fds[n++] = (struct pollfd){
			.fd = helio_fd(loop[i]),
			.events = POLLIN,
		};
	}
	assert_true(poll(fds, n, wait_ms) >= 0);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (loop[i])
			helio_dispatch(loop[i]);
}

static void note_call(struct desk *desk, struct helio_serving *serving)
{
	const struct helio_message *message = helio_serving_message(serving);
	const char *key = message->idempotency_key;

	desk->n_calls++;
	desk->time_left_ms = helio_serving_time_left_ms(serving);
	snprintf(desk->key, sizeof(desk->key), "%s", key ? key : "");
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct desk *desk = userdata;

	desk->n_cancelled++;
	if (serving == desk->counting)
		desk->counting = NULL;
	assert_int_equal(helio_serving_time_left_ms(serving), 0);
	assert_int_equal(helio_serving_fail(serving, HELIO_CANCELLED, ""), 0);
}

static void add(struct helio_serving *serving, const Lab__V1__Pair *request,
		void *userdata)
{
	Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

	note_call(userdata, serving);
	if (*request->note) {
		assert_int_equal(helio_serving_fail_with(
					 serving, HELIO_FAILED_PRECONDITION,
					 request->note, "details", 7),
				 0);
		return;
	}
	reply.value = request->a + request->b;
	assert_int_equal(lab__v1__desk__add__reply(serving, &reply), 0);
}

static void hold(struct helio_serving *serving, const Lab__V1__Pair *request,
		 void *userdata)
{
	static const struct helio_serving_events events = {
		.on_cancelled = on_cancelled,
	};
	struct desk *desk = userdata;

	(void)request;
	note_call(desk, serving);
	helio_serving_listen(serving, &events, desk);
	desk->held[desk->n_held++] = serving;
}

static void count_on(struct helio_serving *serving, void *userdata)
{
	struct desk *desk = userdata;
	static uint8_t padding[4096];
	Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

	reply.padding.data = padding;
	reply.padding.len = sizeof(padding);
	while (desk->counted < desk->count_to) {
		int r;

		reply.value = desk->counted + 1;
		r = lab__v1__desk__count__send_reply(serving, &reply);
		if (r == -EAGAIN)
			return;
		assert_int_equal(r, 0);
		desk->counted++;
	}
	desk->counting = NULL;
	assert_int_equal(lab__v1__desk__count__finish(serving), 0);
}

static void count(struct helio_serving *serving, const Lab__V1__Number *request,
		  void *userdata)
{
	static const struct helio_serving_events events = {
		.on_writable = count_on,
		.on_cancelled = on_cancelled,
	};
	struct desk *desk = userdata;

	note_call(desk, serving);
	desk->counting = serving;
	desk->counted = 0;
	desk->count_to = request->value;
	helio_serving_listen(serving, &events, desk);
	count_on(serving, desk);
}

static void on_number(struct helio_serving *serving,
		      const Lab__V1__Number *number, void *userdata)
{
	struct desk *desk = userdata;

	(void)serving;
	desk->n_messages++;
	desk->sum += number->value;
}

static void on_all(struct helio_serving *serving, void *userdata)
{
	const struct desk *desk = userdata;
	Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

	reply.value = desk->sum;
	assert_int_equal(lab__v1__desk__sum__reply(serving, &reply), 0);
}

static void sum(struct helio_serving *serving, const Lab__V1__Number *null,
		void *userdata)
{
	static const struct lab__v1__desk__sum__requests requests = {
		.on_message = on_number,
		.on_finish = on_all,
		.on_cancelled = on_cancelled,
	};
	struct desk *desk = userdata;

	assert_null(null);
	note_call(desk, serving);
	desk->sum = 0;
	if (!desk->is_deaf)
		lab__v1__desk__sum__listen(serving, &requests, desk);
	else
		desk->held[desk->n_held++] = serving;
}

static void on_twice(struct helio_serving *serving,
		     const Lab__V1__Number *number, void *userdata)
{
	Lab__V1__Number reply = *number;
	struct desk *desk = userdata;

	desk->n_messages++;
	reply.value *= 2;
	assert_int_equal(lab__v1__desk__twice__send_reply(serving, &reply), 0);
}

static void on_twice_all(struct helio_serving *serving, void *userdata)
{
	(void)userdata;
	assert_int_equal(lab__v1__desk__twice__finish(serving), 0);
}

static void twice(struct helio_serving *serving, const Lab__V1__Number *null,
		  void *userdata)
{
	static const struct lab__v1__desk__twice__requests requests = {
		.on_message = on_twice,
		.on_finish = on_twice_all,
		.on_cancelled = on_cancelled,
	};

	assert_null(null);
	note_call(userdata, serving);
	lab__v1__desk__twice__listen(serving, &requests, userdata);
}

static void on_drained(struct helio_server *server, void *userdata)
{
	struct desk *desk = userdata;

	desk->n_drained++;
	helio_server_free(server);
	desk->server = NULL;
}

static const struct lab__v1__desk__server methods = {
	.add = add,
	.hold = hold,
	.count = count,
	.sum = sum,
	.twice = twice,
};

static void note_ready(struct helio_server *server, unsigned status,
		       const char *reason, void *userdata)
{
	(void)server;
	(void)userdata;
	if (status)
		print_error("serving: %u %s\n", status, reason);
}

void desk_open(struct desk *desk, struct helio *bus, uint32_t credit_calls)
{
	const struct helio_server_options options = {
		.credit_calls = credit_calls,
		.program = "desk",
		.version = "1.2",
		.on_ready = note_ready,
		.on_drained = on_drained,
		.userdata = desk,
	};

	*desk = (struct desk){ 0 };
	assert_int_equal(lab__v1__desk__server__new(bus, &methods, &options,
						    &desk->server),
			 0);
	assert_int_equal(helio_server_wait(desk->server, WAIT_MS), 0);
}

void desk_close(struct desk *desk)
{
	helio_server_free(desk->server);
	desk->server = NULL;
	if (desk->counting)
		(void)helio_serving_fail(desk->counting, HELIO_ABORTED, "");
	desk->counting = NULL;
	for (unsigned i = 0; i < desk->n_held; i++)
		if (desk->held[i])
			(void)helio_serving_fail(desk->held[i], HELIO_ABORTED,
						 "");
}
