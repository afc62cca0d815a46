/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/map.h"
#include "tests/fault.h"

enum { N_ITEMS = 1000 };

struct item {
	struct map_node node;
	uint64_t key;
};

static struct item *find(struct map *map, uint64_t key)
{
	struct map_node *node = map_lookup(map, key / 2);

	for (; node; node = map_next(node))
		if (container_of(node, struct item, node)->key == key)
			return container_of(node, struct item, node);
	return NULL;
}

/* Each hash is shared by two keys. */
static void finds_what_was_added_and_not_what_was_removed(void **state)
{
	static struct item items[N_ITEMS];
	struct map map;
	size_t n_walked = 0;

	assert_int_equal(map_init(&map), 0);
	for (uint64_t i = 0; i < N_ITEMS; i++) {
		items[i].key = i;
		map_add(&map, &items[i].node, i / 2);
	}
	for (uint64_t i = 0; i < N_ITEMS; i += 3)
		map_remove(&map, &items[i].node);

	for (uint64_t i = 0; i < N_ITEMS; i++)
		assert_ptr_equal(find(&map, i), i % 3 ? &items[i] : NULL);
	for (struct map_node *node = map_walk(&map, NULL); node;
	     node = map_walk(&map, node))
		n_walked++;
	assert_int_equal(n_walked, map.n_nodes);
	assert_int_equal(n_walked, N_ITEMS - (N_ITEMS + 2) / 3);
	map_deinit(&map);
}

/* What stands before what was popped last must not be passed over. */
static void is_emptied_whatever_comes_meanwhile(void **state)
{
	static struct item items[N_ITEMS];
	struct map map;
	size_t n_popped = 0;

	assert_int_equal(map_init(&map), 0);
	for (uint64_t i = N_ITEMS; i-- > 0;) {
		items[i].key = i;
		map_add(&map, &items[i].node, i);
		if (i % 3 == 0) {
			assert_non_null(map_pop(&map));
			n_popped++;
		}
	}
	while (map_first(&map)) {
		assert_ptr_equal(map_walk(&map, NULL), map_first(&map));
		assert_non_null(map_pop(&map));
		n_popped++;
	}
	assert_int_equal(n_popped, N_ITEMS);
	assert_int_equal(map.n_nodes, 0);
	assert_null(map_walk(&map, NULL));
	map_deinit(&map);
}

static void works_when_it_cannot_grow(void **state)
{
	static struct item items[N_ITEMS];
	struct map map;

	assert_int_equal(map_init(&map), 0);
	for (uint64_t i = 0; i < N_ITEMS; i++) {
		items[i].key = i;
		fault_arm(0);
		map_add(&map, &items[i].node, i / 2);
		fault_disarm();
	}
	for (uint64_t i = 0; i < N_ITEMS; i++)
		assert_ptr_equal(find(&map, i), &items[i]);
	assert_int_equal(map.n_buckets, 8);
	map_deinit(&map);
}

static void init_reports_that_there_is_no_memory(void **state)
{
	struct map map = { 0 };

	fault_arm(0);
	assert_int_equal(map_init(&map), -ENOMEM);
	fault_disarm();
	assert_true(fault_hit());
	map_deinit(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added_and_not_what_was_removed),
		cmocka_unit_test(is_emptied_whatever_comes_meanwhile),
		cmocka_unit_test(works_when_it_cannot_grow),
		cmocka_unit_test(init_reports_that_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
