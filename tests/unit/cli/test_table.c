/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <helio/switch/v1/switch.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/field.h"
#include "cli/headers.h"
#include "cli/table.h"

static const struct column columns[] = {
	{ "NAME", "name", CELL_TEXT },  { "N", "n", CELL_NUMBER },
	{ NULL, "id", CELL_ID },        { "RATE", "rate", CELL_RATE },
	{ "MODE", "mode", CELL_OCTAL }, { "LIVE", "live", CELL_BOOL },
};

enum { N_COLUMNS = sizeof(columns) / sizeof(*columns) };

static void add(struct table *table, const char *name, uint64_t n)
{
	const struct cell cells[N_COLUMNS] = {
		cell_text(name), cell_number(n),    cell_number(n),
		cell_rate(1.25), cell_number(0660), cell_number(n != 0),
	};

	assert_int_equal(table_add(table, cells), 0);
}

/* What table_write() puts on standard output. */
static char *written(const struct table *table, int format)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	char *text = calloc(1, 4096);

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	table_write(table, format);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	assert_true(fread(text, 1, 4095, file) < 4095);
	fclose(file);
	return text;
}

static void assert_written(const struct table *table, int format,
			   const char *expected)
{
	char *text = written(table, format);

	assert_string_equal(text, expected);
	free(text);
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
	struct table table;

	table_init(&table, columns, N_COLUMNS);
	assert_written(&table, FORMAT_TEXT, "NAME  N  RATE  MODE  LIVE\n");
	add(&table, "a", 1);
	add(&table, "longer", 12345);
	assert_written(&table, FORMAT_TEXT,
		       "NAME        N  RATE  MODE  LIVE\n"
		       "a           1   1.2  0660   yes\n"
		       "longer  12345   1.2  0660   yes\n");
	table_deinit(&table);
}

static void json_has_every_column_and_whole_numbers(void **state)
{
	struct table table;

	table_init(&table, columns, N_COLUMNS);
	assert_written(&table, FORMAT_JSON, "[]\n");
	add(&table, "a\"b", 0);
	add(&table, NULL, UINT64_MAX);
	assert_written(&table, FORMAT_JSON,
		       "[{\"name\":\"a\\\"b\",\"n\":0,"
		       "\"id\":\"0000000000000000\",\"rate\":1.250,"
		       "\"mode\":\"0660\",\"live\":false},"
		       "{\"name\":\"\",\"n\":18446744073709551615,"
		       "\"id\":\"ffffffffffffffff\",\"rate\":1.250,"
		       "\"mode\":\"0660\",\"live\":true}]\n");
	table_deinit(&table);
}

static void a_name_cannot_drive_the_terminal(void **state)
{
	struct table table;
	char *text;

	table_init(&table, columns, N_COLUMNS);
	add(&table, "\x1b[2J\n", 1);
	text = written(&table, FORMAT_TEXT);
	assert_non_null(strstr(text, "\\x1b[2J\\n"));
	assert_null(strchr(text, '\x1b'));
	free(text);
	table_deinit(&table);
}

static void many_rows_fit(void **state)
{
	struct table table;

	table_init(&table, columns, N_COLUMNS);
	for (unsigned i = 0; i < 1000; i++)
		add(&table, "x", i);
	assert_int_equal(table.n_cells, 1000 * N_COLUMNS);
	assert_int_equal(table.cells[999 * N_COLUMNS + 1].number, 999);
	table_deinit(&table);
}

static void fields_are_read_by_name(void **state)
{
	char name[] = "vm:web";
	Helio__Switch__V1__Peer peer = HELIO__SWITCH__V1__PEER__INIT;
	Helio__Switch__V1__Peer *peers[] = { &peer };
	Helio__Switch__V1__ListPeersReply reply =
		HELIO__SWITCH__V1__LIST_PEERS_REPLY__INIT;
	ProtobufCMessage *const *rows;
	size_t n;

	peer.principal = name;
	peer.has_pid = 1;
	peer.pid = 7;
	peer.calls = 9; /* not present, whatever stands there */
	peer.has_incarnation = 1;
	peer.incarnation = UINT64_MAX;
	reply.peers = peers;
	reply.n_peers = 1;

	assert_string_equal(field_text(&peer.base, "principal"), "vm:web");
	assert_string_equal(field_text(&peer.base, "program"), "");
	assert_string_equal(field_text(&peer.base, "pid"), "");
	assert_int_equal(field_number(&peer.base, "pid"), 7);
	assert_int_equal(field_number(&peer.base, "calls"), 0);
	assert_int_equal(field_number(&peer.base, "incarnation"), UINT64_MAX);
	assert_int_equal(field_number(&peer.base, "principal"), 0);
	assert_int_equal(field_number(&peer.base, "no_such_field"), 0);
	rows = field_messages(&reply.base, "peers", &n);
	assert_int_equal(n, 1);
	assert_ptr_equal(rows[0], &peer.base);
	assert_null(field_messages(&reply.base, "next", &n));
	assert_int_equal(n, 0);
}

static void fields_are_set_by_name(void **state)
{
	Helio__Switch__V1__ListPeersRequest request =
		HELIO__SWITCH__V1__LIST_PEERS_REQUEST__INIT;

	field_set_number(&request.base, "limit", 64);
	field_set_number(&request.base, "cursor", UINT64_MAX);
	field_set_text(&request.base, "principal", "vm:web");
	field_set_number(&request.base, "no_such_field", 1);
	assert_true(request.has_limit);
	assert_int_equal(request.limit, 64);
	assert_true(request.has_cursor);
	assert_int_equal(request.cursor, UINT64_MAX);
	assert_string_equal(request.principal, "vm:web");
}

static void headers_are_names_and_values(void **state)
{
	const struct texts good = { 3, { "a:b", "Long-Name:  x:y ", "e:" } };
	struct headers headers;

	assert_int_equal(headers_init(&headers, &good), 0);
	assert_int_equal(headers.n, 3);
	assert_string_equal(headers.at[1].name, "Long-Name");
	assert_int_equal(headers.at[1].n_value, 4);
	assert_memory_equal(headers.at[1].value, "x:y ", 4);
	assert_int_equal(headers.at[2].n_value, 0);
	headers_deinit(&headers);
}

static void what_is_no_header_is_refused(void **state)
{
	static const struct texts bad[] = { { 1, { "nocolon" } },
					    { 1, { ":value" } },
					    { 2, { "a:b", "" } } };
	struct headers headers;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(headers_init(&headers, &bad[i]), -EINVAL);
		assert_int_equal(headers.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
		cmocka_unit_test(json_has_every_column_and_whole_numbers),
		cmocka_unit_test(a_name_cannot_drive_the_terminal),
		cmocka_unit_test(many_rows_fit),
		cmocka_unit_test(fields_are_read_by_name),
		cmocka_unit_test(fields_are_set_by_name),
		cmocka_unit_test(headers_are_names_and_values),
		cmocka_unit_test(what_is_no_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
