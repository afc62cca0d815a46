/* SPDX-License-Identifier: MIT */

/* That C makes the same of everything as Python is tests/schema/'s to see. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/canonical.h"
#include "schema/wire.h"
#include "tests/fault.h"

/* b.proto imports a.proto of another package; c.proto is neither. */
static const uint8_t set[] = "\x0a\x18"
			     "\x12\x04"
			     "b.v1"
			     "\x1a\x07"
			     "a.proto"
			     "\x0a\x07"
			     "b.proto"
			     "\x0a\x09\x0a\x07"
			     "c.proto"
			     "\x0a\x0b\x0a\x07"
			     "a.proto"
			     "\x4a\x00";

static const uint8_t form[] = "\x0a\x09\x0a\x07"
			      "a.proto"
			      "\x0a\x18\x0a\x07"
			      "b.proto"
			      "\x12\x04"
			      "b.v1"
			      "\x1a\x07"
			      "a.proto";

static void files_and_fields_are_put_in_order(void **state)
{
	struct canonical_reason reason;
	struct canonical canonical;

	assert_int_equal(canonical_init(&canonical, set, sizeof(set) - 1,
					"b.v1", &reason),
			 0);
	assert_int_equal(canonical.n_set, sizeof(form) - 1);
	assert_memory_equal(canonical.set, form, sizeof(form) - 1);
	canonical_deinit(&canonical);
	canonical_deinit(&canonical);
}

static void the_reason_names_what_lacks(void **state)
{
	struct canonical_reason reason;
	struct canonical canonical;

	assert_int_equal(canonical_init(&canonical, set, 26, "b.v1", &reason),
			 -EBADMSG);
	assert_string_equal(reason.text,
			    "b.proto imports a.proto, which is not in the set");
	assert_int_equal(canonical_init(&canonical, set,
					CANONICAL_INPUT_MAX + 1, "b.v1",
					&reason),
			 -EBADMSG);
	assert_string_equal(reason.text, "more than 16 MiB");
}

static void no_memory_leaves_nothing_behind(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct canonical canonical = { 0 };
		struct canonical_reason reason;
		int r;

		fault_arm(n);
		r = canonical_init(&canonical, set, sizeof(set) - 1, "b.v1",
				   &reason);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		canonical_deinit(&canonical);
	}
}

static void varints_take_the_fewest_bytes(void **state)
{
	static const uint64_t values[] = { 0,          1,          127,
					   128,        16383,      16384,
					   UINT32_MAX, 1ull << 62, 1ull << 63,
					   UINT64_MAX };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		uint8_t bytes[VARINT_BYTES_MAX];
		size_t n = wire_put_varint(bytes, values[i]);
		struct wire wire = { bytes, bytes + n };
		uint64_t value;

		assert_int_equal(wire_varint(&wire, &value), 0);
		assert_true(value == values[i] && wire.at == wire.end);
		assert_true(n == 1 || bytes[n - 1]);
		for (size_t k = 0; k < n; k++) {
			wire = (struct wire){ bytes, bytes + k };
			assert_int_equal(wire_varint(&wire, &value), -EBADMSG);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_fields_are_put_in_order),
		cmocka_unit_test(the_reason_names_what_lacks),
		cmocka_unit_test(no_memory_leaves_nothing_behind),
		cmocka_unit_test(varints_take_the_fewest_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
