/* SPDX-License-Identifier: MIT */

#include "tests/fault.h"

#include <stddef.h>

/*
 * The linker's --wrap sends the program's allocations here. It takes those of
 * shared libraries for references too, so these are not hidden.
 */
#pragma GCC visibility push(default)
void *__real_malloc(size_t n);
void *__real_calloc(size_t n_members, size_t n);
void *__real_realloc(void *pointer, size_t n);
void *__real_reallocarray(void *pointer, size_t n_members, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n_members, size_t n);
void *__wrap_realloc(void *pointer, size_t n);
void *__wrap_reallocarray(void *pointer, size_t n_members, size_t n);
#pragma GCC visibility pop

static bool fault_is_armed;
static bool fault_was_hit;
static unsigned fault_n_left;
static void (*fault_next_hook)(void);

void fault_arm(unsigned n)
{
	fault_is_armed = true;
	fault_was_hit = false;
	fault_n_left = n;
}

void fault_disarm(void)
{
	fault_is_armed = false;
}

bool fault_hit(void)
{
	return fault_was_hit;
}

void fault_hook(void (*hook)(void))
{
	fault_next_hook = hook;
}

static bool must_fail(void)
{
	void (*hook)(void) = fault_next_hook;

	/* Unarmed it writes nothing, so that threads may allocate at once. */
	if (hook) {
		fault_next_hook = NULL;
		hook();
	}
	if (!fault_is_armed || fault_n_left--)
		return false;
	fault_is_armed = false;
	fault_was_hit = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return must_fail() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n_members, size_t n)
{
	return must_fail() ? NULL : __real_calloc(n_members, n);
}

void *__wrap_realloc(void *pointer, size_t n)
{
	return must_fail() ? NULL : __real_realloc(pointer, n);
}

void *__wrap_reallocarray(void *pointer, size_t n_members, size_t n)
{
	return must_fail() ? NULL : __real_reallocarray(pointer, n_members, n);
}
