/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "tests/fault.h"

enum { LIMIT_BYTES = 1 << 20 };

/* Small and large ones in turn: each is zeroed, aligned, and its own. */
static void what_is_allocated_is_apart(void **state)
{
	static const size_t sizes[] = { 1, 100000, 17, 0, 5000, 70000, 16 };
	unsigned char *at[70];
	struct arena arena;

	arena_init(&arena, LIMIT_BYTES);
	for (size_t i = 0; i < 14; i++) {
		size_t n = sizes[i % 7];

		at[i] = arena_alloc(&arena, n);
		assert_non_null(at[i]);
		assert_int_equal((uintptr_t)at[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < n; j++)
			assert_int_equal(at[i][j], 0);
		memset(at[i], (int)i + 1, n);
	}
	for (size_t i = 0; i < 14; i++)
		for (size_t j = 0; j < sizes[i % 7]; j++)
			assert_int_equal(at[i][j], i + 1);
	assert_true(arena.n_bytes <= LIMIT_BYTES);
	arena_deinit(&arena);
	assert_int_equal(arena.n_bytes, 0);
}

static void the_limit_holds(void **state)
{
	struct arena arena;
	size_t n = 0;

	arena_init(&arena, LIMIT_BYTES);
	while (arena_alloc(&arena, 1000))
		n += 1000;
	assert_int_equal(arena_error(&arena), -EMSGSIZE);
	assert_true(n > LIMIT_BYTES * 9 / 10 && n <= LIMIT_BYTES);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 8));
	assert_null(arena_array(&arena, SIZE_MAX / 4, 16));
	arena_deinit(&arena);
}

static void without_memory_it_is_said_so(void **state)
{
	struct arena arena;

	arena_init(&arena, LIMIT_BYTES);
	fault_arm(0);
	assert_null(arena_alloc(&arena, 8));
	fault_disarm();
	assert_int_equal(arena_error(&arena), -ENOMEM);
	assert_non_null(arena_alloc(&arena, 8));
	arena_deinit(&arena);
}

static void what_grows_keeps_what_was_there(void **state)
{
	struct arena arena;
	uint32_t *at = NULL;
	size_t n_max = 0;

	arena_init(&arena, LIMIT_BYTES);
	for (uint32_t i = 0; i < 1000; i++) {
		at = arena_grow(&arena, at, i, &n_max, sizeof(*at));
		assert_non_null(at);
		at[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(at[i], i);
	assert_string_equal(arena_copy(&arena, "texts", 4), "text");
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allocated_is_apart),
		cmocka_unit_test(the_limit_holds),
		cmocka_unit_test(without_memory_it_is_said_so),
		cmocka_unit_test(what_grows_keeps_what_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
