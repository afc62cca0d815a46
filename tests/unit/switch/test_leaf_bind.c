/* SPDX-License-Identifier: MIT */

/* Schemas of a leaf's programs: what it knows itself, and what the host does.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "switch/peer.h"
#include "switch/upbind.h"
#include "tests/unit/switch/fake_leaf.h"
#include "tests/unit/switch/fake_schema.h"

enum { OLD = 1, NEW = 2 };

#define BAR "foo.v1.Bar"

static int set_up(void **state)
{
	fake_leaf_set_up(state);
	oracle_init(&host);
	return 0;
}

/* What the leaf has bound at the host. */
static size_t n_bound(void)
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &host.bus.peers)
		n += container_of(link, struct peer, link)->bound.n_nodes;
	return n;
}

static void call_and_answer(struct fake_peer *caller, struct fake_peer *callee,
			    uint64_t id, uint32_t handle)
{
	fake_call_by(caller, id, 0, handle, "Get");
	fake_expect(callee, FRAME_CALL, &got);
	assert_string_equal(got.subject, BAR ".Get");
	assert_int_equal(got.n_body, strlen("question"));
	assert_string_equal((char *)got.body, "question");
	fake_answer(callee, got.frame.correlation);
	fake_expect(caller, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, id);
	assert_string_equal((char *)got.body, "answer");
}

static void the_host_admits_what_a_leaf_serves(void **state)
{
	fake_serve_schema(&a, 1, BAR, "Get", OLD);
	fake_expect_silence(&a);
	oracle_answer(0, OLD, ANSWER_NOT_FOUND, "unknown");
	fake_expect_served(&a, 1, STATUS_NOT_FOUND);
	fake_serve_known(&a, 1, BAR, "Get", OLD);
	fake_bind(&h, 7, BAR, OLD, STATUS_OK);
	call_and_answer(&h, &a, 1, 7);
}

static void calls_go_up_by_one_binding(void **state)
{
	fake_serve_known(&h, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, OLD, STATUS_OK);
	fake_bind(&b, 4, BAR, OLD, STATUS_OK);
	fake_bind(&b, 5, BAR, OLD, STATUS_OK);
	assert_int_equal(n_bound(), 0);
	call_and_answer(&a, &h, 1, 3);
	call_and_answer(&b, &h, 2, 4);
	call_and_answer(&b, &h, 3, 5);
	assert_int_equal(n_bound(), 1);
}

static void the_host_judges(void **state)
{
	fake_serve_known(&h, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 3, "Get");
	oracle_answer(NEW, OLD, ANSWER_BAD, "FIELD_SAME_TYPE");
	fake_expect_refusal(&a, 1, STATUS_FAILED_PRECONDITION,
			    "FIELD_SAME_TYPE");
}

/* The leaf's own server has another schema: the host knows whether it fits. */
static void an_unequal_server_here_is_reached_by_the_host(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 3, "Get");
	oracle_answer(NEW, OLD, ANSWER_GOOD, NULL);
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal(got.subject, BAR ".Get");
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

static void equal_ones_go_on_without_the_host(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, OLD, STATUS_OK);
	fake_bind(&a, 4, BAR, NEW, STATUS_OK);
	call_and_answer(&a, &b, 1, 3);
	assert_int_equal(n_bound(), 0);
	fake_leaf_lose();
	call_and_answer(&a, &b, 2, 3);
	fake_call_by(&a, 3, 0, 4, "Get");
	fake_expect_refusal(&a, 3, STATUS_UNAVAILABLE, "uplink is away");
}

static void what_waits_goes_up_when_the_host_is_back(void **state)
{
	fake_serve_known(&h, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, OLD, STATUS_OK);
	call_and_answer(&a, &h, 1, 3);
	fake_leaf_lose();
	assert_int_equal(n_bound(), 0);
	fake_call_by(&a, 2, FRAME_WAIT, 3, "Get");
	fake_leaf_connect();
	fake_expect(&h, FRAME_CALL, &got);
	assert_string_equal(got.subject, BAR ".Get");
	assert_int_equal(got.n_body, strlen("question"));
	assert_string_equal((char *)got.body, "question");
	fake_answer(&h, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(n_bound(), 1);
	call_and_answer(&a, &h, 3, 3);
}

static void what_nobody_has_bound_is_unbound(void **state)
{
	struct frame unbind = { .kind = FRAME_UNBIND };

	fake_serve_known(&h, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, OLD, STATUS_OK);
	call_and_answer(&a, &h, 1, 3);
	assert_int_equal(n_bound(), 1);
	fake_send(&a, &unbind, "", "\3\0\0\0", 4);
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
	assert_int_equal(n_bound(), 0);
}

/* A quota of the leaf at its host: once there is room it works. */
static void what_the_host_refused_is_asked_for_again(void **state)
{
	fake_serve_known(&h, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, OLD, STATUS_OK);
	host.bus.limits.subscriptions_max = 0;
	fake_call_by(&a, 1, 0, 3, "Get");
	fake_expect_refusal(&a, 1, STATUS_RESOURCE_EXHAUSTED,
			    "the host binds no more: ");
	fake_expect_silence(&a);
	host.bus.limits.subscriptions_max = 100;
	call_and_answer(&a, &h, 2, 3);
}

static void serve_and_bind(unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "s%u.v1.Bar", i);
	fake_serve_known(&h, 100 + i, name, "Get", OLD);
	fake_bind(&a, 100 + i, name, OLD, STATUS_OK);
}

static void call_nth(struct fake_peer *caller, unsigned i)
{
	fake_call_by(caller, 1, 0, 100 + i, "Get");
	fake_expect(&h, FRAME_CALL, &got);
	fake_answer(&h, got.frame.correlation);
	fake_expect(caller, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

/* One program calls by very many, and another by one. */
static void nobody_takes_all_bindings(void **state)
{
	fake_serve_known(&h, 1, BAR, "Get", OLD);
	fake_bind(&b, 3, BAR, OLD, STATUS_OK);
	call_and_answer(&b, &h, 1, 3);
	for (unsigned i = 0; i < UPBINDS_MAX + 20; i++) {
		serve_and_bind(i);
		call_nth(&a, i);
	}
	assert_int_equal(n_bound(), UPBINDS_MAX);
	call_and_answer(&b, &h, 2, 3);
	assert_int_equal(n_bound(), UPBINDS_MAX);
	/* Those called by last are still there, and the first is bound anew. */
	call_nth(&a, UPBINDS_MAX + 19);
	call_nth(&a, 0);
	assert_int_equal(n_bound(), UPBINDS_MAX);
}

/* Where the host takes fewer, as many are bound as it takes. */
static void a_host_may_take_fewer_bindings(void **state)
{
	for (unsigned i = 0; i < 12; i++)
		serve_and_bind(i);
	host.bus.limits.subscriptions_max = 10;
	for (unsigned i = 0; i < 10; i++)
		call_nth(&a, i);
	fake_call_by(&a, 1, 0, 110, "Get");
	fake_expect_refusal(&a, 1, STATUS_RESOURCE_EXHAUSTED, "binds no more");
	for (unsigned i = 0; i < 24; i++)
		call_nth(&a, i % 12);
	assert_int_equal(n_bound(), 10);
}

static void a_missing_method_is_the_hosts_to_tell(void **state)
{
	fake_serve_known(&b, 1, BAR, "Get", OLD);
	fake_bind(&a, 3, BAR, NEW, STATUS_OK);
	fake_call_by(&a, 1, 0, 3, "Frob");
	fake_expect_refusal(&a, 1, STATUS_UNIMPLEMENTED, "02020202 has it");
	fake_serve_known(&h, 1, BAR, "Get Frob", NEW);
	fake_call_by(&a, 2, 0, 3, "Frob");
	fake_expect(&h, FRAME_CALL, &got);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, fake_leaf_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_host_admits_what_a_leaf_serves),
		TEST(calls_go_up_by_one_binding),
		TEST(the_host_judges),
		TEST(an_unequal_server_here_is_reached_by_the_host),
		TEST(equal_ones_go_on_without_the_host),
		TEST(what_waits_goes_up_when_the_host_is_back),
		TEST(what_nobody_has_bound_is_unbound),
		TEST(what_the_host_refused_is_asked_for_again),
		TEST(nobody_takes_all_bindings),
		TEST(a_host_may_take_fewer_bindings),
		TEST(a_missing_method_is_the_hosts_to_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
