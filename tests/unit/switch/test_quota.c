/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "switch/quota.h"
#include "switch/quota_rules.h"
#include "tests/fault.h"
#include "tests/unit/switch/folder_of.h"

static struct quota_rules *parse(const char *text)
{
	struct quota_rules *rules = NULL;
	char error[256] = "";

	if (quota_rules_parse("q", text, strlen(text), error, sizeof(error),
			      &rules))
		fail_msg("%s", error);
	return rules;
}

static void an_owner_has_one_account(void **state)
{
	struct accounts accounts;
	struct account *a;
	struct account *b;
	struct account *c;

	assert_int_equal(accounts_init(&accounts), 0);
	assert_int_equal(account_get(&accounts, "vm:web", "vm:web", &a), 0);
	assert_int_equal(account_get(&accounts, "vm:web", "vm:web", &b), 0);
	assert_int_equal(account_get(&accounts, "vm:db", "vm:db", &c), 0);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_memory_equal(&a->limits, &quota_defaults,
			    sizeof(quota_defaults));

	/* It outlives a channel, and is gone when nobody holds it. */
	assert_null(account_unref(a));
	assert_int_equal(account_charge(b, RESOURCE_SLOTS, 3), 0);
	assert_int_equal(account_get(&accounts, "vm:web", "vm:web", &a), 0);
	assert_int_equal(a->used[RESOURCE_SLOTS], 3);
	account_unref(a);
	account_unref(b);
	account_unref(c);
	assert_null(account_unref(NULL));
	assert_int_equal(accounts.by_owner.n_nodes, 0);
	accounts_deinit(&accounts);
}

static void rules_are_asked_by_the_path(void **state)
{
	struct quota_rules *rules =
		parse("vm:web slots 7\nvm:mail slots 8\n** slots 9\n");
	struct accounts accounts;
	struct account *a;
	struct account *b;
	char text[128];

	assert_int_equal(accounts_init(&accounts), 0);
	accounts_set_rules(&accounts, rules);
	assert_int_equal(account_get(&accounts, "vm:uuid", "vm:web", &a), 0);
	assert_int_equal(a->limits.of[RESOURCE_SLOTS], 7);
	assert_int_equal(account_get(&accounts, "vm:uuid", "vm:mail", &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(a->limits.of[RESOURCE_SLOTS], 8);
	accounts_set_rules(&accounts, NULL);
	accounts_set_rules(&accounts, rules);
	assert_int_equal(a->limits.of[RESOURCE_SLOTS], 8);
	account_full_text(a, RESOURCE_SLOTS, text, sizeof(text));
	assert_string_equal(text, "quota of slots of vm:mail is full: 0 of 8");
	account_unref(a);
	account_unref(b);
	accounts_deinit(&accounts);
	quota_rules_free(rules);
}

static void a_charge_beyond_the_limit_is_refused_and_counted(void **state)
{
	struct quota_rules *rules = parse("** queued-bytes 100\n");
	struct accounts accounts;
	struct account *a;
	char text[128];

	assert_int_equal(accounts_init(&accounts), 0);
	accounts_set_rules(&accounts, rules);
	assert_int_equal(account_get(&accounts, "vm:web", "vm:web", &a), 0);
	assert_int_equal(account_charge(a, RESOURCE_QUEUED_BYTES, 60), 0);
	assert_int_equal(account_charge(a, RESOURCE_QUEUED_BYTES, 41), 1);
	assert_int_equal(account_charge(a, RESOURCE_QUEUED_BYTES, UINT64_MAX),
			 1);
	assert_int_equal(account_free_of(a, RESOURCE_QUEUED_BYTES), 40);
	assert_int_equal(account_charge(a, RESOURCE_QUEUED_BYTES, 40), 0);
	assert_int_equal(a->n_refused[RESOURCE_QUEUED_BYTES], 2);
	account_full_text(a, RESOURCE_QUEUED_BYTES, text, sizeof(text));
	assert_string_equal(text, "quota of queued bytes of vm:web is full: "
				  "100 of 100");
	account_discharge(a, RESOURCE_QUEUED_BYTES, 100);
	assert_int_equal(a->used[RESOURCE_QUEUED_BYTES], 0);
	account_unref(a);
	accounts_deinit(&accounts);
	quota_rules_free(rules);
}

static void of_rules_the_first_that_matches_holds(void **state)
{
	struct quota_rules *rules = parse("vm:web  slots          10  # small\n"
					  "vm:*    slots          20\n"
					  "vm:*    channels       1K\n"
					  "**      channels       2\n"
					  "**      open-messages  3G\n"
					  "vm:web/** subscriptions 0\n");
	struct quota_limits limits;

	quota_rules_limits(rules, "vm:web", &limits);
	assert_int_equal(limits.of[RESOURCE_SLOTS], 10);
	assert_int_equal(limits.of[RESOURCE_CHANNELS], 1024);
	assert_int_equal(limits.of[RESOURCE_SUBSCRIPTIONS], 0);
	assert_int_equal(limits.of[RESOURCE_OPEN_MESSAGES], 3ULL << 30);
	assert_int_equal(limits.of[RESOURCE_QUEUED_BYTES],
			 quota_defaults.of[RESOURCE_QUEUED_BYTES]);
	quota_rules_limits(rules, "vm:db", &limits);
	assert_int_equal(limits.of[RESOURCE_SLOTS], 20);
	assert_int_equal(limits.of[RESOURCE_CHANNELS], 1024);
	quota_rules_limits(rules, "uid:0", &limits);
	assert_int_equal(limits.of[RESOURCE_SLOTS],
			 quota_defaults.of[RESOURCE_SLOTS]);
	assert_int_equal(limits.of[RESOURCE_CHANNELS], 2);
	quota_rules_limits(NULL, "uid:0", &limits);
	assert_memory_equal(&limits, &quota_defaults, sizeof(limits));
	quota_rules_free(rules);
}

/* What is held above a new limit stays held, and no more is given. */
static void new_rules_hold_for_accounts_that_exist(void **state)
{
	struct quota_rules *rules = parse("** slots 5\n");
	struct accounts accounts;
	struct account *a;

	assert_int_equal(accounts_init(&accounts), 0);
	assert_int_equal(account_get(&accounts, "vm:web", "vm:web", &a), 0);
	assert_int_equal(account_charge(a, RESOURCE_SLOTS, 9), 0);
	accounts_set_rules(&accounts, rules);
	assert_int_equal(account_free_of(a, RESOURCE_SLOTS), 0);
	assert_int_equal(account_charge(a, RESOURCE_SLOTS, 1), 1);
	account_discharge(a, RESOURCE_SLOTS, 5);
	assert_int_equal(account_charge(a, RESOURCE_SLOTS, 1), 0);
	assert_int_equal(account_charge(a, RESOURCE_SLOTS, 1), 1);
	accounts_set_rules(&accounts, NULL);
	assert_int_equal(account_charge(a, RESOURCE_SLOTS, 1), 0);
	account_unref(a);
	accounts_deinit(&accounts);
	quota_rules_free(rules);
}

static void a_wrong_rule_is_named_with_its_fault(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} wrong[] = {
		{ "vm:web slots", "q:1: a line is 'OWNER RESOURCE N', not 2 "
				  "words" },
		{ "\nweb slots 1", "q:2: 'web': a part is KIND:NAME, as in "
				   "'vm:web'" },
		{ "** slot 1", "q:1: 'slot' is no resource" },
		{ "** queued\tbytes 1", "q:1: a line is 'OWNER RESOURCE N', "
					"not 4 words" },
		{ "** slots -1", "q:1: '-1' is no number" },
		{ "** slots 1k", "q:1: '1k' is no number" },
		{ "** slots M", "q:1: 'M' is no number" },
		{ "** slots 9223372036854775808",
		  "q:1: '9223372036854775808' is no number" },
		{ "** slots 9007199254740992K",
		  "q:1: '9007199254740992K' is no number" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct quota_rules *rules = NULL;
		char error[256] = "";

		assert_int_equal(quota_rules_parse("q", wrong[i].text,
						   strlen(wrong[i].text), error,
						   sizeof(error), &rules),
				 -EINVAL);
		assert_string_equal(error, wrong[i].error);
		assert_null(rules);
	}
}

static void rules_come_from_a_file(void **state)
{
	struct folder_of *folder = folder_of_new();
	struct quota_rules *rules = NULL;
	struct quota_limits limits;
	char path[128];
	char error[256];

	snprintf(path, sizeof(path), "%s/quotas", folder_of_path(folder));
	assert_int_equal(quota_rules_load(path, error, sizeof(error), &rules),
			 -ENOENT);
	assert_non_null(strstr(error, "quotas: No such file"));
	folder_of_add(folder, "quotas", "** slots 9223372036854775807");
	assert_int_equal(quota_rules_load(path, error, sizeof(error), &rules),
			 0);
	quota_rules_limits(rules, "vm:web", &limits);
	assert_int_equal(limits.of[RESOURCE_SLOTS], INT64_MAX);
	quota_rules_free(rules);
	folder_of_free(folder);
}

static void survives_failed_allocations(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct accounts accounts = { .rules = NULL };
		_cleanup_(account_unrefp) struct account *account = NULL;
		int r;

		fault_arm(n);
		r = accounts_init(&accounts);
		if (!r)
			r = account_get(&accounts, "vm:web", "vm:web",
					&account);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		account = account_unref(account);
		accounts_deinit(&accounts);
	}
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		_cleanup_(quota_rules_freep) struct quota_rules *rules = NULL;
		char error[64] = "";
		int r;

		fault_arm(n);
		r = quota_rules_parse("q", "** slots 1\n", 11, error,
				      sizeof(error), &rules);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		if (fault_hit())
			assert_string_equal(error, "q: Cannot allocate memory");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_has_one_account),
		cmocka_unit_test(rules_are_asked_by_the_path),
		cmocka_unit_test(
			a_charge_beyond_the_limit_is_refused_and_counted),
		cmocka_unit_test(of_rules_the_first_that_matches_holds),
		cmocka_unit_test(new_rules_hold_for_accounts_that_exist),
		cmocka_unit_test(a_wrong_rule_is_named_with_its_fault),
		cmocka_unit_test(rules_come_from_a_file),
		cmocka_unit_test(survives_failed_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
