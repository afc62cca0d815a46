/* SPDX-License-Identifier: MIT */

/*
 * Cases by hand: what is refused and how it is told, and the bounds. That what
 * is taken is taken right, tests/schema/test_reference.py has seen to.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "schema/json_in.h"
#include "schema/json_out.h"
#include "tests/fault.h"
#include "tests/schema/sample.h"

enum { JSON_BYTES_MAX = 1 << 20 };

static struct pool *pool;

static int set_up(void **state)
{
	pool = sample_pool();
	return 0;
}

static int tear_down(void **state)
{
	pool = pool_free(pool);
	return 0;
}

/* From JSON to the wire and back; NULL on an error. */
static char *there_and_back(const char *type, const char *json, char *error)
{
	_cleanup_(buffer_deinit) struct buffer buffer;
	_cleanup_(freep) uint8_t *bytes = NULL;
	const struct pool_message *message = sample_type(pool, type);
	size_t n;

	buffer_init(&buffer, JSON_BYTES_MAX);
	if (json_in(pool, message, json, strlen(json), &bytes, &n, error) < 0)
		return NULL;
	if (json_out(pool, message, bytes, n, &buffer, error) < 0)
		return NULL;
	return take_ptr(buffer.bytes);
}

static void check_same(const char *type, const char *json, const char *expected)
{
	char error[RECORD_ERROR_BYTES];
	_cleanup_(freep) char *result = there_and_back(type, json, error);

	if (!result)
		fail_msg("%s: %s", json, error);
	else
		assert_string_equal(result, expected);
}

static void each_form_that_is_taken_comes_back_as_one(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ " { } ", "{}" },
		{ "{\"name\":null,\"loads\":null,\"notes\":null}", "{}" },
		{ "{\"loads\":[1,2.0,\"3\",4e0,\"-5\",50e-1]}",
		  "{\"loads\":[1,2,3,4,-5,5]}" },
		{ "{\"mark\":18446744073709551615}",
		  "{\"mark\":\"18446744073709551615\"}" },
		{ "{\"mark\":\"1.8446744073709551615e19\"}",
		  "{\"mark\":\"18446744073709551615\"}" },
		{ "{\"by\":-0}", "{}" },
		{ "{\"ratio\":\"NaN\",\"share\":\"-Infinity\"}",
		  "{\"ratio\":\"NaN\",\"share\":\"-Infinity\"}" },
		{ "{\"ratio\":-0.0}", "{\"ratio\":-0}" },
		{ "{\"ratio\":0.1,\"share\":0.1}",
		  "{\"ratio\":0.1,\"share\":0.1}" },
		{ "{\"state\":\"STATE_UP\"}", "{\"state\":\"STATE_RUNNING\"}" },
		{ "{\"state\":77,\"history\":[1,-3]}",
		  "{\"state\":77,\"history\":[\"STATE_RUNNING\","
		  "\"STATE_BROKEN\"]}" },
		{ "{\"token\":\"-_8\"}", "{\"token\":\"+/8=\"}" },
		{ "{\"token\":\"+/8=\"}", "{\"token\":\"+/8=\"}" },
		{ "{\"token\":\"QQ\"}", "{\"token\":\"QQ==\"}" },
		{ "{\"notes\":{\"-5\":\"b\",\"-7\":\"a\",\"9\":\"c\"}}",
		  "{\"notes\":{\"-7\":\"a\",\"-5\":\"b\",\"9\":\"c\"}}" },
		{ "{\"flags\":{\"true\":1}}",
		  "{\"flags\":{\"true\":\"STATE_RUNNING\"}}" },
		{ "{\"cpus\":0,\"kernel\":\"\"}",
		  "{\"kernel\":\"\",\"cpus\":0}" },
		{ "{\"nothing\":null}", "{\"nothing\":null}" },
		{ "{\"is_shown\":true}", "{\"isShown\":true}" },
		{ "{\"name\":\"\\u00e4\\ud83d\\ude00\\u202e\\u0000\\n\"}",
		  "{\"name\":\"\xc3\xa4\xf0\x9f\x98\x80\\u202e\\u0000\\n\"}" },
		{ "{\"since\":\"2026-01-31T10:30:00.5+01:00\"}",
		  "{\"since\":\"2026-01-31T09:30:00.500Z\"}" },
		{ "{\"uptime\":\"-1.25s\"}", "{\"uptime\":\"-1.250s\"}" },
		{ "{\"mask\":\"fooBar,a.bC\"}", "{\"mask\":\"fooBar,a.bC\"}" },
		{ "{\"maybe\":0,\"maybeText\":\"\"}",
		  "{\"maybe\":\"0\",\"maybeText\":\"\"}" },
		{ "{\"maybe\":null,\"anyValue\":null}", "{\"anyValue\":null}" },
		{ "{\"labels\":{\"b\":[1,null],\"a\":{\"x\":true}}}",
		  "{\"labels\":{\"a\":{\"x\":true},\"b\":[1,null]}}" },
		{ "{\"list\":[],\"values\":[null,\"s\"]}",
		  "{\"list\":[],\"values\":[null,\"s\"]}" },
		{ "{\"extra\":{}}", "{\"extra\":{}}" },
		{ "{\"extra\":{\"size\":1,\"@type\":\"a/sample.v1.Disk\"}}",
		  "{\"extra\":{\"@type\":\"a/sample.v1.Disk\","
		  "\"size\":\"1\"}}" },
		{ "{\"extra\":{\"value\":\"2s\","
		  "\"@type\":\"a/google.protobuf.Duration\"}}",
		  "{\"extra\":{\"@type\":\"a/google.protobuf.Duration\","
		  "\"value\":\"2s\"}}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_same("Machine", cases[i].in, cases[i].out);
}

static void proto2_has_its_own_ways(void **state)
{
	check_same("Legacy", "{\"name\":\"\",\"count\":0}",
		   "{\"name\":\"\",\"count\":0}");
	check_same("Legacy",
		   "{\"name\":\"x\",\"part\":[{\"size\":3,\"colors\":[\"RED\","
		   "2]}],\"left\":{\"depth\":1}}",
		   "{\"name\":\"x\",\"part\":[{\"size\":3,\"colors\":[\"RED\","
		   "\"BLUE\"]}],\"left\":{\"depth\":1}}");
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *json;
		const char *error;
	} cases[] = {
		{ "", "nothing, and no JSON" },
		{ "[]", "no object, which sample.v1.Machine must be" },
		{ "{", "the text ends too early" },
		{ "{}x", "something after the end (line 1, column 3)" },
		{ "{\"spec\":\n {\"disks\" [", "spec: no colon after a key "
					       "(line 2, column 11)" },
		{ "{\"spec\":{\"disks\":[{},{\"size\":true}]}}",
		  "spec.disks[1].size: not a number" },
		{ "{\"spec\":{\"byName\":{\"x\":{\"size\":0.5}}}}",
		  "spec.byName.x.size: not a whole number" },
		{ "{\"spec\":{\"memory\":1}}",
		  "spec.memory: sample.v1.Machine.Spec has no such field" },
		{ "{\"spec\":1}", "spec: no object" },
		{ "{\"loads\":{}}", "loads: no array" },
		{ "{\"loads\":[null]}", "loads[0]: null, where" },
		{ "{\"loads\":[2147483648]}", "loads[0]: out of range" },
		{ "{\"loads\":[-2147483649]}", "loads[0]: out of range" },
		{ "{\"loads\":[1e999999999999]}", "loads[0]: out of range" },
		{ "{\"loads\":[\"\"]}", "loads[0]: not a number" },
		{ "{\"loads\":[\" 1\"]}", "loads[0]: not a number" },
		{ "{\"loads\":[01]}", "loads[0]: no number" },
		{ "{\"loads\":[\"01\"]}", "loads[0]: not a number" },
		{ "{\"loads\":[+1]}", "loads[0]: not a number" },
		{ "{\"loads\":[1,]}", "loads[1]: not a number" },
		{ "{\"loads\":[1 2]}", "loads: no comma and no end" },
		{ "{\"cpus\":-1}", "cpus: out of range" },
		{ "{\"ratio\":1e400}", "ratio: out of range" },
		{ "{\"share\":1e39}", "share: out of range" },
		{ "{\"ratio\":\"nan\"}", "ratio: not a number" },
		{ "{\"isShown\":1}", "isShown: neither true nor false" },
		{ "{\"isShown\":tru}", "isShown: no JSON" },
		{ "{\"state\":\"UP\"}", "state: sample.v1.State has no such" },
		{ "{\"name\":5}", "name: not a string" },
		{ "{\"name\":\"a\nb\"}", "name: a control character" },
		{ "{\"name\":\"\\ud800\"}", "name: an escape that is none" },
		{ "{\"name\":\"\\x\"}", "name: an escape that is none" },
		{ "{\"name\":\"x", "name: a string without an end" },
		{ "{\"name\":\"\xff\"}", "no UTF-8" },
		{ "{\"token\":\"A\"}", "token: not base64" },
		{ "{\"token\":\"AA=\"}", "token: not base64" },
		{ "{\"token\":\"A!==\"}", "token: not base64" },
		{ "{\"token\":\"====\"}", "token: not base64" },
		{ "{\"name\":\"\",\"name\":\"\"}", "name: a field that comes" },
		{ "{\"name\":null,\"name\":\"\"}", "name: a field that comes" },
		{ "{\"isShown\":true,\"is_shown\":true}",
		  "isShown: a field that comes twice" },
		{ "{\"notes\":{\"1\":\"\",\"1\":\"\"}}",
		  "notes: a key that comes twice" },
		{ "{\"notes\":{\"x\":\"\"}}", "notes.x: not a number" },
		{ "{\"flags\":{\"1\":0}}", "flags.1: a key that is neither" },
		{ "{\"kernel\":\"\",\"disk\":{}}",
		  "disk: of a oneof in which kernel is set already" },
		{ "{\"since\":\"2026-02-29T00:00:00Z\"}", "since: no time" },
		{ "{\"since\":\"2026-01-01T00:00:00\"}", "since: no time" },
		{ "{\"since\":\"9999-12-31T23:59:59-01:00\"}",
		  "since: out of range" },
		{ "{\"uptime\":\"1\"}", "uptime: no duration" },
		{ "{\"uptime\":\"315576000001s\"}", "uptime: out of range" },
		{ "{\"mask\":\"foo_bar\"}", "mask: a path with an underscore" },
		{ "{\"extra\":{\"size\":1}}", "extra: an Any without @type" },
		{ "{\"extra\":{\"@type\":\"a/b.C\"}}",
		  "extra: the type a/b.C is not known" },
		{ "{\"extra\":{\"@type\":\"a/google.protobuf.Duration\"}}",
		  "extra: an Any without a value" },
		{ "{\"labels\":null,\"labels\":{}}",
		  "labels: a field that comes twice" },
		{ "{\"labels\":{\"a\":{\"x\":1,\"x\":1}}}",
		  "labels.a: a key that comes twice" },
		{ "{\"a\\nb\":1}", "a?b: sample.v1.Machine has no such field" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char error[RECORD_ERROR_BYTES] = "";
		_cleanup_(freep) char *json =
			there_and_back("Machine", cases[i].json, error);

		if (json || !strstr(error, cases[i].error))
			fail_msg("%s: %s", cases[i].json, json ? json : error);
	}
}

static void what_is_required_must_be_there(void **state)
{
	char error[RECORD_ERROR_BYTES] = "";

	assert_null(there_and_back("Legacy", "{\"count\":1}", error));
	assert_string_equal(error, "name: required, and missing");
}

static int decode(const char *type, const char *bytes, size_t n, char *error)
{
	_cleanup_(buffer_deinit) struct buffer buffer;

	buffer_init(&buffer, JSON_BYTES_MAX);
	return json_out(pool, sample_type(pool, type), (const uint8_t *)bytes,
			n, &buffer, error);
}

#define BYTES(text) text, sizeof(text) - 1

static void broken_wire_is_told_with_its_place(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *error;
	} cases[] = {
		{ BYTES("\x0a"), "name: malformed protobuf" },
		{ BYTES("\x0a\x02x"), "name: malformed protobuf" },
		{ BYTES("\x0a\x01\xff"), "name: a string that is no UTF-8" },
		{ BYTES("\x1a\x05\x12\x03\x0a\x01\xff"),
		  "spec.disks[0].path: a string that is no UTF-8" },
		{ BYTES("\x00"), "malformed protobuf: a field whose number" },
		{ BYTES("\x32\x01\x80"), "loads: malformed protobuf" },
		{ BYTES("\x0b\x0c\x0c"), "malformed protobuf" },
		{ BYTES("\x0c"), "malformed protobuf" },
		{ BYTES("\x0b"), "malformed protobuf" },
		{ BYTES("\x0b\x14"), "malformed protobuf" },
		{ BYTES("\xf2\x01\x07\x08\xff\xff\xff\xff\xff\x7f"),
		  "since: no timestamp: out of range" },
		{ BYTES("\x82\x02\x03\x0a\x01_"),
		  "mask[0]: a path that JSON cannot tell" },
		{ BYTES("\x8a\x02\x03\x0a\x01x"), "extra: an Any without" },
		{ BYTES("\x8a\x02\x05\x0a\x03x/y"),
		  "extra: an Any of the unknown type y" },
		{ BYTES("\x9a\x02\x09\x11\0\0\0\0\0\0\xf0\x7f"),
		  "anyValue: a Value that JSON has no number for" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char error[RECORD_ERROR_BYTES] = "";

		assert_int_equal(
			decode("Machine", cases[i].bytes, cases[i].n, error),
			-EINVAL);
		if (!strstr(error, cases[i].error))
			fail_msg("case %zu: %s", i, error);
	}
}

static void check_wire(const char *type, const char *bytes, size_t n,
		       const char *json)
{
	_cleanup_(buffer_deinit) struct buffer buffer;
	char error[RECORD_ERROR_BYTES] = "";

	buffer_init(&buffer, JSON_BYTES_MAX);
	if (json_out(pool, sample_type(pool, type), (const uint8_t *)bytes, n,
		     &buffer, error) < 0)
		fail_msg("%s", error);
	assert_string_equal(buffer.bytes, json);
}

/* Unknown fields and numbers are passed over, and the last one counts. */
static void what_is_not_known_is_passed_over(void **state)
{
	check_wire("Disk", BYTES("\x20\x01\x2b\x33\x34\x2c\x10\x05"),
		   "{\"size\":\"5\"}");
	check_wire("Disk", BYTES("\x12\x01\x05\x10\x07"), "{\"size\":\"7\"}");
	check_wire("Legacy", BYTES("\x18\x03"), "{}");
	check_wire("Legacy", BYTES("\x18\x03\x18\x01"), "{\"color\":\"RED\"}");
	check_wire("Legacy", BYTES("\x4a\x05\x0a\x01x\x10\x09"), "{}");
	check_wire("Machine", BYTES("\x42\x00\x42\x03\x12\x01x"),
		   "{\"notes\":{\"0\":\"x\"}}");
	check_wire("Machine",
		   BYTES("\x6a\x01x\x72\x02\x10\x01\x72\x03\x0a\x01p"),
		   "{\"disk\":{\"path\":\"p\",\"size\":\"1\"}}");
}

/* Each in the one before, as far as it goes. */
static void nesting_is_bounded(void **state)
{
	static char json[4096];
	char error[RECORD_ERROR_BYTES] = "";
	size_t n = 0;

	for (int depth = 2; depth <= RECORD_DEPTH_MAX + 1; depth++) {
		char *result;

		memcpy(json + n, "{\"parent\":{}", 13);
		n += 10;
		memset(json + n + 2, '}', (size_t)depth - 1);
		json[n + 1 + (size_t)depth] = '\0';
		result = there_and_back("Machine", json, error);
		assert_int_equal(result != NULL, depth <= RECORD_DEPTH_MAX);
		free(result);
	}
	assert_non_null(strstr(error, ": nested too deeply"));
	memset(json, '[', sizeof(json) - 1);
	memcpy(json, "{\"list\":", 8);
	assert_null(there_and_back("Machine", json, error));
	assert_non_null(strstr(error, "nested too deeply"));
	memcpy(json, "{\"extra\":{\"x\":", 14);
	assert_null(there_and_back("Machine", json, error));
	assert_non_null(strstr(error, "nested too deeply"));
}

static void groups_are_bounded_too(void **state)
{
	char bytes[300];
	char error[RECORD_ERROR_BYTES] = "";

	memset(bytes, 0x2b, sizeof(bytes));
	assert_int_equal(decode("Disk", bytes, sizeof(bytes), error), -EINVAL);
	assert_string_equal(error, "nested too deeply");
}

static void what_is_too_long_is_refused(void **state)
{
	_cleanup_(buffer_deinit) struct buffer buffer;
	char error[RECORD_ERROR_BYTES] = "";

	buffer_init(&buffer, 20);
	assert_int_equal(json_out(pool, sample_type(pool, "Disk"),
				  (const uint8_t *)"\x0a\x0amore bytes", 12,
				  &buffer, error),
			 -EMSGSIZE);
	assert_string_equal(error, "too long as JSON");
	assert_true(buffer.n <= 20);
}

static void without_memory_nothing_is_left(void **state)
{
	static const char json[] =
		"{\"spec\":{\"disks\":[{\"path\":\"a\\n\"}]},\"labels\":{\"a\":"
		"[1]},\"notes\":{\"1\":\"\",\"2\":\"\"},\"token\":\"QUJD\","
		"\"extra\":{\"@type\":\"a/sample.v1.Disk\",\"size\":1}}";

	for (unsigned i = 0; i == 0 || fault_hit(); i++) {
		char error[RECORD_ERROR_BYTES] = "";
		char *result;

		fault_arm(i);
		result = there_and_back("Machine", json, error);
		fault_disarm();
		assert_int_equal(result == NULL, fault_hit());
		if (!result)
			assert_string_equal(error, strerror(ENOMEM));
		free(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_that_is_taken_comes_back_as_one),
		cmocka_unit_test(proto2_has_its_own_ways),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(what_is_required_must_be_there),
		cmocka_unit_test(broken_wire_is_told_with_its_place),
		cmocka_unit_test(what_is_not_known_is_passed_over),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(groups_are_bounded_too),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(without_memory_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
