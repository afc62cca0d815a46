/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/access.h"
#include "tests/fault.h"
#include "tests/unit/daemon/fake_policy.h"

/* Who waits, and what he was told. */
struct waiter {
	struct access_wait wait;
	unsigned n_told;
	int r;
};

static void on_verdict(struct access_wait *wait, int r)
{
	struct waiter *waiter = container_of(wait, struct waiter, wait);

	waiter->n_told++;
	waiter->r = r;
}

static void waiter_init(struct waiter *waiter)
{
	*waiter = (struct waiter){ .wait.on_verdict = on_verdict };
	list_init(&waiter->wait.link);
}

static struct access access_of_test;

static int set_up(void **state)
{
	fake_policy_reset();
	return access_init(&access_of_test, fake_policy_bus());
}

static int tear_down(void **state)
{
	access_deinit(&access_of_test);
	assert_int_equal(fake_policy.n_under_way, 0);
	return 0;
}

static int ask(const char *principal, const char *resource,
	       struct waiter *waiter)
{
	const struct access_question question = {
		.principal = principal,
		.verb = "kv-read",
		.resource = resource,
		.n_resource = strlen(resource),
	};

	return access_ask(&access_of_test, &question, &waiter->wait);
}

static int ask_terse(const char *subject, struct waiter *waiter)
{
	const struct access_question question = {
		.principal = "vm:a",
		.verb = "subscribe",
		.resource = subject,
		.n_resource = strlen(subject),
		.is_terse = true,
	};

	return access_ask(&access_of_test, &question, &waiter->wait);
}

static void test_asked_once_and_kept(void **state)
{
	struct waiter one, two;

	waiter_init(&one);
	waiter_init(&two);
	assert_int_equal(ask("vm:a", "x", &one), -EINPROGRESS);
	assert_int_equal(ask("vm:a", "x", &two), -EINPROGRESS);
	assert_int_equal(fake_policy.n_asked, 1);
	assert_string_equal(fake_policy_next()->principal, "vm:a");
	assert_string_equal(fake_policy_next()->verb, "kv-read");
	assert_string_equal(fake_policy_next()->resource, "x");
	fake_policy_answer(NULL);
	assert_int_equal(one.n_told, 1);
	assert_int_equal(one.r, 0);
	assert_int_equal(two.n_told, 1);
	assert_int_equal(ask("vm:a", "x", &one), 1);
	assert_int_equal(fake_policy.n_asked, 1);
}

/* Another principal, resource or verb is another question. */
static void test_questions_differ(void **state)
{
	struct waiter waiters[4];

	for (size_t i = 0; i < 4; i++)
		waiter_init(&waiters[i]);
	assert_int_equal(ask("vm:a", "x", &waiters[0]), -EINPROGRESS);
	assert_int_equal(ask("vm:b", "x", &waiters[1]), -EINPROGRESS);
	assert_int_equal(ask("vm:a", "xx", &waiters[2]), -EINPROGRESS);
	assert_int_equal(ask_terse("x", &waiters[3]), -EINPROGRESS);
	assert_int_equal(fake_policy.n_asked, 4);
	fake_policy_answer(NULL);
	fake_policy_answer("denied by 20-b.policy:1");
	assert_int_equal(ask("vm:a", "x", &waiters[0]), 1);
	assert_int_equal(ask("vm:b", "x", &waiters[1]), 0);
	assert_int_equal(waiters[2].n_told, 0);
	list_unlink(&waiters[2].wait.link);
	list_unlink(&waiters[3].wait.link);
}

static void test_why_not(void **state)
{
	struct waiter waiter;

	waiter_init(&waiter);
	ask("vm:a", "x", &waiter);
	fake_policy_answer("denied by 20-b.policy:1");
	assert_int_equal(ask("vm:a", "x", &waiter), 0);
	assert_string_equal(access_of_test.refusal,
			    "vm:a may not kv-read x: denied by "
			    "20-b.policy:1");
	assert_int_equal(access_status(0), HELIO_PERMISSION_DENIED);
	assert_ptr_equal(access_reason(&access_of_test, 0),
			 access_of_test.refusal);
	ask_terse("s", &waiter);
	fake_policy_answer("denied by 20-b.policy:2");
	assert_int_equal(ask_terse("s", &waiter), 0);
	assert_string_equal(access_of_test.refusal,
			    "vm:a may not subscribe s: denied");
}

static void test_no_answer(void **state)
{
	static const uint8_t long_bytes[2000] = { 0x08, 0x01 };
	struct waiter waiter;

	waiter_init(&waiter);
	ask("vm:a", "x", &waiter);
	fake_policy_fail(HELIO_UNAVAILABLE);
	assert_int_equal(waiter.r, -ENOTCONN);
	assert_int_equal(ask("vm:a", "x", &waiter), -EINPROGRESS);
	fake_policy_answer_bytes("\xff\xff\xff", 3);
	assert_int_equal(waiter.r, -EBADMSG);
	assert_int_equal(ask("vm:a", "x", &waiter), -EINPROGRESS);
	fake_policy_answer_bytes(long_bytes, sizeof(long_bytes));
	assert_int_equal(waiter.r, -EBADMSG);
	assert_int_equal(waiter.n_told, 3);
	fake_policy.r = -EAGAIN;
	assert_int_equal(ask("vm:a", "x", &waiter), -EAGAIN);
	assert_false(list_is_linked(&waiter.wait.link));
	assert_int_equal(access_status(-EAGAIN), HELIO_UNAVAILABLE);
	assert_int_equal(access_of_test.verdicts.n_nodes, 0);
}

static void test_another_policy(void **state)
{
	struct waiter waiter;

	waiter_init(&waiter);
	ask("vm:a", "x", &waiter);
	fake_policy_answer(NULL);
	fake_policy.generation = 2;
	ask("vm:a", "y", &waiter);
	fake_policy_answer(NULL);
	assert_int_equal(ask("vm:a", "y", &waiter), 1);
	assert_int_equal(ask("vm:a", "x", &waiter), -EINPROGRESS);
	fake_policy_answer("denied");
	assert_int_equal(ask("vm:a", "x", &waiter), 0);
}

static void test_tick_notices(void **state)
{
	struct waiter waiter;

	waiter_init(&waiter);
	access_tick(&access_of_test);
	assert_int_equal(fake_policy.n_asked, 0);
	ask("vm:a", "x", &waiter);
	fake_policy_answer(NULL);
	access_tick(&access_of_test);
	access_tick(&access_of_test);
	assert_int_equal(fake_policy.n_asked, 2);
	assert_string_equal(fake_policy_next()->principal, "vm:program");
	fake_policy_answer("denied");
	assert_int_equal(ask("vm:a", "x", &waiter), 1);
	access_tick(&access_of_test);
	fake_policy.generation = 7;
	fake_policy_answer("denied");
	assert_int_equal(ask("vm:a", "x", &waiter), -EINPROGRESS);
	list_unlink(&waiter.wait.link);
	access_tick(&access_of_test);
}

static void test_forgotten(void **state)
{
	struct waiter waiter;
	uint64_t n_changes = access_of_test.n_changes;

	waiter_init(&waiter);
	ask("vm:a", "x", &waiter);
	fake_policy_answer(NULL);
	access_forget(&access_of_test);
	assert_true(access_of_test.n_changes > n_changes);
	assert_int_equal(ask("vm:a", "x", &waiter), -EINPROGRESS);
	list_unlink(&waiter.wait.link);
	fake_policy_answer(NULL);
	assert_int_equal(waiter.n_told, 1);
}

/* The text of a verb may stand in many places. */
static int ask_verb(const char *verb, struct waiter *waiter)
{
	const struct access_question question = {
		.principal = "vm:a",
		.verb = verb,
		.resource = "x",
		.n_resource = 1,
	};

	return access_ask(&access_of_test, &question, &waiter->wait);
}

static void test_forgotten_by_each_verb(void **state)
{
	static const char verbs[2][8] = { "kv-read", "kv-read" };
	struct waiter waiter;

	waiter_init(&waiter);
	ask_verb(verbs[0], &waiter);
	fake_policy_answer(NULL);
	assert_int_equal(ask_verb(verbs[1], &waiter), 1);
	access_forget(&access_of_test);
	assert_int_equal(ask_verb(verbs[1], &waiter), -EINPROGRESS);
	list_unlink(&waiter.wait.link);
}

static void test_too_long(void **state)
{
	struct waiter waiter;
	char name[ACCESS_RESOURCE_MAX_BYTES + 2];

	waiter_init(&waiter);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(ask("vm:a", name, &waiter), 0);
	assert_string_equal(access_of_test.refusal,
			    "vm:a may not kv-read it: the name is too long");
	assert_int_equal(fake_policy.n_asked, 0);
}

static void test_bounded(void **state)
{
	struct waiter waiter;
	char name[16];

	for (unsigned i = 0; i < ACCESS_VERDICTS_MAX; i++) {
		waiter_init(&waiter);
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(ask("vm:a", name, &waiter), -EINPROGRESS);
		list_unlink(&waiter.wait.link);
	}
	assert_int_equal(ask("vm:a", "more", &waiter), -EBUSY);
	fake_policy_answer(NULL);
	fake_policy_answer(NULL);
	assert_int_equal(ask("vm:a", "0", &waiter), 1);
	assert_int_equal(ask("vm:a", "more", &waiter), -EINPROGRESS);
	assert_int_equal(access_of_test.verdicts.n_nodes, ACCESS_VERDICTS_MAX);
	list_unlink(&waiter.wait.link);
	assert_int_equal(ask("vm:a", "1", &waiter), 1);
	assert_int_equal(ask("vm:a", "0", &waiter), -EINPROGRESS);
	list_unlink(&waiter.wait.link);
}

static void test_no_memory(void **state)
{
	struct waiter waiter;

	waiter_init(&waiter);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		int r;

		fault_arm(n);
		r = ask("vm:a", "x", &waiter);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : -EINPROGRESS);
		assert_int_equal(fake_policy.n_under_way, !fault_hit());
	}
	list_unlink(&waiter.wait.link);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_asked_once_and_kept),
		TEST(test_questions_differ),
		TEST(test_why_not),
		TEST(test_no_answer),
		TEST(test_another_policy),
		TEST(test_tick_notices),
		TEST(test_forgotten),
		TEST(test_forgotten_by_each_verb),
		TEST(test_too_long),
		TEST(test_bounded),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
