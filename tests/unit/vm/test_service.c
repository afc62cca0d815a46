/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "helio/vm/v1/vm.helio.h"
#include "tests/unit/vm/fake_driver.h"
#include "tests/unit/vm/fake_serving.h"
#include "vm/service.h"

/* In the order of the .proto file. */
enum { LIST, GET, WATCH, START, STOP };

enum { N_MACHINES = 3, PER_PRINCIPAL = 2, ROOM = 32 };

static const char *const machines[N_MACHINES] = { "db", "mail", "web" };

struct fixture {
	struct fleet fleet;
	struct fake_driver driver;
	struct service service;
	unsigned n_ready;
	char path[64];
};

static void on_changed(void *userdata, const struct machine *machine,
		       const char *kind)
{
	struct fixture *fixture = userdata;

	service_changed(&fixture->service);
}

static void on_ready(void *userdata)
{
	struct fixture *fixture = userdata;

	fixture->n_ready++;
}

static void path_of(const struct fixture *fixture, const char *name,
		    char path[128])
{
	snprintf(path, 128, "%s/%s.vm", fixture->path, name);
}

static void load(struct fixture *fixture)
{
	char error[256] = "";

	if (fleet_load(&fixture->fleet, fixture->path, error, sizeof(error)))
		fail_msg("%s", error);
}

static int setup(void **state)
{
	static struct fixture fixture;
	char path[128];

	fixture = (struct fixture){ .path = "/tmp/helio-service-XXXXXX" };
	fake_serving_reset();
	assert_non_null(mkdtemp(fixture.path));
	for (int i = 0; i < N_MACHINES; i++) {
		FILE *file;

		path_of(&fixture, machines[i], path);
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs("memory 8M\ngrace-ms 777\n", file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	fleet_init(&fixture.fleet, PER_PRINCIPAL, on_changed, &fixture);
	fake_driver_init(&fixture.driver);
	assert_int_equal(
		fleet_add_driver(&fixture.fleet, &fixture.driver.driver), 0);
	load(&fixture);
	assert_int_equal(service_init(&fixture.service, NULL, &fixture.fleet,
				      on_ready, &fixture),
			 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	service_deinit(&fixture->service);
	assert_int_equal(fake_server.n_freed, 1);
	fleet_deinit(&fixture->fleet);
	for (int i = 0; i < N_MACHINES; i++) {
		path_of(fixture, machines[i], path);
		unlink(path);
	}
	return rmdir(fixture->path);
}

static struct helio_serving *list(uint32_t limit, char *cursor)
{
	Helio__Vm__V1__ListRequest request = HELIO__VM__V1__LIST_REQUEST__INIT;

	request.has_limit = 1;
	request.limit = limit;
	request.cursor = cursor;
	return fake_serving_call(LIST, "uid:0", &request.base, ROOM);
}

static struct helio_serving *get(char *name)
{
	Helio__Vm__V1__GetRequest request = HELIO__VM__V1__GET_REQUEST__INIT;

	request.name = name;
	return fake_serving_call(GET, "uid:0", &request.base, ROOM);
}

static struct helio_serving *start_by(const char *principal, char *name)
{
	Helio__Vm__V1__StartRequest request =
		HELIO__VM__V1__START_REQUEST__INIT;

	request.name = name;
	return fake_serving_call(START, principal, &request.base, ROOM);
}

static struct helio_serving *start(char *name)
{
	return start_by("uid:0", name);
}

static struct helio_serving *stop(char *name, int grace_ms)
{
	Helio__Vm__V1__StopRequest request = HELIO__VM__V1__STOP_REQUEST__INIT;

	request.name = name;
	request.has_grace_ms = grace_ms >= 0;
	request.grace_ms = (uint32_t)grace_ms;
	return fake_serving_call(STOP, "uid:0", &request.base, ROOM);
}

static struct helio_serving *watch(const char *principal, char *name,
				   unsigned room)
{
	Helio__Vm__V1__WatchRequest request =
		HELIO__VM__V1__WATCH_REQUEST__INIT;

	request.name = name;
	return fake_serving_call(WATCH, principal, &request.base, room);
}

static void tell(struct fixture *fixture, const char *name,
		 enum guest_event event, const char *reason)
{
	fake_guest_tell(&fixture->driver, name, event, reason);
	service_turn(&fixture->service);
}

static void assert_refused(struct helio_serving *serving, unsigned status,
			   const char *reason)
{
	assert_true(serving->is_over);
	assert_int_equal(serving->status, status);
	assert_string_equal(serving->reason, reason);
	fake_serving_free(serving);
}

static const Helio__Vm__V1__Machine *news(const struct helio_serving *serving,
					  unsigned i)
{
	const Helio__Vm__V1__WatchReply *reply = (void *)serving->sent[i];

	assert_true(i < serving->n_sent);
	return reply->machine;
}

static void assert_news(const struct helio_serving *serving, unsigned i,
			const char *name, Helio__Vm__V1__State state)
{
	const Helio__Vm__V1__Machine *machine = news(serving, i);

	assert_non_null(machine);
	assert_string_equal(machine->name, name);
	assert_int_equal(machine->state, state);
}

static void assert_synced(const struct helio_serving *serving, unsigned i)
{
	const Helio__Vm__V1__WatchReply *reply = (void *)serving->sent[i];

	assert_true(i < serving->n_sent);
	assert_true(reply->synced);
	assert_null(reply->machine);
}

static void end(struct helio_serving *serving)
{
	fake_serving_cancel(serving);
	fake_serving_free(serving);
}

static void a_list_comes_in_pages(void **state)
{
	struct helio_serving *first = list(2, NULL);
	const Helio__Vm__V1__ListReply *reply = (void *)first->answer;
	struct helio_serving *second;

	assert_int_equal(reply->n_machines, 2);
	assert_string_equal(reply->machines[0]->name, "db");
	assert_int_equal(reply->machines[0]->memory_bytes, 8 << 20);
	assert_string_equal(reply->machines[1]->name, "mail");
	assert_string_equal(reply->next, "mail");
	second = list(0, reply->next);
	reply = (void *)second->answer;
	assert_int_equal(reply->n_machines, 1);
	assert_string_equal(reply->machines[0]->name, "web");
	assert_null(reply->next);
	fake_serving_free(first);
	fake_serving_free(second);
}

static void names_that_are_none_are_refused(void **state)
{
	static char long_name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				  "aaaaaaaaaaaaaaaaaaaaaaaa";
	static char path[] = "../web", other[] = "other";

	assert_refused(get(NULL), HELIO_INVALID_ARGUMENT, "no name is given");
	assert_refused(get(path), HELIO_INVALID_ARGUMENT,
		       "no name of a machine");
	assert_refused(start(path), HELIO_INVALID_ARGUMENT,
		       "no name of a machine");
	assert_refused(stop(other, -1), HELIO_NOT_FOUND,
		       "no machine is called other");
	assert_refused(watch("uid:0", path, ROOM), HELIO_INVALID_ARGUMENT,
		       "no name of a machine");
	assert_refused(list(0, long_name), HELIO_INVALID_ARGUMENT,
		       "the cursor is of no list");
}

static char web[] = "web", db[] = "db", mail[] = "mail";

static void start_is_answered_when_it_runs(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *first = start(web);
	struct helio_serving *second = start(web);
	const Helio__Vm__V1__StartReply *reply;

	service_turn(&fixture->service);
	assert_false(first->is_over || second->is_over);
	tell(fixture, "web", GUEST_RUNNING, "");
	reply = (void *)first->answer;
	assert_int_equal(reply->machine->state,
			 HELIO__VM__V1__STATE__STATE_RUNNING);
	assert_string_equal(reply->machine->started_by, "uid:0");
	assert_true(reply->machine->incarnation != 0);
	assert_false(reply->was_running);
	reply = (void *)second->answer;
	assert_true(reply->was_running);
	fake_serving_free(first);
	fake_serving_free(second);
}

static void a_start_that_fails_says_why(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *serving = start(web);

	tell(fixture, "web", GUEST_FAILED, "no such disk");
	assert_refused(serving, HELIO_ABORTED, "web is failed: no such disk");
	fixture->driver.start_error = -2;
	assert_refused(start(web), HELIO_ABORTED,
		       "web is failed: the fake says no");
}

static void stop_is_answered_when_it_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *serving = start(web);
	const Helio__Vm__V1__StopReply *reply;

	tell(fixture, "web", GUEST_RUNNING, "");
	fake_serving_free(serving);
	serving = stop(web, -1);
	assert_int_equal(fake_guest(&fixture->driver, "web")->grace_ms, 777);
	service_turn(&fixture->service);
	assert_false(serving->is_over);
	assert_refused(start(web), HELIO_FAILED_PRECONDITION,
		       "web is stopping");
	tell(fixture, "web", GUEST_ENDED, "the guest has shut down");
	reply = (void *)serving->answer;
	assert_int_equal(reply->machine->state,
			 HELIO__VM__V1__STATE__STATE_STOPPED);
	assert_string_equal(reply->machine->reason, "the guest has shut down");
	assert_false(reply->was_stopped);
	fake_serving_free(serving);

	serving = stop(web, 0);
	reply = (void *)serving->answer;
	assert_true(reply->was_stopped);
	fake_serving_free(serving);
}

/* Between the end and the turn that tells of it, somebody starts it anew. */
static void a_stop_is_of_one_life(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *first = start(web);
	struct helio_serving *stopped, *second;

	tell(fixture, "web", GUEST_RUNNING, "");
	stopped = stop(web, 5);
	assert_int_equal(fake_guest(&fixture->driver, "web")->grace_ms, 5);
	fake_guest_tell(&fixture->driver, "web", GUEST_ENDED, "");
	second = start(web);
	service_turn(&fixture->service);
	assert_true(stopped->is_over);
	assert_int_equal(stopped->status, HELIO_OK);
	assert_false(second->is_over);
	tell(fixture, "web", GUEST_RUNNING, "");
	fake_serving_free(first);
	fake_serving_free(stopped);
	fake_serving_free(second);
}

static void who_gives_up_waiting_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *serving = start(web);

	end(serving);
	tell(fixture, "web", GUEST_RUNNING, "");
	assert_int_equal(fleet_lookup(&fixture->fleet, "web")->state,
			 MACHINE_RUNNING);
}

static void an_answer_without_room_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *serving = start(web);

	serving->has_no_room = true;
	tell(fixture, "web", GUEST_RUNNING, "");
	service_turn(&fixture->service);
	assert_false(serving->is_over);
	serving->has_no_room = false;
	service_turn(&fixture->service);
	assert_true(serving->is_over);
	assert_non_null(serving->answer);
	fake_serving_free(serving);
}

static void quotas_have_an_answer(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *first = start_by("vm:a", web);
	struct helio_serving *second = start_by("vm:a/uid:1", db);

	assert_refused(start_by("vm:a", mail), HELIO_RESOURCE_EXHAUSTED,
		       "vm:a has 2 machines, and may have 2");
	tell(fixture, "web", GUEST_RUNNING, "");
	tell(fixture, "db", GUEST_RUNNING, "");
	fake_serving_free(first);
	fake_serving_free(second);
}

static void waiting_calls_have_a_quota(void **state)
{
	struct helio_serving *waiting[SERVICE_CALLS_MAX];
	struct fixture *fixture = *state;
	struct helio_serving *other;

	for (int i = 0; i < SERVICE_CALLS_MAX; i++)
		waiting[i] = start_by("vm:a", web);
	assert_refused(start_by("vm:a/uid:1", web), HELIO_RESOURCE_EXHAUSTED,
		       "vm:a has 64 calls that wait, and may have 64");
	other = start_by("vm:b", web);
	assert_false(other->is_over);
	tell(fixture, "web", GUEST_RUNNING, "");
	for (int i = 0; i < SERVICE_CALLS_MAX; i++)
		fake_serving_free(waiting[i]);
	fake_serving_free(other);
}

static void a_watch_tells_all_and_then_changes(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *serving = watch("uid:0", NULL, ROOM);
	struct helio_serving *started;

	assert_int_equal(serving->n_sent, N_MACHINES + 1);
	assert_news(serving, 0, "web", HELIO__VM__V1__STATE__STATE_DEFINED);
	assert_synced(serving, 3);
	started = start(db);
	service_turn(&fixture->service);
	assert_news(serving, 4, "db", HELIO__VM__V1__STATE__STATE_STARTING);
	tell(fixture, "db", GUEST_RUNNING, "");
	assert_news(serving, 5, "db", HELIO__VM__V1__STATE__STATE_RUNNING);
	service_turn(&fixture->service);
	assert_int_equal(serving->n_sent, 6);
	fake_serving_free(started);
	end(serving);
}

static void a_watch_of_one_hears_of_no_other(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *serving = watch("uid:0", web, ROOM);
	struct helio_serving *started = start(db);

	assert_int_equal(serving->n_sent, 2);
	assert_news(serving, 0, "web", HELIO__VM__V1__STATE__STATE_DEFINED);
	assert_synced(serving, 1);
	tell(fixture, "db", GUEST_RUNNING, "");
	assert_int_equal(serving->n_sent, 2);
	fake_serving_free(started);
	end(serving);
}

/* It reads nothing while much happens, and then one message for each. */
static void who_is_slow_gets_the_newest_of_each(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *slow = watch("uid:0", NULL, N_MACHINES + 1);
	struct helio_serving *a = start(web), *b = start(db);
	uint64_t changes = news(slow, 0)->changes;

	tell(fixture, "web", GUEST_RUNNING, "");
	tell(fixture, "db", GUEST_RUNNING, "");
	for (int i = 0; i < 100; i++)
		tell(fixture, "web", GUEST_RESET, "");
	tell(fixture, "web", GUEST_ENDED, "");
	assert_int_equal(slow->n_sent, N_MACHINES + 1);
	fake_serving_grant(slow, 1);
	assert_news(slow, 4, "db", HELIO__VM__V1__STATE__STATE_RUNNING);
	fake_serving_grant(slow, ROOM);
	assert_int_equal(slow->n_sent, N_MACHINES + 3);
	assert_news(slow, 5, "web", HELIO__VM__V1__STATE__STATE_STOPPED);
	assert_int_equal(news(slow, 5)->changes - changes, 103);
	fake_serving_free(a);
	fake_serving_free(b);
	end(slow);
}

static void a_snapshot_may_come_in_pieces(void **state)
{
	struct helio_serving *slow = watch("uid:0", NULL, 1);

	assert_int_equal(slow->n_sent, 1);
	fake_serving_grant(slow, 2);
	assert_int_equal(slow->n_sent, 3);
	fake_serving_grant(slow, 9);
	assert_int_equal(slow->n_sent, 4);
	assert_synced(slow, 3);
	end(slow);
}

static void what_is_gone_is_told_and_then_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *before = watch("uid:0", web, ROOM);
	struct helio_serving *after, *listed;
	char path[128];

	path_of(fixture, "web", path);
	unlink(path);
	load(fixture);
	service_turn(&fixture->service);
	assert_news(before, 2, "web", HELIO__VM__V1__STATE__STATE_UNDEFINED);
	after = watch("uid:0", NULL, ROOM);
	assert_int_equal(after->n_sent, N_MACHINES);
	listed = list(0, NULL);
	assert_int_equal(((Helio__Vm__V1__ListReply *)(void *)listed->answer)
				 ->n_machines,
			 N_MACHINES - 1);
	assert_refused(start(web), HELIO_NOT_FOUND, "no machine is called web");
	fake_serving_free(listed);
	end(before);
	end(after);
}

static void watches_have_a_quota(void **state)
{
	struct helio_serving *watches[SERVICE_WATCHES_MAX];
	struct helio_serving *other;

	for (int i = 0; i < SERVICE_WATCHES_MAX; i++)
		watches[i] = watch("vm:a", NULL, ROOM);
	assert_refused(watch("vm:a", NULL, ROOM), HELIO_RESOURCE_EXHAUSTED,
		       "vm:a has 16 watches, and may have 16");
	other = watch("vm:b", NULL, ROOM);
	assert_int_equal(other->n_sent, N_MACHINES + 1);
	for (int i = 0; i < SERVICE_WATCHES_MAX; i++)
		end(watches[i]);
	end(other);
}

static void the_end_of_the_service_ends_all(void **state)
{
	struct fixture *fixture = *state;
	struct helio_serving *waiting = start(web);
	struct helio_serving *watching = watch("uid:0", NULL, ROOM);

	service_deinit(&fixture->service);
	assert_refused(waiting, HELIO_UNAVAILABLE, "");
	assert_refused(watching, HELIO_UNAVAILABLE, "");
	tell(fixture, "web", GUEST_RUNNING, "");
}

static void it_is_ready_once(void **state)
{
	struct fixture *fixture = *state;
	const struct helio_server_options *options = &fake_server.options;

	options->on_ready(NULL, HELIO_OK, "", options->userdata);
	options->on_ready(NULL, HELIO_OK, "", options->userdata);
	assert_int_equal(fixture->n_ready, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_list_comes_in_pages),
		TEST(names_that_are_none_are_refused),
		TEST(start_is_answered_when_it_runs),
		TEST(a_start_that_fails_says_why),
		TEST(stop_is_answered_when_it_is_gone),
		TEST(a_stop_is_of_one_life),
		TEST(who_gives_up_waiting_changes_nothing),
		TEST(an_answer_without_room_is_tried_again),
		TEST(quotas_have_an_answer),
		TEST(waiting_calls_have_a_quota),
		TEST(a_watch_tells_all_and_then_changes),
		TEST(a_watch_of_one_hears_of_no_other),
		TEST(who_is_slow_gets_the_newest_of_each),
		TEST(a_snapshot_may_come_in_pieces),
		TEST(what_is_gone_is_told_and_then_forgotten),
		TEST(watches_have_a_quota),
		TEST(the_end_of_the_service_ends_all),
		TEST(it_is_ready_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
