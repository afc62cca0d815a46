/* SPDX-License-Identifier: MIT */

/*
 * Calls of the store that wait: how many may, and what becomes of an answer
 * that nobody waits for any more. The linker's --wrap brings calls and answers.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helio/store/v1/store.pb-c.h"
#include "storage/backend/backend.h"
#include "storage/room.h"
#include "storage/service.h"
#include "storage/wish.h"

enum { COLLUDERS = 12 };

static struct {
	struct backend *backend;
	struct service service;
	const struct helio_serving_events *events; /* of the call */
	void *userdata;
	int r_answer; /* of each answer */
	unsigned n_failed;
	unsigned n_lost;
} desk;

const struct helio_message *__wrap_helio_serving_message(
	const struct helio_serving *serving);
void __wrap_helio_serving_listen(struct helio_serving *serving,
				 const struct helio_serving_events *events,
				 void *userdata);
int __wrap_helio_serving_reply(struct helio_serving *serving,
			       const ProtobufCMessage *reply);
int __wrap_helio_serving_reply_packed(struct helio_serving *serving,
				      const void *bytes, size_t n);
int __wrap_helio_serving_fail(struct helio_serving *serving, unsigned status,
			      const char *reason);

const struct helio_message *__wrap_helio_serving_message(
	const struct helio_serving *serving)
{
	static const struct helio_message message = {
		.source = "vm:web",
		.durable_id = "u1",
	};

	(void)serving;
	return &message;
}

void __wrap_helio_serving_listen(struct helio_serving *serving,
				 const struct helio_serving_events *events,
				 void *userdata)
{
	(void)serving;
	desk.events = events;
	desk.userdata = userdata;
}

int __wrap_helio_serving_reply(struct helio_serving *serving,
			       const ProtobufCMessage *reply)
{
	(void)serving;
	(void)reply;
	return desk.r_answer;
}

int __wrap_helio_serving_reply_packed(struct helio_serving *serving,
				      const void *bytes, size_t n)
{
	(void)serving;
	(void)bytes;
	(void)n;
	return desk.r_answer;
}

int __wrap_helio_serving_fail(struct helio_serving *serving, unsigned status,
			      const char *reason)
{
	(void)serving;
	(void)reason;
	desk.n_failed += status != HELIO_CANCELLED;
	return status == HELIO_CANCELLED ? 0 : desk.r_answer;
}

static int may(struct wish *wish)
{
	(void)wish;
	return 1;
}

static void give(struct wish *wish)
{
	Helio__Store__V1__LeaseReply reply =
		HELIO__STORE__V1__LEASE_REPLY__INIT;

	wish_answer(wish, &reply.base, 0);
}

static void refuse(struct wish *wish)
{
	wish_fail(wish, HELIO_NOT_FOUND, "so");
}

static void on_lost(struct wish *wish)
{
	(void)wish;
	desk.n_lost++;
}

static int set_up(void **state)
{
	static const struct service_options options;

	(void)state;
	memset(&desk, 0, sizeof(desk));
	assert_int_equal(backend_memory_new(&desk.backend), 0);
	assert_int_equal(
		service_open(&desk.service, desk.backend, "memory", &options),
		0);
	desk.service.is_open = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(desk.service.n_wishes, 0);
	service_deinit(&desk.service);
	backend_free(desk.backend);
	return 0;
}

static void start(const struct wish_type *type)
{
	static char serving;

	wish_start(&desk.service, type, (void *)&serving, NULL);
}

static void cancel(void)
{
	desk.events->on_cancelled(NULL, desk.userdata);
}

/* What was given is taken back, though its answer only waited for room. */
static void test_nobody_waits_for_the_answer(void **state)
{
	static const struct wish_type gives = {
		.may = may,
		.act = give,
		.on_lost = on_lost,
		.is_change = true,
	};
	static const struct wish_type refuses = {
		.may = may,
		.act = refuse,
		.on_lost = on_lost,
		.is_change = true,
	};

	(void)state;
	start(&gives);
	assert_int_equal(desk.n_lost, 0);
	desk.r_answer = -EAGAIN;
	start(&gives);
	assert_int_equal(desk.service.n_wishes, 1);
	wishes_turn(&desk.service);
	assert_int_equal(desk.n_lost, 0);
	cancel();
	assert_int_equal(desk.n_lost, 1);
	assert_int_equal(desk.service.n_wishes, 0);
	start(&refuses);
	assert_int_equal(desk.service.n_wishes, 1);
	cancel();
	assert_int_equal(desk.n_lost, 1);
}

/* However many flood the store, there is room for who comes then. */
static void test_nobody_takes_the_last_room(void **state)
{
	struct service *service = &desk.service;

	(void)state;
	for (unsigned i = 0; i < COLLUDERS; i++) {
		struct guest guest = { .n_refs = 1 };

		while (!room_for_call(service, &guest)) {
			guest.n_refs++;
			service->n_wishes++;
		}
		assert_true(guest.n_refs > 1);
	}
	assert_true(service->n_wishes < WISHES_MAX);
	service->n_wishes = 0;
	for (unsigned i = 0; i < COLLUDERS; i++) {
		struct guest guest = { .n_refs = 1 };

		while (!room_for_call(service, &guest)) {
			guest.n_bytes += 64;
			service->n_waiting_bytes += 64;
		}
		assert_true(guest.n_bytes > 0);
	}
	assert_true(service->n_waiting_bytes < SERVICE_WAITING_BYTES_MAX);
	service->n_waiting_bytes = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_waits_for_the_answer),
		TEST(test_nobody_takes_the_last_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
