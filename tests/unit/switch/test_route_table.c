/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/subject.h"
#include "switch/route.h"
#include "tests/fault.h"

enum { N_PATTERNS = 400, N_STEPS = 6000, TEXT_BYTES = 64 };

/* A target, and what the table should know of it. */
struct entry {
	struct target target;
	bool is_there;
	char pattern[TEXT_BYTES];
};

static struct route_table table;
static struct entry entries[N_PATTERNS];

static int set_up(void **state)
{
	return route_table_init(&table);
}

static int tear_down(void **state)
{
	for (unsigned i = 0; i < N_PATTERNS; i++) {
		route_remove(&table, &entries[i].target);
		entries[i] = (struct entry){ 0 };
	}
	assert_int_equal(table.n_targets, 0);
	assert_int_equal(table.nodes.n_nodes, 0);
	route_table_deinit(&table);
	return 0;
}

/* Few tokens, so that patterns and subjects meet often. */
static void draw_text(char text[TEXT_BYTES], bool is_pattern)
{
	static const char *const tokens[] = { "a", "b", "cc", "$s", "*", ">" };
	unsigned n_tokens = 1 + (unsigned)random() % 5;
	unsigned n_choices = is_pattern ? 6 : 4;

	do {
		size_t n = 0;

		for (unsigned i = 0; i < n_tokens; i++)
			n += (size_t)snprintf(
				text + n, TEXT_BYTES - n, "%s%s", i ? "." : "",
				tokens[(unsigned)random() % n_choices]);
	} while (!pattern_is_valid(text, strlen(text)));
}

static void add(struct entry *entry)
{
	list_init(&entry->target.link);
	assert_int_equal(route_add(&table, entry->pattern,
				   strlen(entry->pattern), &entry->target),
			 0);
	entry->is_there = true;
}

static void add_pattern(struct entry *entry, const char *pattern)
{
	snprintf(entry->pattern, sizeof(entry->pattern), "%s", pattern);
	add(entry);
}

static void change(void)
{
	struct entry *entry = &entries[random() % N_PATTERNS];

	if (entry->is_there) {
		route_remove(&table, &entry->target);
		entry->is_there = false;
	} else {
		draw_text(entry->pattern, true);
		add(entry);
	}
}

static size_t count_in(const struct audience *audience,
		       const struct target *target)
{
	size_t n = 0;

	for (size_t i = 0; i < audience->n_targets; i++)
		n += audience->targets[i] == target;
	return n;
}

static void check(const char *subject, const struct audience *audience)
{
	size_t n = 0;

	for (unsigned i = 0; i < N_PATTERNS; i++) {
		const struct entry *entry = &entries[i];
		bool is_match =
			entry->is_there &&
			pattern_matches(entry->pattern, strlen(entry->pattern),
					subject, strlen(subject));

		if (count_in(audience, &entry->target) != is_match)
			fail_msg("%s and %s", entry->pattern, subject);
		n += is_match;
	}
	assert_int_equal(audience->n_targets, n);
}

/* Ask as the switch does: the cache first. */
static struct audience *ask(const char *subject)
{
	size_t n = strlen(subject);
	struct hash_tag tag = route_tag(&table, 1, subject, n);
	const struct route *route = route_cached(&table, tag);
	struct audience *audience;

	if (route)
		return route->found;
	assert_int_equal(route_match(&table, subject, n, &audience), 0);
	route_remember(&table, tag, audience->branch, true, audience);
	return audience;
}

static void the_table_says_what_the_patterns_say(void **state)
{
	char subject[TEXT_BYTES];

	for (unsigned i = 0; i < N_STEPS; i++) {
		if (random() % 4 == 0)
			change();
		draw_text(subject, false);
		check(subject, ask(subject));
		check(subject, ask(subject));
	}
}

static void a_change_voids_the_cache(void **state)
{
	unsigned branch = route_branch(&table, "a.b", 3);
	struct hash_tag tag = route_tag(&table, 7, "a.b", 3);

	assert_null(route_cached(&table, tag));
	route_remember(&table, tag, branch, false, NULL);
	assert_false(route_cached(&table, tag)->is_allowed);
	assert_null(route_cached(&table, route_tag(&table, 8, "a.b", 3)));
	route_table_change(&table);
	assert_null(route_cached(&table, tag));
	route_remember(&table, tag, branch, true, NULL);
	add_pattern(&entries[0], "a.*");
	assert_null(route_cached(&table, tag));
	route_remember(&table, tag, branch, true, NULL);
	route_remove(&table, &entries[0].target);
	assert_null(route_cached(&table, tag));
}

/* Of a domain that comes and goes, those of others notice nothing. */
static void a_change_voids_no_other_branch(void **state)
{
	const char *const ends[] = { "x", ">", "x.*" };
	struct hash_tag tag = route_tag(&table, 1, "vm.a.x", 6);
	unsigned n_void = 0;
	char pattern[TEXT_BYTES];

	(void)ask("vm.a.x");
	for (unsigned i = 0; i < N_PATTERNS; i++) {
		snprintf(pattern, sizeof(pattern), "vm.b%u.%s", i, ends[i % 3]);
		add_pattern(&entries[i], pattern);
		if (!route_cached(&table, tag))
			n_void++;
		(void)ask("vm.a.x");
	}
	/* One in sixty-four, more or less: the key is drawn. */
	assert_in_range(n_void, 0, N_PATTERNS / 8);
	assert_int_equal(ask("vm.a.x")->n_targets, 0);
	route_remove(&table, &entries[0].target);
	entries[0] = (struct entry){ 0 };
	add_pattern(&entries[0], "vm.>");
	assert_null(route_cached(&table, tag));
	assert_int_equal(ask("vm.a.x")->n_targets, 1);
}

/* After 2^32 changes old answers have the generation of new ones. */
static void the_generation_may_wrap(void **state)
{
	unsigned branch = route_branch(&table, "a.b", 3);
	struct hash_tag tag = route_tag(&table, 7, "a.b", 3);

	route_remember(&table, tag, branch, true, NULL);
	table.generations[branch] = UINT32_MAX;
	route_table_change_branch(&table, branch);
	assert_int_not_equal(table.generations[branch], 0);
	assert_null(route_cached(&table, tag));
}

static void the_cache_grows_and_keeps_its_bound(void **state)
{
	size_t n_sets = table.n_sets;

	for (uint64_t i = 0; i < 20000; i++)
		route_remember(&table, route_tag(&table, i, "a", 1), 0, true,
			       NULL);
	assert_true(table.n_sets > n_sets);
	assert_true(table.n_sets <= 32768);
}

static void the_one_capture_is_found(void **state)
{
	entries[1].target.is_capture = true;
	add_pattern(&entries[0], "a.>");
	add_pattern(&entries[1], "a.b");
	assert_ptr_equal(ask("a.b")->capture, &entries[1].target);
	assert_null(ask("a.c")->capture);
}

/* A failed add leaves no node behind, and the next goes on. */
static void without_memory_nothing_changes(void **state)
{
	struct route_table other;
	struct audience *audience;

	for (unsigned n = 0;; n++) {
		struct target target = { 0 };
		int r;

		list_init(&target.link);
		fault_arm(n);
		r = route_add(&table, "a.b.*.d.>", 9, &target);
		fault_disarm();
		if (fault_hit()) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(table.nodes.n_nodes, 0);
			assert_int_equal(table.n_targets, 0);
			continue;
		}
		assert_int_equal(r, 0);
		fault_arm(0);
		assert_int_equal(route_match(&table, "a.b.c.d.e", 9, &audience),
				 -ENOMEM);
		fault_disarm();
		assert_int_equal(route_match(&table, "a.b.c.d.e", 9, &audience),
				 0);
		assert_int_equal(audience->n_targets, 1);
		route_remove(&table, &target);
		break;
	}
	for (unsigned n = 0;; n++) {
		int r;

		fault_arm(n);
		r = route_table_init(&other);
		fault_disarm();
		if (!fault_hit()) {
			assert_int_equal(r, 0);
			route_table_deinit(&other);
			break;
		}
		assert_int_equal(r, -ENOMEM);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_table_says_what_the_patterns_say),
		TEST(a_change_voids_the_cache),
		TEST(a_change_voids_no_other_branch),
		TEST(the_generation_may_wrap),
		TEST(the_cache_grows_and_keeps_its_bound),
		TEST(the_one_capture_is_found),
		TEST(without_memory_nothing_changes),
	};

	srandom(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
