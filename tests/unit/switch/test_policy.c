/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "switch/policy.h"
#include "tests/fault.h"
#include "tests/unit/switch/folder_of.h"

static struct policy *parse(const char *text)
{
	struct policy *policy = NULL;
	char error[256] = "";

	if (policy_parse("p", text, strlen(text), error, sizeof(error),
			 &policy))
		fail_msg("%s", error);
	return policy;
}

static const char rules[] =
	"# own subtree and own programs\n"                       /* 1 */
	"allow vm:* publish,subscribe vm.{self}.>\n"             /* 2 */
	"deny  vm:evil any >\n"                                  /* 3 */
	"\n"                                                     /* 4 */
	"deny  vm:* subscribe news.secret.*  # not for guests\n" /* 5 */
	"allow vm:* subscribe news.>\n"                          /* 6 */
	"allow vm:web/uid:* publish vm.{self}.>\n"               /* 7 */
	"allow uid:0 any,admin,group >\n"                        /* 8 */
	"allow uid:0 any $sys.>\n"                               /* 9 */
	"allow key:ops-*/** call,serve ops.*.run\n"              /* 10 */
	"allow ** call clock.now\n"                              /* 11 */
	"allow vm:db log-read,kv-write orders\n"                 /* 12 */
	"allow gw:* publish vm.{self}.>\n"                       /* 13 */
	"allow vm:db/** kv-read *\n"                             /* 14 */
	"deny  ** observe vm.{self}.>\n"                         /* 15 */
	"allow ** observe vm.>\n"                                /* 16 */
	"deny  uid:3 subscribe $sys.own.>\n"                     /* 17 */
	"deny  vm:app kv-read shared/app/key\n"                  /* 18 */
	"allow vm:app kv-read,kv-write shared/app\n"             /* 19 */
	"allow vm:* kv-read shared/{self}/\n"                    /* 20 */
	"deny  vm:app kv-read main/no/\n"                        /* 21 */
	"allow vm:app kv-read main\n"                            /* 22 */
	"allow vm:app kv-read x.*//local/a.b*\n"                 /* 23 */
	"deny  gw:* kv-read >/a\n"                               /* 24 */
	"allow gw:* kv-read >\n";                                /* 25 */

/* line 0: no line decides. */
static const struct {
	const char *who;
	enum verb verb;
	const char *what;
	bool is_allowed;
	unsigned line;
} cases[] = {
	/* {self} is the NAME of vm:NAME and of nobody else. */
	{ "vm:web", VERB_PUBLISH, "vm.web.console", true, 2 },
	{ "vm:web", VERB_PUBLISH, "vm.db.console", false, 0 },
	{ "vm:web", VERB_PUBLISH, "vm.web", false, 0 },
	{ "vm:{self}", VERB_PUBLISH, "vm.{self}.a", true, 2 },
	{ "gw:east", VERB_PUBLISH, "vm.east.a", false, 0 },
	{ "vm:*", VERB_PUBLISH, "vm.web.a", false, 0 },
	{ "vm:>", VERB_SUBSCRIBE, "vm.>", false, 0 },
	{ "vm:", VERB_PUBLISH, "vm..a", false, 0 },
	{ "vm:a.b", VERB_PUBLISH, "vm.a.b.c", false, 0 },
	{ "vm", VERB_PUBLISH, "vm.web.a", false, 0 },
	{ "", VERB_PUBLISH, "vm.web.a", false, 0 },

	{ "vm:web", VERB_OBSERVE, "vm.>", false, 15 },
	{ "uid:1", VERB_OBSERVE, "vm.>", true, 16 },

	/* The first line that decides, decides. */
	{ "vm:evil", VERB_PUBLISH, "vm.evil.a", true, 2 },
	{ "vm:evil", VERB_CALL, "clock.now", false, 3 },
	{ "vm:web", VERB_CALL, "clock.now", true, 11 },

	/* Sets: allow must cover, deny need only overlap. */
	{ "vm:web", VERB_SUBSCRIBE, "vm.web.>", true, 2 },
	{ "vm:web", VERB_SUBSCRIBE, "vm.web.*.x", true, 2 },
	{ "vm:web", VERB_SUBSCRIBE, "vm.>", false, 0 },
	{ "vm:web", VERB_SUBSCRIBE, "vm.*.console", false, 0 },
	{ "vm:web", VERB_SUBSCRIBE, "news.sport", true, 6 },
	{ "vm:web", VERB_SUBSCRIBE, "news.sport.>", true, 6 },
	{ "vm:web", VERB_SUBSCRIBE, "news.secret.a", false, 5 },
	{ "vm:web", VERB_SUBSCRIBE, "news.secret", true, 6 },
	{ "vm:web", VERB_SUBSCRIBE, "news.>", false, 5 },
	{ "vm:web", VERB_SUBSCRIBE, "news.*.a", false, 5 },
	{ "vm:web", VERB_SUBSCRIBE, "news.*", true, 6 },
	{ "vm:web", VERB_SUBSCRIBE, ">", false, 5 },

	/* A wildcard in front needs a line with one in front. */
	{ "vm:web", VERB_SUBSCRIBE, "*.a", false, 0 },
	{ "uid:0", VERB_SUBSCRIBE, ">", true, 8 },
	{ "uid:0", VERB_SUBSCRIBE, "*.a", true, 8 },

	/* `$` is matched by no wildcard, and nobody publishes there. */
	{ "uid:0", VERB_SUBSCRIBE, "$sys.>", true, 9 },
	{ "uid:0", VERB_SUBSCRIBE, "$inst.>", false, 0 },
	{ "uid:0", VERB_CALL, "$sys.x", true, 9 },
	{ "uid:0", VERB_PUBLISH, "$sys.x", false, 0 },
	{ "uid:0", VERB_SERVE, "$sys.x", false, 0 },

	/* What is about oneself needs no line, and nothing near it is. */
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:db.up", true, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:db.>", true, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:db.*", true, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:db", false, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:dbx.up", false, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:d.up", false, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.vm:dc.up", false, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.*.up", false, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.own.>", false, 0 },
	{ "vm:db", VERB_SUBSCRIBE, "$sys.peer.>", false, 0 },
	{ "vm:db", VERB_GROUP, "$sys.own.vm:db.up", false, 0 },
	{ "vm:db", VERB_PUBLISH, "$sys.own.vm:db.up", false, 0 },
	{ "vm:db/uid:1", VERB_SUBSCRIBE, "$sys.own.vm:db/uid:1.>", true, 0 },
	{ "vm:db/uid:1", VERB_SUBSCRIBE, "$sys.own.vm:db.up", false, 0 },
	{ "uid:3", VERB_SUBSCRIBE, "$sys.own.uid:3.up", false, 17 },
	{ "uid:3/uid:4", VERB_SUBSCRIBE, "$sys.own.uid:3/uid:4.up", false, 17 },

	/* A path may do no more than its parents. */
	{ "vm:web/uid:7", VERB_PUBLISH, "vm.web.a", true, 7 },
	{ "vm:db/uid:7", VERB_PUBLISH, "vm.db.a", false, 0 },
	{ "vm:web/uid:7", VERB_SUBSCRIBE, "vm.web.a", false, 0 },
	{ "vm:web/uid:7", VERB_CALL, "clock.now", true, 11 },
	{ "vm:evil/uid:7", VERB_CALL, "clock.now", false, 3 },
	{ "vm:evil/a:b/uid:7", VERB_CALL, "clock.now", false, 3 },
	{ "key:ops-a/vm:x/uid:1", VERB_CALL, "ops.a.run", true, 10 },
	{ "key:ops-a/vm:x/uid:1", VERB_CALL, "ops.a.b.run", false, 0 },
	{ "key:other", VERB_CALL, "ops.a.run", false, 0 },
	{ "key:ops-", VERB_SERVE, "ops.*.run", true, 10 },
	{ "key:ops-", VERB_SERVE, "ops.*.*", false, 0 },
	{ "vm:db/uid:1", VERB_KV_READ, "orders", true, 14 },

	/* A part is a key and what is below, with `/` only that. */
	{ "vm:app", VERB_KV_WRITE, "shared/app", true, 19 },
	{ "vm:app", VERB_KV_WRITE, "shared/app/", true, 19 },
	{ "vm:app", VERB_KV_WRITE, "shared/app/a/", true, 19 },
	{ "vm:app", VERB_KV_WRITE, "shared/app/a b*>", true, 19 },
	{ "vm:app", VERB_KV_WRITE, "shared/apple", false, 0 },
	{ "vm:app", VERB_KV_WRITE, "shared/ap", false, 0 },
	{ "vm:app", VERB_KV_WRITE, "shared/", false, 0 },
	{ "vm:app", VERB_KV_WRITE, "shared", false, 0 },
	{ "vm:app", VERB_KV_WRITE, "*/app", false, 0 },
	{ "vm:app", VERB_KV_WRITE, "other/app", false, 0 },
	{ "vm:web", VERB_KV_READ, "shared/web/a", true, 20 },
	{ "vm:web", VERB_KV_READ, "shared/web/", true, 20 },
	{ "vm:web", VERB_KV_READ, "shared/web", false, 0 },
	{ "vm:web", VERB_KV_READ, "shared/app/a", false, 0 },

	/* Who is denied a part is denied all that it is a part of. */
	{ "vm:app", VERB_KV_READ, "shared/app/key", false, 18 },
	{ "vm:app", VERB_KV_READ, "shared/app/key/a", false, 18 },
	{ "vm:app", VERB_KV_READ, "shared/app/", false, 18 },
	{ "vm:app", VERB_KV_READ, "shared/app", true, 19 },
	{ "vm:app", VERB_KV_READ, "shared/app/key2", true, 19 },
	{ "vm:app", VERB_KV_READ, "shared/app/b/", true, 19 },
	{ "vm:app", VERB_KV_READ, "main", false, 21 },
	{ "vm:app", VERB_KV_READ, "main/", false, 21 },
	{ "vm:app", VERB_KV_READ, "main/no/a", false, 21 },
	{ "vm:app", VERB_KV_READ, "main/no", true, 22 },
	{ "vm:app", VERB_KV_READ, "main/nor", true, 22 },

	/* Keys are no patterns, and buckets are. */
	{ "vm:app", VERB_KV_READ, "x.y//local/a.b*", true, 23 },
	{ "vm:app", VERB_KV_READ, "x.y//local/a.b*/c", true, 23 },
	{ "vm:app", VERB_KV_READ, "x.y//local/a.bc", false, 0 },
	{ "vm:app", VERB_KV_READ, "/local", false, 0 },
	{ "gw:a", VERB_KV_READ, "any/a", false, 24 },
	{ "gw:a", VERB_KV_READ, "any/b", true, 25 },
	{ "gw:a", VERB_KV_READ, "any", false, 24 },

	/* `any` is the plain verbs; the others are rights of their own. */
	{ "uid:0", VERB_CALL, "a.b", true, 8 },
	{ "uid:0", VERB_ADMIN, "switch", true, 8 },
	{ "uid:0", VERB_GROUP, "a.>", true, 8 },
	{ "uid:0", VERB_OBSERVE, "a.b", false, 0 },
	{ "uid:0", VERB_CAPTURE, "a.b", false, 0 },
	{ "uid:0", VERB_UPLINK, "a.b", false, 0 },
	{ "vm:db", VERB_LOG_READ, "orders", true, 12 },
	{ "vm:db", VERB_KV_WRITE, "orders", true, 12 },
	{ "vm:db", VERB_KV_WRITE, "other", false, 0 },

	/* What is no subject is denied. */
	{ "uid:0", VERB_PUBLISH, "", false, 0 },
	{ "uid:0", VERB_PUBLISH, "a..b", false, 0 },
	{ "uid:0", VERB_SUBSCRIBE, "a.>.b", false, 0 },
	{ "uid:0", VERB_CALL, "a b", false, 0 },
};

static void judges_as_the_lines_say(void **state)
{
	_cleanup_(policy_freep) struct policy *policy = parse(rules);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct policy_verdict verdict =
			policy_judge(policy, cases[i].who, cases[i].verb,
				     cases[i].what, strlen(cases[i].what));

		if (verdict.is_allowed != cases[i].is_allowed ||
		    verdict.line != cases[i].line ||
		    !verdict.file != !cases[i].line)
			fail_msg("%s %s %s: %d by line %u", cases[i].who,
				 verb_name(cases[i].verb), cases[i].what,
				 verdict.is_allowed, verdict.line);
	}
}

/* 200 bytes and the 6 of ".web.x" make a subject; 64 for "web" are too many. */
static void concerns_whom_it_can_ever_allow_anything(void **state)
{
	static const struct {
		const char *text;
		bool is_concerned;
	} policies[] = {
		{ "", false },
		{ "allow vm:db any >\n", false },
		{ "deny vm:web any >\n", false },
		{ "allow vm:* publish vm.{self}.>\n", true },
		{ "allow vm:web/** capture log.>\n", true },
		{ "allow vm:web/uid:* any >\n", false },
		{ "deny vm:web any x.>\nallow ** call y\n", true },
		{ "deny vm:web any >\nallow ** call,publish y\n", false },
		{ "allow ** call y\ndeny vm:web any >\n", true },
		{ "deny vm:web any >\nallow ** call,group y\n", true },
		{ "deny vm:web any >\nallow ** subscribe $sys.>\n", true },
		{ "deny vm:web call >\nallow ** call y\n", false },
		{ "deny vm:web kv-read >/a\nallow ** kv-read y\n", true },
		{ "deny vm:web kv-read >\nallow ** kv-read y/a\n", false },
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		struct policy *policy = parse(policies[i].text);

		if (policy_concerns(policy, "vm:web") !=
		    policies[i].is_concerned)
			fail_msg("%s", policies[i].text);
		policy_free(policy);
	}
}

static void a_self_that_makes_too_long_a_subject_matches_nothing(void **state)
{
	static const char name[] = "vm:0123456789012345678901234567890123456789"
				   "012345678901234567890123";
	_cleanup_(policy_freep) struct policy *policy = NULL;
	char many[201] = "";
	char text[256];
	char what[256];

	memset(many, 'a', sizeof(many) - 1);
	snprintf(text, sizeof(text), "allow vm:* publish %s.{self}.>", many);
	policy = parse(text);
	snprintf(what, sizeof(what), "%s.web.x", many);
	assert_true(policy_judge(policy, "vm:web", VERB_PUBLISH, what, 206)
			    .is_allowed);
	assert_false(
		policy_judge(policy, name, VERB_PUBLISH, what, 206).is_allowed);
}

static void a_verdict_tells_its_line(void **state)
{
	_cleanup_(policy_freep) struct policy *policy = parse(rules);
	struct policy_verdict verdict;
	char text[128];

	verdict = policy_judge(policy, "vm:web", VERB_PUBLISH, "vm.web.a", 8);
	policy_verdict_text(&verdict, text, sizeof(text));
	assert_string_equal(text, "allowed by p:2");
	verdict = policy_judge(policy, "vm:evil", VERB_CALL, "a", 1);
	policy_verdict_text(&verdict, text, sizeof(text));
	assert_string_equal(text, "denied by p:3");
	verdict = policy_judge(policy, "vm:web", VERB_CALL, "a", 1);
	policy_verdict_text(&verdict, text, sizeof(text));
	assert_string_equal(text, "denied: no line allows it");
}

static void a_wrong_line_is_named_with_its_fault(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} wrong[] = {
		{ "allow", "p:1: a line is 'VERDICT WHO VERB WHAT', not 1 "
			   "words" },
		{ "\n\nallow a:b call c d", "p:3: a line is 'VERDICT WHO VERB "
					    "WHAT', not 5 words" },
		{ "# x\npermit a:b call c", "p:2: 'permit' is neither allow "
					    "nor deny" },
		{ "deny web call c", "p:1: 'web': a part is KIND:NAME, as in "
				     "'vm:web'" },
		{ "deny vm:a//b:c call c", "p:1: 'vm:a//b:c': an empty part" },
		{ "deny a:/b:/c:/d:/e: call c",
		  "p:1: 'a:/b:/c:/d:/e:': more than four parts" },
		{ "deny vm:**/a:b call c", "p:1: 'vm:**/a:b': '**' is only for "
					   "the end, as in 'vm:web/**'" },
		{ "deny vm:a publih c", "p:1: 'publih' is no verb" },
		{ "deny vm:a publish, c", "p:1: '' is no verb" },
		{ "deny vm:a call a..b", "p:1: 'a..b' is no pattern of "
					 "subjects" },
		{ "deny vm:a call a\r", "p:1: 'a?' is no pattern of subjects" },
		{ "deny vm:a call {slef}.a", "p:1: '{slef}.a': braces are only "
					     "for the token {self}" },
		{ "deny vm:a call x{self}.a",
		  "p:1: 'x{self}.a': braces are only for the token {self}" },
		{ "allow vm:a kv-read,job-work a/b",
		  "p:1: 'a/b': a part of a bucket is for kv-read and kv-write "
		  "alone" },
		{ "allow vm:a kv-read /a",
		  "p:1: '/a' is no pattern of subjects" },
		{ "allow vm:a kv-read a/b.{self}",
		  "p:1: 'a/b.{self}': braces are only for the token {self}" },
		{ "deny vm:a call a b c d e f", "p:1: more than 8 words" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct policy *policy = NULL;
		char error[256] = "";

		assert_int_equal(policy_parse("p", wrong[i].text,
					      strlen(wrong[i].text), error,
					      sizeof(error), &policy),
				 -EINVAL);
		assert_string_equal(error, wrong[i].error);
		assert_null(policy);
	}
}

static void lines_are_bounded(void **state)
{
	static char text[POLICY_LINES_MAX * 20 + 20];
	static const char line[] = "allow ** call a\n";
	_cleanup_(policy_freep) struct policy *policy = NULL;
	char error[64];
	size_t n = 0;

	for (int i = 0; i <= POLICY_LINES_MAX; i++, n += sizeof(line) - 1)
		memcpy(text + n, line, sizeof(line) - 1);
	assert_int_equal(
		policy_parse("p", text, n, error, sizeof(error), &policy),
		-EINVAL);
	assert_string_equal(error, "p:16385: more than 16384 lines in all");
	n -= sizeof(line) - 1;
	assert_int_equal(
		policy_parse("p", text, n, error, sizeof(error), &policy), 0);

	memset(text, '#', 1025);
	assert_int_equal(
		policy_parse("p", text, 1025, error, sizeof(error), &policy),
		-EINVAL);
	assert_string_equal(error, "p:1: more than 1024 bytes");
}

static void survives_failed_allocations(void **state)
{
	static const char text[] = "allow ** call a\ndeny ** any b\n";

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		_cleanup_(policy_freep) struct policy *policy = NULL;
		char error[64] = "";
		int r;

		fault_arm(n);
		r = policy_parse("p", text, sizeof(text) - 1, error,
				 sizeof(error), &policy);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!policy, fault_hit());
		if (fault_hit())
			assert_string_equal(error, "p: Cannot allocate memory");
	}
}

static void a_folder_is_read_in_the_order_of_names(void **state)
{
	struct folder_of *folder = folder_of_new();
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct policy_verdict verdict;
	char error[256];

	folder_of_add(folder, "20-b.policy", "allow ** call a\n");
	folder_of_add(folder, "10-a.policy", "\ndeny uid:1 call a\n");
	folder_of_add(folder, "00.policy.off", "not a policy\n");
	folder_of_add(folder, ".hidden.policy", "not a policy\n");
	assert_int_equal(policy_load(folder_of_path(folder), error,
				     sizeof(error), &policy),
			 0);
	verdict = policy_judge(policy, "uid:1", VERB_CALL, "a", 1);
	assert_false(verdict.is_allowed);
	assert_string_equal(verdict.file, "10-a.policy");
	assert_int_equal(verdict.line, 2);
	verdict = policy_judge(policy, "uid:2", VERB_CALL, "a", 1);
	assert_string_equal(verdict.file, "20-b.policy");
	folder_of_free(folder);
}

static void a_folder_is_read_whole_or_not_at_all(void **state)
{
	struct folder_of *folder = folder_of_new();
	struct policy *policy = NULL;
	char error[256];

	folder_of_add(folder, "1.policy", "allow ** call a\n");
	folder_of_add(folder, "2.policy", "allow ** call a\nallow\n");
	assert_int_equal(policy_load(folder_of_path(folder), error,
				     sizeof(error), &policy),
			 -EINVAL);
	assert_null(policy);
	assert_non_null(strstr(error, "2.policy:2: a line is"));

	folder_of_add(folder, "2.policy", "");
	folder_of_add_fifo(folder, "3.policy");
	assert_int_equal(policy_load(folder_of_path(folder), error,
				     sizeof(error), &policy),
			 -EINVAL);
	assert_string_equal(error, "3.policy: Invalid argument");
	folder_of_free(folder);
	assert_int_equal(
		policy_load("/nonexistent", error, sizeof(error), &policy),
		-ENOENT);
	assert_string_equal(error, "/nonexistent: No such file or directory");
}

static void loading_survives_failed_allocations(void **state)
{
	struct folder_of *folder = folder_of_new();

	folder_of_add(folder, "1.policy", "allow ** call a\n");
	folder_of_add(folder, "2.policy", "allow ** call b\n");
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		_cleanup_(policy_freep) struct policy *policy = NULL;
		char error[256] = "";
		int r;

		fault_arm(n);
		r = policy_load(folder_of_path(folder), error, sizeof(error),
				&policy);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!policy, fault_hit());
		assert_int_equal(!error[0], !fault_hit());
	}
	folder_of_free(folder);
}

static void verbs_have_names(void **state)
{
	enum verb verb;

	for (int i = 0; i < N_VERBS; i++) {
		assert_int_equal(verb_from_name(verb_name((enum verb)i), &verb),
				 0);
		assert_int_equal(verb, i);
	}
	assert_int_equal(verb_from_name("any", &verb), -EINVAL);
	assert_int_equal(verb_from_name("", &verb), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_as_the_lines_say),
		cmocka_unit_test(concerns_whom_it_can_ever_allow_anything),
		cmocka_unit_test(
			a_self_that_makes_too_long_a_subject_matches_nothing),
		cmocka_unit_test(a_verdict_tells_its_line),
		cmocka_unit_test(a_wrong_line_is_named_with_its_fault),
		cmocka_unit_test(lines_are_bounded),
		cmocka_unit_test(survives_failed_allocations),
		cmocka_unit_test(a_folder_is_read_in_the_order_of_names),
		cmocka_unit_test(a_folder_is_read_whole_or_not_at_all),
		cmocka_unit_test(loading_survives_failed_allocations),
		cmocka_unit_test(verbs_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
