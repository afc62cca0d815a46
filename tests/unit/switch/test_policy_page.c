/* SPDX-License-Identifier: MIT */

/*
 * docs/POLICY.md is true: the answers in its table are those that the policy
 * above it gives.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "switch/policy.h"

enum { COLUMNS = 4 };

struct page {
	char policy[4096];
	size_t n_policy;
	bool is_in_policy;
	unsigned n_rows;
	struct policy *judge; /* once the example has ended */
};

static void end_policy(struct page *page)
{
	char error[256] = "";

	page->is_in_policy = false;
	if (policy_parse("10-example.policy", page->policy, page->n_policy,
			 error, sizeof(error), &page->judge))
		fail_msg("%s", error);
}

/* Cut `| a | b | c | d |` into its cells, without backquotes. */
static bool split_row(char *line, char *cells[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		char *start = line + strspn(line, "| `");
		char *end = strstr(start, " |");

		if (line[0] != '|' && i == 0)
			return false;
		if (!end)
			return false;
		line = end + 2;
		while (end > start && end[-1] == '`')
			end--;
		*end = '\0';
		cells[i] = start;
	}
	return true;
}

static void check_row(struct page *page, char *line)
{
	char *cells[COLUMNS];
	struct policy_verdict verdict;
	enum verb verb;
	char text[128];

	if (!split_row(line, cells) || verb_from_name(cells[1], &verb))
		return;
	verdict = policy_judge(page->judge, cells[0], verb, cells[2],
			       strlen(cells[2]));
	policy_verdict_text(&verdict, text, sizeof(text));
	if (strcmp(text, cells[3]) != 0)
		fail_msg("%s %s %s: %s, not %s", cells[0], cells[1], cells[2],
			 text, cells[3]);
	page->n_rows++;
}

static void read_line(struct page *page, char *line)
{
	size_t n = strlen(line);

	if (!strcmp(line, "```policy\n")) {
		page->is_in_policy = true;
	} else if (page->is_in_policy && !strcmp(line, "```\n")) {
		end_policy(page);
	} else if (page->is_in_policy) {
		assert_true(page->n_policy + n < sizeof(page->policy));
		memcpy(page->policy + page->n_policy, line, n);
		page->n_policy += n;
	} else if (page->judge) {
		check_row(page, line);
	}
}

static void the_answers_of_the_page_are_true(void **state)
{
	struct page page = { .n_policy = 0 };
	FILE *file = fopen(HELIO_POLICY_PAGE, "re");
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		read_line(&page, line);
	fclose(file);
	assert_true(page.n_rows >= 10);
	policy_free(page.judge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answers_of_the_page_are_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
