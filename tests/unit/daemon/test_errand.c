/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/errand.h"
#include "helio/switch/v1/switch.pb-c.h"
#include "tests/fault.h"
#include "tests/unit/daemon/fake_policy.h"
#include "tests/unit/vm/fake_serving.h"

/*
 * A service whose requests are those of Check, for it needs some: `resource` is
 * what they are about.
 */
struct service {
	struct access access;
	struct errands errands;
	unsigned n_acted;
	unsigned n_freed;
	struct errand *held;
	const char *also; /* another right that act or answer asks for */
};

static struct service service;

static int set_up(void **state)
{
	fake_policy_reset();
	fake_serving_reset();
	service = (struct service){ .n_acted = 0 };
	errands_init(&service.errands, &service.access, &service);
	return access_init(&service.access, fake_policy_bus());
}

static int tear_down(void **state)
{
	errands_end(&service.errands, "the service ends");
	assert_int_equal(service.errands.n, 0);
	access_deinit(&service.access);
	assert_int_equal(fake_policy.n_under_way, 0);
	return 0;
}

static const char *resource_of(const ProtobufCMessage *request)
{
	return ((const Helio__Switch__V1__CheckRequest *)(const void *)request)
		->resource;
}

static const char *fault_of(const struct errand_type *type,
			    const ProtobufCMessage *request)
{
	const char *resource = type->resource_of(request);

	return resource && *resource == '!' ? "it begins with !" : NULL;
}

static int answer(struct errand *errand)
{
	Helio__Switch__V1__PingReply reply =
		HELIO__SWITCH__V1__PING_REPLY__INIT;

	return helio_serving_reply(errand->serving, &reply.base);
}

static void act(struct errand *errand)
{
	struct service *self = errand->errands->userdata;

	self->n_acted++;
	errand_answer(errand, answer);
}

static void hold(struct errand *errand)
{
	service.n_acted++;
	service.held = errand;
}

static const struct errand_type doing = {
	.verb = "kv-write",
	.resource_of = resource_of,
	.fault_of = fault_of,
	.act = act,
};

static const struct errand_type holding = {
	.verb = "kv-write",
	.resource_of = resource_of,
	.act = hold,
};

static const struct errand_type free_for_all = { .act = act };

static const struct errand_type free_holding = { .act = hold };

static struct helio_serving *call(const struct errand_type *type,
				  const char *principal, const char *resource)
{
	struct helio_serving *serving = fake_serving_new(principal, 0);
	Helio__Switch__V1__CheckRequest request =
		HELIO__SWITCH__V1__CHECK_REQUEST__INIT;

	request.resource = (char *)(uintptr_t)resource;
	errand_start(&service.errands, type, serving, &request.base);
	return serving;
}

static void expect_end(struct helio_serving *serving, unsigned status,
		       const char *reason)
{
	assert_true(serving->is_over);
	assert_int_equal(serving->status, status);
	assert_string_equal(serving->reason, reason);
	fake_serving_free(serving);
}

static void test_allowed_then_done(void **state)
{
	struct helio_serving *serving = call(&doing, "vm:a", "x");

	assert_string_equal(fake_policy_next()->principal, "vm:a");
	assert_string_equal(fake_policy_next()->verb, "kv-write");
	assert_string_equal(fake_policy_next()->resource, "x");
	assert_int_equal(service.n_acted, 0);
	fake_policy_answer(NULL);
	assert_int_equal(service.n_acted, 1);
	expect_end(serving, HELIO_OK, "");
	/* It is known now. */
	expect_end(call(&doing, "vm:a", "x"), HELIO_OK, "");
	assert_int_equal(fake_policy.n_asked, 1);
	assert_int_equal(service.errands.n, 0);
}

static void test_denied(void **state)
{
	struct helio_serving *serving = call(&doing, "vm:a", "x");

	fake_policy_answer("denied by 1.policy:1");
	expect_end(serving, HELIO_PERMISSION_DENIED,
		   "vm:a may not kv-write x: denied by 1.policy:1");
	assert_int_equal(service.n_acted, 0);
}

static void test_nobody_says(void **state)
{
	struct helio_serving *serving = call(&doing, "vm:a", "x");

	fake_policy_fail(HELIO_UNAVAILABLE);
	expect_end(serving, HELIO_UNAVAILABLE, "the switch cannot be asked");
	fake_policy.r = -ENOTCONN;
	expect_end(call(&doing, "vm:a", "x"), HELIO_UNAVAILABLE,
		   "the switch cannot be asked");
}

static void test_no_right_is_needed(void **state)
{
	expect_end(call(&free_for_all, "vm:a", NULL), HELIO_OK, "");
	assert_int_equal(fake_policy.n_asked, 0);
}

static void test_what_is_wrong_is_not_asked(void **state)
{
	expect_end(call(&doing, "vm:a", "!x"), HELIO_INVALID_ARGUMENT,
		   "it begins with !");
	expect_end(call(&doing, "vm:a", NULL), HELIO_INVALID_ARGUMENT,
		   "it is not said what the request is about");
	assert_int_equal(fake_policy.n_asked, 0);
}

static void test_bounded(void **state)
{
	struct helio_serving *servings[4];

	service.errands.n_max = 4;
	service.errands.n_of_one_max = 3;
	for (size_t i = 0; i < 3; i++)
		servings[i] = call(&free_holding, "vm:a", NULL);
	expect_end(call(&free_holding, "vm:a", NULL), HELIO_RESOURCE_EXHAUSTED,
		   "3 calls of this principal wait already");
	servings[3] = call(&free_holding, "vm:b", NULL);
	expect_end(call(&free_holding, "vm:c", NULL), HELIO_RESOURCE_EXHAUSTED,
		   "4 calls wait already");
	errand_answer(service.held, answer);
	expect_end(servings[3], HELIO_OK, "");
	expect_end(call(&free_for_all, "vm:c", NULL), HELIO_OK, "");
	errands_end(&service.errands, "it ends");
	for (size_t i = 0; i < 3; i++)
		expect_end(servings[i], HELIO_UNAVAILABLE, "it ends");
}

static void test_no_room_for_the_answer(void **state)
{
	struct helio_serving *serving = call(&free_holding, "vm:a", NULL);

	serving->has_no_room = true;
	errand_answer(service.held, answer);
	errands_turn(&service.errands);
	assert_false(serving->is_over);
	serving->has_no_room = false;
	errands_turn(&service.errands);
	expect_end(serving, HELIO_OK, "");
	assert_int_equal(service.errands.n_answered, 0);
}

static int answer_badly(struct errand *errand)
{
	return -ENOMEM;
}

static void test_an_answer_that_cannot_be(void **state)
{
	struct helio_serving *serving = call(&free_holding, "vm:a", NULL);

	errand_answer(service.held, answer_badly);
	expect_end(serving, HELIO_RESOURCE_EXHAUSTED,
		   "no memory for the answer");
}

static void test_settled(void **state)
{
	struct helio_serving *serving = call(&free_holding, "vm:a", NULL);

	errand_settle(service.held, HELIO_OK, "", answer);
	expect_end(serving, HELIO_OK, "");
	serving = call(&free_holding, "vm:a", NULL);
	errand_settle(service.held, HELIO_ABORTED, "100% broken", answer);
	expect_end(serving, HELIO_ABORTED, "100% broken");
}

static void count_freed(void *state)
{
	assert_ptr_equal(state, &service);
	service.n_freed++;
}

/* What was begun ends, and what it holds is freed then. */
static void test_cancelled_while_it_is_done(void **state)
{
	struct helio_serving *serving = call(&holding, "vm:a", "x");

	fake_policy_answer(NULL);
	service.held->state = &service;
	service.held->free_state = count_freed;
	fake_serving_cancel(serving);
	assert_int_equal(service.errands.n, 1);
	assert_int_equal(service.n_freed, 0);
	errand_fail(service.held, HELIO_ABORTED, "%s", "nobody hears it");
	assert_int_equal(service.n_freed, 1);
	expect_end(serving, HELIO_CANCELLED, "");
}

static void test_cancelled_before_and_after(void **state)
{
	struct helio_serving *serving = call(&doing, "vm:a", "x");

	fake_serving_cancel(serving);
	fake_serving_free(serving);
	fake_policy_answer(NULL);
	assert_int_equal(service.n_acted, 1);
	assert_int_equal(service.errands.n, 0);
	serving = call(&free_holding, "vm:a", NULL);
	serving->has_no_room = true;
	errand_answer(service.held, answer);
	serving->has_no_room = false;
	fake_serving_cancel(serving);
	fake_serving_free(serving);
	assert_int_equal(service.errands.n, 0);
}

/* Two things, of which the second is asked about in answer. */
static int answer_both(struct errand *errand)
{
	int r = errand_ask(errand, "kv-read", "first");

	if (r >= 0)
		r = errand_ask(errand, "kv-read", "second");
	if (r == -EINPROGRESS)
		return -EAGAIN;
	return helio_serving_fail(errand->serving, HELIO_ABORTED,
				  r == 1 ? "both" : "not both");
}

static void test_asked_while_it_is_answered(void **state)
{
	struct helio_serving *serving = call(&free_holding, "vm:a", NULL);

	errand_answer(service.held, answer_both);
	errands_turn(&service.errands);
	assert_int_equal(fake_policy.n_asked, 1);
	fake_policy_answer(NULL);
	assert_string_equal(fake_policy_next()->resource, "second");
	fake_policy_answer(NULL);
	expect_end(serving, HELIO_ABORTED, "both");
	assert_int_equal(fake_policy.n_asked, 2);
}

static void act_with_another(struct errand *errand)
{
	service.n_acted++;
	if (errand_may(errand, "kv-write", "other"))
		errand_answer(errand, answer);
}

static const struct errand_type doing_more = {
	.verb = "kv-read",
	.resource_of = resource_of,
	.act = act_with_another,
};

static void test_another_right(void **state)
{
	struct helio_serving *serving = call(&doing_more, "vm:a", "x");

	fake_policy_answer(NULL);
	assert_int_equal(service.n_acted, 1);
	fake_policy_answer(NULL);
	assert_int_equal(service.n_acted, 2);
	expect_end(serving, HELIO_OK, "");
	serving = call(&doing_more, "vm:b", "x");
	fake_policy_answer(NULL);
	fake_policy_answer("denied");
	assert_int_equal(service.n_acted, 4);
	expect_end(serving, HELIO_PERMISSION_DENIED,
		   "vm:b may not kv-write other: denied");
}

static void test_handed_over(void **state)
{
	struct helio_serving *serving = call(&free_holding, "vm:a", NULL);

	assert_ptr_equal(errand_hand_over(service.held), serving);
	assert_null(service.held->serving);
	errand_drop(service.held);
	assert_int_equal(service.errands.n, 0);
	helio_serving_fail(serving, HELIO_ABORTED, "mine");
	expect_end(serving, HELIO_ABORTED, "mine");
}

/* One is asked about, one comes, one was begun. */
static void test_closed(void **state)
{
	struct helio_serving *begun = call(&free_holding, "vm:a", NULL);
	struct helio_serving *asked = call(&doing, "vm:a", "x");
	struct helio_serving *later;

	errands_close(&service.errands, "it ends soon");
	fake_policy_answer(NULL);
	expect_end(asked, HELIO_UNAVAILABLE, "it ends soon");
	later = call(&free_for_all, "vm:a", NULL);
	expect_end(later, HELIO_UNAVAILABLE, "it ends soon");
	assert_int_equal(service.n_acted, 1);
	errand_answer(service.held, answer);
	expect_end(begun, HELIO_OK, "");
}

/* The end comes while the switch is asked. */
static void test_ended(void **state)
{
	struct helio_serving *serving = call(&doing, "vm:a", "x");

	errands_end(&service.errands, "it ends");
	expect_end(serving, HELIO_UNAVAILABLE, "it ends");
	fake_policy_answer(NULL);
	assert_int_equal(service.n_acted, 0);
}

static void test_no_memory(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_serving *serving = fake_serving_new("vm:a", 0);
		Helio__Switch__V1__CheckRequest request =
			HELIO__SWITCH__V1__CHECK_REQUEST__INIT;

		request.resource = (char[]){ "x" };
		fault_arm(n);
		errand_start(&service.errands, &doing, serving, &request.base);
		fault_disarm();
		if (!fault_hit())
			fake_policy_answer(NULL);
		assert_true(serving->is_over);
		assert_int_equal(serving->status == HELIO_OK, !fault_hit());
		assert_int_equal(service.errands.n, 0);
		fake_serving_free(serving);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_allowed_then_done),
		TEST(test_denied),
		TEST(test_nobody_says),
		TEST(test_no_right_is_needed),
		TEST(test_what_is_wrong_is_not_asked),
		TEST(test_bounded),
		TEST(test_no_room_for_the_answer),
		TEST(test_an_answer_that_cannot_be),
		TEST(test_settled),
		TEST(test_cancelled_while_it_is_done),
		TEST(test_cancelled_before_and_after),
		TEST(test_asked_while_it_is_answered),
		TEST(test_another_right),
		TEST(test_handed_over),
		TEST(test_closed),
		TEST(test_ended),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("errand", tests, NULL, NULL);
}
