/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "generate/plugin.h"
#include "google/protobuf/compiler/plugin.pb-c.h"
#include "tests/fault.h"

typedef Google__Protobuf__Compiler__CodeGeneratorResponse Response;

/* Generate a.proto, package a.v1, of these files: see the cases. */
static const uint8_t plain[] = "\x0a\x07"
			       "a.proto"
			       "\x7a\x0f\x0a\x07"
			       "a.proto"
			       "\x12\x04"
			       "a.v1";

static const uint8_t lost[] = "\x0a\x07"
			      "b.proto"
			      "\x7a\x0f\x0a\x07"
			      "a.proto"
			      "\x12\x04"
			      "a.v1";

static void a_request_is_answered_by_two_files(void **state)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	Response *response;
	size_t n;

	assert_int_equal(plugin_run(plain, sizeof(plain) - 1, &bytes, &n), 0);
	response = google__protobuf__compiler__code_generator_response__unpack(
		NULL, n, bytes);
	assert_non_null(response);
	assert_null(response->error);
	assert_int_equal(response->n_file, 2);
	assert_string_equal(response->file[0]->name, "a.helio.h");
	assert_string_equal(response->file[1]->name, "a.helio.c");
	assert_non_null(
		strstr(response->file[0]->content,
		       "extern const struct helio_schema a__v1__schema;"));
	assert_non_null(
		strstr(response->file[1]->content, ".set = a__v1__set,"));
	google__protobuf__compiler__code_generator_response__free_unpacked(
		response, NULL);
}

static void a_request_without_its_file_is_none(void **state)
{
	uint8_t *bytes = NULL;
	size_t n;

	assert_int_equal(plugin_run(lost, sizeof(lost) - 1, &bytes, &n),
			 -EBADMSG);
	assert_int_equal(plugin_run(plain, 5, &bytes, &n), -EBADMSG);
	assert_null(bytes);
}

static void no_memory_leaves_nothing_behind(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		uint8_t *bytes = NULL;
		size_t n_bytes;
		int r;

		fault_arm(n);
		r = plugin_run(plain, sizeof(plain) - 1, &bytes, &n_bytes);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_true(!bytes == fault_hit());
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_by_two_files),
		cmocka_unit_test(a_request_without_its_file_is_none),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
