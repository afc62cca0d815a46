/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/decoder.h"
#include "cli/entry.h"
#include "cli/entry_in.h"

#define TIME_NS UINT64_C(1796045400123456789)

static int set_zone(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static struct helio_log_record record_of(const char *body, size_t n)
{
	return (struct helio_log_record){
		.sequence = 7,
		.time_ns = TIME_NS,
		.kind = HELIO_LOG_MESSAGE,
		.message = { .subject = "vm.web.log",
			     .body = body,
			     .n_body = n,
			     .source = "vm:web",
			     .durable_id = "u1",
			     .incarnation = 0x1f },
	};
}

/* Returns what is shown, for free(). */
static char *show(enum entry_format format, const char *fields,
		  const struct helio_log_record *record)
{
	const struct entry_view view = { .format = format,
					 .log = "events",
					 .fields = fields,
					 .is_terminal = true };
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	entry_write(&view, record, out);
	fclose(out);
	return text;
}

static void shows(enum entry_format format, const char *fields,
		  const struct helio_log_record *record, const char *expected)
{
	char *text = show(format, fields, record);

	assert_string_equal(text, expected);
	free(text);
}

static void test_short(void **state)
{
	struct helio_log_record record = record_of("hello\n", 6);
	struct helio_header headers[] = { { "tag", "sshd", 4 },
					  { "pid", "12", 2 } };

	shows(ENTRY_SHORT, NULL, &record,
	      "Nov 30 13:30:00 vm:web vm.web.log: hello\n");
	record.message.headers = headers;
	record.message.n_headers = 2;
	shows(ENTRY_SHORT, NULL, &record,
	      "Nov 30 13:30:00 vm:web vm.web.log sshd[12]: hello\n");
	record.message.subject = "";
	record.message.n_headers = 0;
	shows(ENTRY_SHORT, NULL, &record,
	      "Nov 30 13:30:00 vm:web (hidden): hello\n");
}

/* One record is one line, and none of it drives a terminal. */
static void test_hostile(void **state)
{
	struct helio_log_record record =
		record_of("a\nNov 30\x1b[2J\xe2\x80\xaex", 16);
	struct helio_header headers[] = { { "tag", "\x1b]0;x\a\n", 7 } };

	record.message.headers = headers;
	record.message.n_headers = 1;
	record.message.source = "vm:\x9bq";
	shows(ENTRY_SHORT, NULL, &record,
	      "Nov 30 13:30:00 vm:\\x9bq vm.web.log \\x1b]0;x\\x07\\n: "
	      "a\\nNov 30\\x1b[2J\\u{202e}x\n");
	shows(ENTRY_CAT, NULL, &record, "a\\nNov 30\\x1b[2J\\u{202e}x\n");
	for (int format = ENTRY_SHORT; format <= ENTRY_VERBOSE; format++) {
		char *text = show((enum entry_format)format, NULL, &record);

		assert_null(strchr(text, 0x1b));
		assert_null(strchr(text, 7));
		assert_null(strchr(text, '\x9b'));
		free(text);
	}
}

static void test_binary(void **state)
{
	struct helio_log_record record = record_of("\x00\x01\xff", 3);

	shows(ENTRY_SHORT, NULL, &record,
	      "Nov 30 13:30:00 vm:web vm.web.log: [3 bytes: 0001ff]\n");
}

static void test_gap(void **state)
{
	struct helio_log_record record = record_of("reconnect", 9);

	record.kind = HELIO_LOG_GAP;
	record.n_lost = 5;
	record.message.subject = "vm.>";
	shows(ENTRY_SHORT, NULL, &record,
	      "Nov 30 13:30:00 -- 5 messages are missing here (reconnect): "
	      "vm.> --\n");
}

static void test_json(void **state)
{
	struct helio_log_record record = record_of("x\"\x1b", 3);

	shows(ENTRY_JSON, NULL, &record,
	      "{\"log\":\"events\",\"sequence\":7,"
	      "\"time\":\"2026-11-30T13:30:00.123456789Z\","
	      "\"subject\":\"vm.web.log\",\"source\":\"vm:web\","
	      "\"durable_id\":\"u1\",\"incarnation\":\"000000000000001f\","
	      "\"body\":\"x\\\"\\u001b\"}\n");
	shows(ENTRY_JSON, "subject,body", &record,
	      "{\"sequence\":7,\"subject\":\"vm.web.log\","
	      "\"body\":\"x\\\"\\u001b\"}\n");
	shows(ENTRY_JSON, "sub", &record, "{\"sequence\":7}\n");
}

static void test_verbose(void **state)
{
	struct helio_log_record record = record_of("{\"a\": [1,{}]}", 13);

	shows(ENTRY_VERBOSE, NULL, &record,
	      "Mon 2026-11-30 13:30:00.123456 UTC [events:7]\n"
	      "    kind: message\n"
	      "    subject: vm.web.log\n"
	      "    source: vm:web\n"
	      "    durable id: u1\n"
	      "    incarnation: 000000000000001f\n"
	      "    body: 13 bytes, JSON\n"
	      "        {\n"
	      "          \"a\": [\n"
	      "            1,\n"
	      "            {}\n"
	      "          ]\n"
	      "        }\n");
}

/* ---- back from JSON ---- */

static int read_line(struct arena *arena, const char *line,
		     struct run_record *record)
{
	char error[ENTRY_IN_ERROR_BYTES] = "";
	int r;

	arena_deinit(arena);
	arena_init(arena, ENTRY_IN_ARENA_BYTES);
	r = entry_in(arena, line, strlen(line), record, error);
	assert_true(r != -EINVAL || *error);
	return r;
}

static void test_back(void **state)
{
	struct helio_log_record record = record_of("\x00\xff", 2);
	struct helio_header headers[] = { { "tag", "\xfe", 1 } };
	struct run_record back;
	struct arena arena = { 0 };
	char *line;

	record.message.headers = headers;
	record.message.n_headers = 1;
	record.message.idempotency_key = "p:1";
	line = show(ENTRY_JSON, NULL, &record);
	assert_int_equal(read_line(&arena, line, &back), 0);
	assert_int_equal(back.sequence, 7);
	assert_int_equal(back.time_ns, TIME_NS);
	assert_int_equal(back.kind, RUN_MESSAGE);
	assert_int_equal(back.flags, RUN_HAS_KEY);
	assert_int_equal(back.n_subject, 10);
	assert_memory_equal(back.subject, "vm.web.log", 10);
	assert_int_equal(back.source.incarnation, 0x1f);
	assert_int_equal(back.n_body, 2);
	assert_memory_equal(back.body, "\x00\xff", 2);
	/* key, and a header of a name and one byte. */
	assert_int_equal(back.n_metadata, 5 + 2 + 5 + 3);
	free(line);
	arena_deinit(&arena);
}

static void test_refused(void **state)
{
	static const char time[] = "\"time\":\"2026-11-30T13:30:00Z\"";
	static const char *const lines[] = {
		"",
		"[]",
		"{}",
		"{\"sequence\":1}",
		"{\"sequence\":0,%s}",
		"{\"sequence\":-1,%s}",
		"{\"sequence\":1.5,%s}",
		"{\"sequence\":99999999999999999999,%s}",
		"{\"sequence\":1,\"sequence\":2,%s}",
		"{\"sequence\":1,%s,\"kind\":\"rumour\"}",
		"{\"sequence\":1,%s,\"schema\":\"00\"}",
		"{\"sequence\":1,%s,\"incarnation\":\"xx\"}",
		"{\"sequence\":1,%s,\"body_base64\":\"*\"}",
		"{\"sequence\":1,%s,\"body\":7}",
		"{\"sequence\":1,%s,\"subject\":\"a\\u0000b\"}",
		"{\"sequence\":1,%s,\"headers\":[7]}",
		"{\"sequence\":1,%s} x",
		"{\"sequence\":1,%s",
	};
	struct run_record record;
	struct arena arena = { 0 };
	char line[256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const char *at = strstr(lines[i], "%s");

		if (at)
			snprintf(line, sizeof(line), "%.*s%s%s",
				 (int)(at - lines[i]), lines[i], time, at + 2);
		else
			snprintf(line, sizeof(line), "%s", lines[i]);
		if (read_line(&arena, line, &record) != -EINVAL)
			fail_msg("taken: %s", line);
	}
	/* What others add is passed over. */
	snprintf(line, sizeof(line), "{\"x\":[{}],\"sequence\":1,%s}", time);
	assert_int_equal(read_line(&arena, line, &record), 0);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),  cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_binary), cmocka_unit_test(test_gap),
		cmocka_unit_test(test_json),   cmocka_unit_test(test_verbose),
		cmocka_unit_test(test_back),   cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
