/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/status.h"

/* The numbers are gRPC's and stand on the wire. */
static void numbers_and_names_are_grpcs(void **state)
{
	static const char *const names[] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};

	assert_int_equal(N_STATUS, 17);
	for (unsigned i = 0; i < N_STATUS; i++)
		assert_string_equal(status_name(i), names[i]);
	assert_string_equal(status_name(N_STATUS), "UNKNOWN");
	assert_string_equal(status_name(65535), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names_are_grpcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
