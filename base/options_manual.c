/* SPDX-License-Identifier: MIT */

#include "base/options_manual.h"

#include <string.h>

#include "base/roff.h"

static const char prefix[] = "usage: ";

static void write_text(FILE *out, const char *text)
{
	size_t n = strlen(text);

	while (n && *text == '\n') {
		text++;
		n--;
	}
	while (n && text[n - 1] == '\n')
		n--;
	roff_write(out, text, n);
	fputc('\n', out);
}

/* Each usage on a line of its own; what goes on is behind the name. */
static void write_synopsis(FILE *out, const char *usage, size_t n)
{
	size_t n_prefix = strlen(prefix);

	fputs(".SH SYNOPSIS\n.nf\n", out);
	while (n) {
		size_t n_line = strcspn(usage, "\n");

		if (n_line > n_prefix) {
			roff_write(out, usage + n_prefix, n_line - n_prefix);
			fputc('\n', out);
		}
		n_line += usage[n_line] == '\n';
		usage += n_line;
		n -= n_line < n ? n_line : n;
	}
	fputs(".fi\n", out);
}

static void write_row(FILE *out, const struct options_row *row)
{
	fputs(".TP\n\\fB\\-\\-", out);
	roff_write(out, row->name, strlen(row->name));
	fputs("\\fR", out);
	if (row->value) {
		fputs(" \\fI", out);
		roff_write(out, row->value, strlen(row->value));
		fputs("\\fR", out);
	}
	fputc('\n', out);
	write_text(out, row->help);
}

static void write_head(FILE *out, const char *name, int n_name,
		       const char *purpose)
{
	size_t n = strcspn(purpose, ".:");

	fputs(".TH ", out);
	roff_write(out, name, (size_t)n_name);
	fputs(" 8 \"\" heliograph\n.SH NAME\n", out);
	roff_write(out, name, (size_t)n_name);
	fputs(" \\- ", out);
	roff_write(out, purpose, n);
	fputc('\n', out);
}

void options_manual(const struct options_table *table, FILE *out)
{
	const char *name = table->usage + strlen(prefix);
	const char *purpose = strstr(table->usage, "\n\n");
	const struct options_part *part;
	const struct options_row *row;

	write_head(out, name, (int)strcspn(name, " \n"), purpose + 2);
	write_synopsis(out, table->usage, (size_t)(purpose - table->usage));
	fputs(".SH DESCRIPTION\n", out);
	write_text(out, purpose);
	if (table->closing)
		fputs(".PP\n", out);
	if (table->closing)
		write_text(out, table->closing);
	fputs(".SH OPTIONS\n", out);
	for (part = table->parts; part->rows; part++)
		for (row = part->rows; row->name; row++)
			write_row(out, row);
	fputs(".SH SEE ALSO\n\\fBhelio\\-up\\fR(1)\n", out);
}
