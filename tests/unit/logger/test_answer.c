/* SPDX-License-Identifier: MIT */

/* Fields of bodies as values of SQL, and what bodies are. */

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
#include "logger/answer_columns.h"
#include "logger/answer_field.h"
#include "schema/json_in.h"
#include "tests/fault.h"
#include "tests/schema/sample.h"

enum { BODY_MAX = 4096, CONTENT_TYPE_KEY = 4 << 3 | 2 };

static const uint8_t known[POOL_CACHE_HASH_BYTES] = { 1 };
static const uint8_t unknown[POOL_CACHE_HASH_BYTES] = { 2 };

struct world {
	struct answer_bodies bodies;
	struct pool *pool;
	uint8_t *set;
	size_t n_set;
	/* A record of a Machine. */
	struct run_record record;
	uint8_t metadata[128];
	uint8_t body[BODY_MAX];
};

static struct world world;

static int load(void *userdata, const uint8_t *hash, const uint8_t **ret_set,
		size_t *ret_n)
{
	(void)userdata;
	*ret_set = world.set;
	*ret_n = world.n_set;
	return !memcmp(hash, known, sizeof(known));
}

static int set_up(void **state)
{
	world.set = sample_read(&world.n_set);
	world.pool = sample_pool();
	answer_bodies_init(&world.bodies, load, NULL);
	return 0;
}

static int tear_down(void **state)
{
	answer_bodies_deinit(&world.bodies);
	pool_free(world.pool);
	free(world.set);
	return 0;
}

static void set_content_type(const char *content_type)
{
	size_t n = strlen(content_type);

	world.metadata[0] = CONTENT_TYPE_KEY;
	world.metadata[1] = (uint8_t)n;
	memcpy(world.metadata + 2, content_type, n);
	world.record.metadata = world.metadata;
	world.record.n_metadata = n + 2;
}

/* The record is a message of this type. */
static void set_message(const char *type, const char *json)
{
	char error[RECORD_ERROR_BYTES] = "";
	char content_type[100];
	uint8_t *wire;
	size_t n;
	int r = json_in(world.pool, sample_type(world.pool, type), json,
			strlen(json), &wire, &n, error);

	if (r)
		print_message("%s\n", error);
	assert_int_equal(r, 0);
	assert_true(n < BODY_MAX);
	memcpy(world.body, wire, n);
	free(wire);
	world.record = (struct run_record){ .kind = RUN_MESSAGE,
					    .subject = "a.b",
					    .n_subject = 3,
					    .schema = known,
					    .body = world.body,
					    .n_body = n };
	snprintf(content_type, sizeof(content_type),
		 "application/protobuf; message=sample.v1.%s", type);
	set_content_type(content_type);
}

static const char *write_value(const struct question_value *value)
{
	static char text[1024];

	switch (value->type) {
	case QUESTION_NUMBER:
		snprintf(text, sizeof(text), "%lld", (long long)value->number);
		break;
	case QUESTION_REAL:
		snprintf(text, sizeof(text), "%.6g real", value->real);
		break;
	case QUESTION_NULL:
		return "null";
	default:
		snprintf(text, sizeof(text), "%s'%.*s'",
			 value->type == QUESTION_BYTES ? "x" : "",
			 (int)value->n_bytes, (const char *)value->bytes);
	}
	return text;
}

static const char *column(enum answer_column column)
{
	struct question_value value;
	char hex[ANSWER_HEX_BYTES];

	assert_int_equal(answer_column_value(&world.bodies, &world.record,
					     column, hex, &value),
			 0);
	return write_value(&value);
}

static const char *field(const char *path)
{
	struct question_value arguments[ANSWER_FIELD_ARGUMENTS];
	struct question_value value;
	char hex[ANSWER_HEX_BYTES];
	const char *why = NULL;

	assert_int_equal(answer_column_value(&world.bodies, &world.record,
					     ANSWER_RECORD, hex, &arguments[0]),
			 0);
	arguments[1] = (struct question_value){ .type = QUESTION_TEXT,
						.bytes = path,
						.n_bytes = strlen(path) };
	assert_int_equal(answer_field(&world.bodies, arguments, &value, &why),
			 0);
	return why ? why : write_value(&value);
}

#define assert_field(path, expected) assert_string_equal(field(path), expected)

static void scalars_are_what_they_are(void **state)
{
	set_message("Machine",
		    "{\"name\": \"web\", \"state\": \"STATE_RUNNING\","
		    " \"spec\": {\"memoryBytes\": \"9007199254740993\"},"
		    " \"token\": \"YWI=\", \"ratio\": 0.5, \"share\": 2,"
		    " \"isShown\": true, \"by\": -7,"
		    " \"mark\": \"18446744073709551615\"}");
	assert_field("name", "'web'");
	assert_field("state", "'STATE_RUNNING'");
	assert_field("spec.memory_bytes", "9007199254740993");
	assert_field("spec.memoryBytes", "9007199254740993");
	assert_field("token", "x'ab'");
	assert_field("ratio", "0.5 real");
	assert_field("share", "2 real");
	assert_field("is_shown", "1");
	assert_field("shift", "-7");
	assert_field("by", "-7");
	assert_field("mark", "1.84467e+19 real");
}

static void what_is_not_set_has_its_default_or_is_null(void **state)
{
	set_message("Machine", "{}");
	assert_field("name", "''");
	assert_field("state", "'STATE_UNKNOWN'");
	assert_field("is_shown", "0");
	assert_field("ratio", "0 real");
	assert_field("cpus", "null");
	assert_field("spec", "null");
	assert_field("spec.memory_bytes", "null");
	assert_field("kernel", "null");
	assert_field("history", "'[]'");
	assert_field("flags", "'{}'");
	assert_field("loads[0]", "null");
	assert_field("notes.7", "null");
	assert_field("colour", "null");
	assert_field("name.colour", "null");
	assert_field("name[0]", "null");
	set_message("Machine", "{\"spec\": {}, \"cpus\": 0}");
	assert_field("spec", "'{}'");
	assert_field("spec.memory_bytes", "0");
	assert_field("cpus", "0");
}

static void what_repeats_is_json_or_a_member(void **state)
{
	set_message("Machine",
		    "{\"spec\": {\"disks\": [{\"path\": \"/a\", \"size\": 1},"
		    " {\"size\": \"20\"}],"
		    " \"byName\": {\"a.b\": {\"path\": \"/ab\"}}},"
		    " \"history\": [\"STATE_UP\", 7], \"loads\": [3, -4],"
		    " \"notes\": {\"-1\": \"cold\", \"5\": \"warm\"},"
		    " \"flags\": {\"true\": \"STATE_BROKEN\"}}");
	assert_field("spec.disks",
		     "'[{\"path\":\"/a\",\"size\":\"1\"},{\"size\":\"20\"}]'");
	assert_field("spec.disks[0].path", "'/a'");
	assert_field("spec.disks[1].size", "20");
	assert_field("spec.disks[1].path", "''");
	assert_field("spec.disks[2].size", "null");
	assert_field("spec.disks.size", "null");
	assert_field("spec.disks[0]", "'{\"path\":\"/a\",\"size\":\"1\"}'");
	assert_field("spec.by_name.\"a.b\".path", "'/ab'");
	assert_field("spec.by_name.a", "null");
	assert_field("spec.by_name[0]", "null");
	assert_field("history[0]", "'STATE_RUNNING'");
	assert_field("history[1]", "7");
	assert_field("loads", "'[3,-4]'");
	assert_field("loads[1]", "-4");
	assert_field("notes", "'{\"-1\":\"cold\",\"5\":\"warm\"}'");
	assert_field("notes.-1", "'cold'");
	assert_field("notes.5", "'warm'");
	assert_field("flags.true", "'STATE_BROKEN'");
	assert_field("flags.false", "null");
}

static void known_messages_are_what_they_stand_for(void **state)
{
	set_message("Machine",
		    "{\"since\": \"2026-01-02T03:04:05Z\", \"uptime\": \"90s\","
		    " \"mask\": \"name,spec\", \"maybe\": \"-5\","
		    " \"maybeText\": \"\", \"anyValue\": 2.5,"
		    " \"values\": [null, \"x\", true, [1]],"
		    " \"labels\": {\"a\": 1}, \"list\": [],"
		    " \"extra\": {\"@type\": \"t/sample.v1.Disk\","
		    "             \"size\": 3}}");
	assert_field("since", "'2026-01-02T03:04:05Z'");
	assert_field("since.seconds", "1767323045");
	assert_field("uptime", "'90s'");
	assert_field("mask", "'name,spec'");
	assert_field("maybe", "-5");
	assert_field("maybe_text", "''");
	assert_field("any_value", "2.5 real");
	assert_field("values[0]", "null");
	assert_field("values[1]", "'x'");
	assert_field("values[2]", "1");
	assert_field("values[3]", "'[1]'");
	assert_field("values[3].list_value.values[0]", "1 real");
	assert_field("labels", "'{\"a\":1}'");
	assert_field("labels.fields.a", "1 real");
	assert_field("list", "'[]'");
	assert_field("extra", "'{\"@type\":\"t/sample.v1.Disk\","
			      "\"size\":\"3\"}'");
}

static void what_is_no_path_is_refused(void **state)
{
	static const char *const paths[] = {
		"",       ".",     "a.",     ".a",         "a..b",
		"[0]",    "a[",    "a[]",    "a[x]",       "a[-1]",
		"a[1",    "a[0]b", "a.[0]",  "a]",         "\"a",
		"a\"b\"", "a b]",  "\"a\"b", "$.a[\"b\"]", "a[1234567890]",
	};
	char long_path[1100];

	set_message("Machine", "{}");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_non_null(strstr(field(paths[i]), "is a path"));
	memset(long_path, 'a', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_non_null(strstr(field(long_path), "is a path"));
}

static void field_takes_a_record(void **state)
{
	struct question_value arguments[ANSWER_FIELD_ARGUMENTS] = {
		{ .type = QUESTION_TEXT, .bytes = "{}", .n_bytes = 2 },
		{ .type = QUESTION_TEXT, .bytes = "a", .n_bytes = 1 },
	};
	struct question_value value;
	const char *why = NULL;

	assert_int_equal(answer_field(&world.bodies, arguments, &value, &why),
			 0);
	assert_non_null(strstr(why, "`record`"));
	why = NULL;
	arguments[0].type = QUESTION_NULL;
	assert_int_equal(answer_field(&world.bodies, arguments, &value, &why),
			 0);
	assert_null(why);
	assert_int_equal(value.type, QUESTION_NULL);
}

static void what_is_not_known_is_null(void **state)
{
	set_message("Machine", "{\"name\": \"web\"}");
	assert_string_equal(column(ANSWER_TYPE), "'sample.v1.Machine'");
	assert_string_equal(column(ANSWER_MESSAGE), "'{\"name\":\"web\"}'");
	world.record.schema = unknown;
	assert_string_equal(column(ANSWER_TYPE), "null");
	assert_string_equal(column(ANSWER_MESSAGE), "null");
	assert_field("name", "null");
	world.record.schema = NULL;
	assert_string_equal(column(ANSWER_MESSAGE), "null");
	world.record.schema = known;
	set_content_type("application/protobuf; message=sample.v1.Nobody");
	assert_string_equal(column(ANSWER_TYPE), "null");
	assert_field("name", "null");
	world.record.n_metadata = 0;
	assert_string_equal(column(ANSWER_TYPE), "null");
}

static void a_body_that_is_none_is_null(void **state)
{
	set_message("Machine", "{\"name\": \"web\"}");
	world.record.n_body--;
	assert_string_equal(column(ANSWER_TYPE), "'sample.v1.Machine'");
	assert_string_equal(column(ANSWER_MESSAGE), "null");
	assert_field("name", "null");
	world.record.n_body++;
	assert_field("name", "'web'");
	/* An Any of a type that there is not has no JSON, but a field. */
	set_message("Machine", "{\"name\": \"web\", \"extra\":"
			       " {\"@type\": \"t/sample.v1.Disk\"}}");
	memcpy((char *)memmem(world.body, world.record.n_body, "Disk", 4),
	       "Dusk", 4);
	assert_string_equal(column(ANSWER_MESSAGE), "null");
	assert_field("extra", "null");
	assert_field("name", "'web'");
	assert_field("extra.type_url", "'t/sample.v1.Dusk'");
}

static void calls_are_known_by_their_method(void **state)
{
	set_message("GetRequest", "{\"name\": \"web\"}");
	world.record.kind = RUN_CALL;
	world.record.subject = "sample.v1.Machines.Get";
	world.record.n_subject = strlen(world.record.subject);
	world.record.n_metadata = 0;
	assert_string_equal(column(ANSWER_TYPE), "'sample.v1.GetRequest'");
	assert_field("name", "'web'");
	world.record.kind = RUN_REPLY;
	assert_string_equal(column(ANSWER_TYPE), "'sample.v1.Machine'");
	world.record.status = 5;
	assert_string_equal(column(ANSWER_TYPE), "null");
	world.record.kind = RUN_GAP;
	world.record.status = 0;
	assert_string_equal(column(ANSWER_TYPE), "null");
	/* The bus's own are known without a schema. */
	world.record.kind = RUN_CALL;
	world.record.schema = NULL;
	world.record.subject = "helio.switch.v1.Switch.Check";
	world.record.n_subject = strlen(world.record.subject);
	assert_string_equal(column(ANSWER_TYPE),
			    "'helio.switch.v1.CheckRequest'");
	assert_field("principal", "'web'");
}

/* Of eight bytes each, records that take forty times as much. */
static void a_body_that_takes_too_much_is_null(void **state)
{
	static const uint8_t disk[] = { 0x12, 6, 0x0a, 0, 0x10, 1, 0x18, 1 };
	enum { N_DISKS = BODY_MAX / sizeof(disk) };

	set_message("Machine.Spec", "{}");
	for (size_t i = 0; i < N_DISKS; i++)
		memcpy(world.body + i * sizeof(disk), disk, sizeof(disk));
	world.bodies.decoded.arena.n_bytes_max = (size_t)BODY_MAX * 20;
	world.record.n_body = BODY_MAX / 4;
	assert_field("disks[99].size", "1");
	world.record.n_body = BODY_MAX;
	assert_field("disks[99].size", "null");
	assert_string_equal(column(ANSWER_MESSAGE), "null");
	set_message("Machine", "{\"name\": \"web\"}");
	assert_field("name", "'web'");
	world.bodies.decoded.arena.n_bytes_max = 64 << 20;
}

/* It is a field, but has too many digits for a text. */
static void what_is_too_long_as_json_is_null(void **state)
{
	enum { N_LOADS = 1000 * 1000 };
	uint8_t *body = malloc(N_LOADS);

	assert_non_null(body);
	memset(body, 1, N_LOADS);
	/* `loads`, packed, and the length of the rest. */
	memcpy(body, "\x32\xbc\x84\x3d", 4);
	set_message("Machine", "{}");
	world.record.body = body;
	world.record.n_body = N_LOADS;
	assert_field("loads[999]", "1");
	assert_field("loads", "null");
	assert_string_equal(column(ANSWER_MESSAGE), "null");
	free(body);
}

/* Nothing that was decoded by it is used any more, wherever the new one is. */
static void a_schema_that_made_room_is_read_again(void **state)
{
	struct answer_decoded *decoded = &world.bodies.decoded;
	uint8_t hash[POOL_CACHE_HASH_BYTES] = { 3 };
	const struct pool *pool;

	set_message("Machine", "{\"name\": \"web\"}");
	assert_field("name", "'web'");
	for (uint8_t i = 0; i < UINT8_MAX; i++) {
		hash[1] = i;
		assert_int_equal(
			pool_cache_get(&world.bodies.pools, hash, &pool), 0);
	}
	assert_int_equal(pool_cache_get(&world.bodies.pools, known, &pool), 1);
	decoded->type = sample_type(pool, "Machine");
	assert_field("name", "'web'");
	assert_int_equal(decoded->n_freed, world.bodies.pools.n_freed);
}

static void it_survives_that_there_is_no_memory(void **state)
{
	struct question_value value;
	char hex[ANSWER_HEX_BYTES];
	int r;

	set_message("Machine", "{\"name\": \"web\", \"loads\": [1, 2, 3]}");
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		answer_bodies_deinit(&world.bodies);
		answer_bodies_init(&world.bodies, load, NULL);
		fault_arm(n);
		r = answer_column_value(&world.bodies, &world.record,
					ANSWER_MESSAGE, hex, &value);
		fault_disarm();
		/* A map that cannot grow is only slower. */
		assert_true(r == 0 || (fault_hit() && r == -ENOMEM));
		assert_true(r < 0 || value.type == QUESTION_TEXT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_what_they_are),
		cmocka_unit_test(what_is_not_set_has_its_default_or_is_null),
		cmocka_unit_test(what_repeats_is_json_or_a_member),
		cmocka_unit_test(known_messages_are_what_they_stand_for),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(field_takes_a_record),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(a_body_that_is_none_is_null),
		cmocka_unit_test(calls_are_known_by_their_method),
		cmocka_unit_test(a_body_that_takes_too_much_is_null),
		cmocka_unit_test(what_is_too_long_as_json_is_null),
		cmocka_unit_test(a_schema_that_made_room_is_read_again),
		cmocka_unit_test(it_survives_that_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
