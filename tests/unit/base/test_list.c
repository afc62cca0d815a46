/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int number;
	struct list link;
};

enum { N_ITEMS = 5 };

static void init(struct item items[N_ITEMS])
{
	for (int i = 0; i < N_ITEMS; i++) {
		items[i].number = i;
		list_init(&items[i].link);
	}
}

/* The numbers in the list as one decimal number, checked both ways. */
static int content(struct list *list)
{
	int forward = 0;
	int backward = 0;
	int unit = 1;
	struct list *link;

	list_for_each (link, list)
		forward = forward * 10 +
			  container_of(link, struct item, link)->number;
	for (link = list->prev; link != list; link = link->prev, unit *= 10)
		backward +=
			unit * container_of(link, struct item, link)->number;
	assert_int_equal(forward, backward);
	return forward;
}

static void keeps_the_order_of_pushes(void **state)
{
	struct item items[N_ITEMS];
	struct list list = LIST_INIT(list);

	init(items);
	assert_true(list_is_empty(&list));
	assert_null(list_pop_front(&list));
	list_push_back(&list, &items[2].link);
	list_push_back(&list, &items[3].link);
	list_push_front(&list, &items[1].link);
	assert_int_equal(content(&list), 123);
	assert_ptr_equal(list_pop_front(&list), &items[1].link);
	assert_int_equal(content(&list), 23);
}

static void unlinking_twice_is_harmless(void **state)
{
	struct item items[N_ITEMS];
	struct list list = LIST_INIT(list);

	init(items);
	for (int i = 1; i < 4; i++)
		list_push_back(&list, &items[i].link);
	assert_true(list_is_linked(&items[2].link));
	list_unlink(&items[2].link);
	list_unlink(&items[2].link);
	assert_false(list_is_linked(&items[2].link));
	assert_int_equal(content(&list), 13);
	list_unlink(&items[3].link);
	list_unlink(&items[1].link);
	assert_true(list_is_empty(&list));
}

static void splicing_moves_all_to_the_end(void **state)
{
	struct item items[N_ITEMS];
	struct list a = LIST_INIT(a);
	struct list b = LIST_INIT(b);

	init(items);
	list_push_back(&a, &items[1].link);
	list_splice_back(&a, &b);
	assert_int_equal(content(&a), 1);
	list_push_back(&b, &items[2].link);
	list_push_back(&b, &items[3].link);
	list_splice_back(&a, &b);
	assert_int_equal(content(&a), 123);
	assert_true(list_is_empty(&b));
	list_splice_back(&b, &a);
	assert_int_equal(content(&b), 123);
	assert_true(list_is_empty(&a));
}

static void a_walk_may_unlink_where_it_stands(void **state)
{
	struct item items[N_ITEMS];
	struct list list = LIST_INIT(list);
	struct list *link;
	struct list *after;

	init(items);
	for (int i = 1; i < N_ITEMS; i++)
		list_push_back(&list, &items[i].link);
	list_for_each_safe (link, after, &list)
		if (container_of(link, struct item, link)->number % 2)
			list_unlink(link);
	assert_int_equal(content(&list), 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order_of_pushes),
		cmocka_unit_test(unlinking_twice_is_harmless),
		cmocka_unit_test(splicing_moves_all_to_the_end),
		cmocka_unit_test(a_walk_may_unlink_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
