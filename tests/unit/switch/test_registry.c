/* SPDX-License-Identifier: MIT */

/* The switch asks a registry over the bus, by a client of its own. */

#include <stdio.h>
#include <string.h>

#include "helio/registry/v1/registry.pb-c.h"
#include "rpc/inside.h"
#include "switch/registry.h"
#include "tests/unit/switch/fake_schema.h"
#include "tests/unit/switch/stage.h"
#include "transports/channel.h"
#include "transports/pair.h"

enum { OLD = 1, NEW = 2 };

#define BAR "foo.v1.Bar"

static struct helio *client;

/* b serves foo.v1.Bar, c is the registry. */
static int set_up(void **state)
{
	struct helio_options options = { .program = "heliod" };
	struct channel *ours;
	struct channel *theirs;

	stage_set_up_three(state);
	assert_int_equal(pair_new(64 * 1024, &ours, &theirs), 0);
	theirs->evidence.kind = EVIDENCE_INSIDE;
	assert_int_equal(bus_add_channel(&world.bus, theirs), 0);
	ledger_watch(&world.ledger, &world.bus);
	assert_int_equal(client_new_on(ours, &options, &client), 0);
	registry_ask_by(&world.bus, client);
	stage_set_policy("deny helio:* call >\nallow ** any >\n");
	return 0;
}

static int tear_down(void **state)
{
	helio_close(client);
	return stage_tear_down_three(state);
}

static void settle(void)
{
	for (unsigned i = 0; i < 8; i++) {
		(void)helio_dispatch(client);
		world_settle(&world);
	}
}

static void serve_registry(void)
{
	fake_serve_schema(&c, 1, "helio.registry.v1.Registry", "Admit Judge",
			  0);
	fake_expect_served(&c, 1, STATUS_OK);
	settle();
}

static void reply(enum status status, const void *body, size_t n)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_WHOLE | (status ? FRAME_EXTENDED : 0),
		.correlation = got.frame.correlation,
		.status = (uint16_t)status,
	};

	fake_send(&c, &frame, "", body, n);
	settle();
}

static void expect_admit(uint8_t schema)
{
	Helio__Registry__V1__AdmitRequest *request;

	settle();
	fake_expect(&c, FRAME_CALL, &got);
	assert_string_equal(got.subject, "helio.registry.v1.Registry.Admit");
	assert_string_equal(c.known[got.frame.source], "helio:switch");
	request = helio__registry__v1__admit_request__unpack(NULL, got.n_body,
							     got.body);
	assert_non_null(request);
	assert_string_equal(request->service, BAR);
	assert_int_equal(request->hash.len, SCHEMA_HASH_BYTES);
	assert_int_equal(request->hash.data[31], schema);
	helio__registry__v1__admit_request__free_unpacked(request, NULL);
}

static void expect_judge(uint8_t client_schema, uint8_t server_schema)
{
	Helio__Registry__V1__JudgeRequest *request;

	settle();
	fake_expect(&c, FRAME_CALL, &got);
	assert_string_equal(got.subject, "helio.registry.v1.Registry.Judge");
	request = helio__registry__v1__judge_request__unpack(NULL, got.n_body,
							     got.body);
	assert_non_null(request);
	assert_string_equal(request->service, BAR);
	assert_int_equal(request->client.data[0], client_schema);
	assert_int_equal(request->server.data[0], server_schema);
	helio__registry__v1__judge_request__free_unpacked(request, NULL);
}

static void say(bool is_compatible, const char *text)
{
	Helio__Registry__V1__Judgement said =
		HELIO__REGISTRY__V1__JUDGEMENT__INIT;
	char copy[100];
	uint8_t body[200];

	snprintf(copy, sizeof(copy), "%s", text);
	said.has_compatible = 1;
	said.compatible = is_compatible;
	said.text = copy;
	reply(STATUS_OK, body,
	      helio__registry__v1__judgement__pack(&said, body));
}

static void serve_bar(void)
{
	serve_registry();
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	expect_admit(OLD);
	reply(STATUS_OK, "", 0);
	fake_expect_served(&b, 1, STATUS_OK);
}

static void it_is_asked_who_may_serve(void **state)
{
	serve_bar();
	fake_serve_schema(&b, 2, BAR, "Get", NEW);
	expect_admit(NEW);
	reply(STATUS_NOT_FOUND, "never heard of it", 17);
	fake_expect_served(&b, 2, STATUS_NOT_FOUND);
	fake_serve_schema(&b, 2, BAR, "Get", NEW);
	expect_admit(NEW);
	reply(STATUS_FAILED_PRECONDITION, "it breaks", 9);
	fake_expect_served(&b, 2, STATUS_FAILED_PRECONDITION);
	fake_serve_schema(&b, 2, BAR, "Get", NEW);
	expect_admit(NEW);
	reply(STATUS_INTERNAL, "a disk", 6);
	fake_expect_served(&b, 2, STATUS_UNAVAILABLE);
}

static void it_is_asked_who_may_call(void **state)
{
	serve_bar();
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	expect_judge(NEW, OLD);
	say(true, "");
	fake_expect(&b, FRAME_CALL, &got);
	fake_bind(&a, 2, BAR, 3, STATUS_OK);
	fake_call_by(&a, 2, 0, 2, "Get");
	expect_judge(3, OLD);
	say(false, "FIELD_SAME_TYPE");
	fake_expect_refusal(&a, 2, STATUS_FAILED_PRECONDITION,
			    "FIELD_SAME_TYPE");
}

static void what_is_no_judgement_says_nothing(void **state)
{
	serve_bar();
	fake_bind(&a, 1, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 1, "Get");
	expect_judge(NEW, OLD);
	reply(STATUS_OK, "\xff\xff", 2);
	fake_expect_refusal(&a, 1, STATUS_UNAVAILABLE, "no judgement");
}

static void that_nobody_serves_it_is_told(void **state)
{
	settle();
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	settle();
	fake_expect(&b, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr((char *)got.body,
			       "helio-registry, which would judge it, is away: "
			       "nobody serves helio.registry.v1.Registry"));
	/* Once somebody does, nobody has to wait. */
	serve_bar();
}

static void one_that_does_not_answer_is_away(void **state)
{
	serve_registry();
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	expect_admit(OLD);
	world.now_ns += UINT64_C(10100) * 1000 * 1000;
	settle();
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
}

/* Others have taken all the calls that it takes. */
static void one_that_is_busy_is_not_away(void **state)
{
	serve_registry();
	for (unsigned i = 1; i <= 100; i++)
		fake_call(&a, i, 0, "helio.registry.v1.Registry.Admit");
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	settle();
	fake_expect_silence(&b);
	for (unsigned i = 1; i <= 100; i++)
		fake_expect(&c, FRAME_CALL, &got);
	fake_expect_silence(&c);
	fake_credit(&c, 1, 1, 1000);
	expect_admit(OLD);
	reply(STATUS_OK, "", 0);
	fake_expect_served(&b, 1, STATUS_OK);
}

/* What it says of one schema is nothing to others. */
static void one_that_fails_is_not_away(void **state)
{
	serve_registry();
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	expect_admit(OLD);
	reply(STATUS_RESOURCE_EXHAUSTED, "no memory", 9);
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
	fake_serve_schema(&b, 1, BAR, "Get", NEW);
	expect_admit(NEW);
	reply(STATUS_DATA_LOSS, "damaged", 7);
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
	fake_serve_schema(&b, 1, BAR, "Get", NEW);
	expect_admit(NEW);
	reply(STATUS_OK, "", 0);
	fake_expect_served(&b, 1, STATUS_OK);
}

static void one_that_dies_is_away(void **state)
{
	struct fake_peer d;

	fake_join(&world, "d", &d);
	fake_serve_schema(&d, 1, "helio.registry.v1.Registry", "Admit", 0);
	fake_expect_served(&d, 1, STATUS_OK);
	settle();
	fake_serve_schema(&b, 1, BAR, "Get", OLD);
	settle();
	fake_expect(&d, FRAME_CALL, &got);
	fake_leave(&d);
	settle();
	fake_expect_served(&b, 1, STATUS_UNAVAILABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_asked_who_may_serve),
		TEST(it_is_asked_who_may_call),
		TEST(what_is_no_judgement_says_nothing),
		TEST(that_nobody_serves_it_is_told),
		TEST(one_that_does_not_answer_is_away),
		TEST(one_that_is_busy_is_not_away),
		TEST(one_that_fails_is_not_away),
		TEST(one_that_dies_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
