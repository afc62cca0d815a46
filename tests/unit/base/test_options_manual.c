/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/options_manual.h"
#include "base/roff.h"

static char *write_roff(const char *text)
{
	char *page = NULL;
	size_t n;
	FILE *out = open_memstream(&page, &n);

	assert_non_null(out);
	roff_write(out, text, strlen(text));
	fclose(out);
	return page;
}

static void assert_roff(const char *text, const char *expected)
{
	_cleanup_(freep) char *page = write_roff(text);

	assert_string_equal(page, expected);
}

static void text_is_text(void **state)
{
	assert_roff("", "");
	assert_roff("a-b\\c", "a\\-b\\ec");
	assert_roff(".x\n'y\nz.", "\\&.x\n\\&'y\nz.");
	assert_roff("one\n\n.two", "one\n.PP\n\\&.two");
}

static void a_table_is_a_page(void **state)
{
	static const struct options_row rows[] = {
		{ .name = "dir", .value = "DIR", .help = "a folder;\nthe one" },
		{ .name = "ready-fd", .help = "when" },
		{ .name = NULL },
	};
	static const struct options_part parts[] = {
		{ rows, 0 },
		{ rows + 1, 0 },
		{ NULL, 0 },
	};
	const struct options_table table = {
		.usage = "usage: helio-x --dir DIR\n"
			 "               [--fd N]\n"
			 "\n"
			 "The x: it does\n"
			 "what it does.\n"
			 "\n",
		.parts = parts,
		.closing = "\nAnd goes.\n",
	};
	_cleanup_(freep) char *page = NULL;
	size_t n;
	FILE *out = open_memstream(&page, &n);

	assert_non_null(out);
	options_manual(&table, out);
	fclose(out);
	assert_string_equal(
		page, ".TH helio\\-x 8 \"\" heliograph\n"
		      ".SH NAME\nhelio\\-x \\- The x\n"
		      ".SH SYNOPSIS\n.nf\nhelio\\-x \\-\\-dir DIR\n"
		      "        [\\-\\-fd N]\n.fi\n"
		      ".SH DESCRIPTION\nThe x: it does\nwhat it does.\n"
		      ".PP\nAnd goes.\n"
		      ".SH OPTIONS\n"
		      ".TP\n\\fB\\-\\-dir\\fR \\fIDIR\\fR\na folder;\nthe one\n"
		      ".TP\n\\fB\\-\\-ready\\-fd\\fR\nwhen\n"
		      ".TP\n\\fB\\-\\-ready\\-fd\\fR\nwhen\n"
		      ".SH SEE ALSO\n\\fBhelio\\-up\\fR(1)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_text),
		cmocka_unit_test(a_table_is_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
