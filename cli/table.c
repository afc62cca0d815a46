/* SPDX-License-Identifier: MIT */

#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

enum { NUMBER_TEXT_BYTES = 32, N_COLUMNS_MAX = 32, HASH_DIGITS_SHOWN = 12 };

void table_init(struct table *table, const struct column *columns,
		size_t n_columns)
{
	*table = (struct table){ .columns = columns, .n_columns = n_columns };
}

static void free_texts(struct cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *text = (char *)(uintptr_t)cells[i].text;

		free(text);
	}
}

void table_deinit(struct table *table)
{
	free_texts(table->cells, table->n_cells);
	free(table->cells);
	table_init(table, table->columns, table->n_columns);
}

static int make_room(struct table *table)
{
	size_t n = table->n_cells_max ? 2 * table->n_cells_max
				      : 16 * table->n_columns;
	struct cell *cells;

	if (table->n_cells + table->n_columns <= table->n_cells_max)
		return 0;
	cells = reallocarray(table->cells, n, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	table->n_cells_max = n;
	return 0;
}

int table_add(struct table *table, const struct cell *cells)
{
	struct cell *row;
	int r = make_room(table);

	if (r < 0)
		return r;
	row = table->cells + table->n_cells;
	for (size_t i = 0; i < table->n_columns; i++) {
		row[i] = cells[i];
		row[i].text = strdup(cells[i].text ? cells[i].text : "");
		if (!row[i].text) {
			free_texts(row, i);
			return -ENOMEM;
		}
	}
	table->n_cells += table->n_columns;
	return 0;
}

void table_format_bytes(uint64_t n, char *text, size_t n_text)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)n;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text, n_text, unit ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
}

void table_format_ms(uint64_t ms, char *text, size_t n_text)
{
	uint64_t s = ms / 1000;

	if (ms < 10000)
		snprintf(text, n_text, "%.1fs", (double)ms / 1e3);
	else if (s < 60)
		snprintf(text, n_text, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, n_text, "%" PRIu64 "m%02" PRIu64 "s", s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(text, n_text, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(text, n_text, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
}

static void format_time(uint64_t ms, char text[NUMBER_TEXT_BYTES])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!ms) {
		snprintf(text, NUMBER_TEXT_BYTES, "-");
		return;
	}
	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(text, NUMBER_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, NUMBER_TEXT_BYTES, "%" PRIu64, ms);
}

/* What people see of a cell that is no text; ASCII, so bytes are columns. */
static const char *number_text(const struct cell *cell, enum cell_kind kind,
			       char text[NUMBER_TEXT_BYTES])
{
	switch (kind) {
	case CELL_TEXT:
		return cell->text;
	case CELL_HASH:
		snprintf(text, NUMBER_TEXT_BYTES, "%.*s", HASH_DIGITS_SHOWN,
			 cell->text);
		break;
	case CELL_TIME:
		format_time(cell->number, text);
		break;
	case CELL_NUMBER:
		snprintf(text, NUMBER_TEXT_BYTES, "%" PRIu64, cell->number);
		break;
	case CELL_BYTES:
		table_format_bytes(cell->number, text, NUMBER_TEXT_BYTES);
		break;
	case CELL_MS:
		table_format_ms(cell->number, text, NUMBER_TEXT_BYTES);
		break;
	case CELL_RATE:
		snprintf(text, NUMBER_TEXT_BYTES, "%.1f", cell->rate);
		break;
	case CELL_BOOL:
		return cell->number ? "yes" : "no";
	case CELL_ID:
		snprintf(text, NUMBER_TEXT_BYTES, "%016" PRIx64, cell->number);
		break;
	case CELL_OCTAL:
		snprintf(text, NUMBER_TEXT_BYTES, "%04" PRIo64, cell->number);
		break;
	}
	return text;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = strlen(table->columns[column].title);

	for (size_t i = column; i < table->n_cells; i += table->n_columns) {
		char text[NUMBER_TEXT_BYTES];
		size_t n = strlen(number_text(
			&table->cells[i], table->columns[column].kind, text));

		if (n > width)
			width = n;
	}
	return width;
}

/* Texts to the left, numbers to the right; nothing trails the last one. */
static void write_cell(const char *text, enum cell_kind kind, size_t width,
		       bool is_last)
{
	size_t n = strlen(text);
	int padding = n < width ? (int)(width - n) : 0;

	bool is_left = kind == CELL_TEXT || kind == CELL_HASH;

	if (!is_left)
		printf("%*s", padding, "");
	text_write_escaped(stdout, text, n);
	if (is_left && !is_last)
		printf("%*s", padding, "");
	fputs(is_last ? "\n" : "  ", stdout);
}

static size_t last_shown(const struct table *table)
{
	size_t last = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].title)
			last = i;
	return last;
}

static void write_titles(const struct table *table, const size_t *widths)
{
	bool is_bold = output_has_color();
	size_t last = last_shown(table);

	if (is_bold)
		fputs("\033[1m", stdout);
	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].title)
			write_cell(table->columns[i].title,
				   table->columns[i].kind, widths[i],
				   i == last);
	if (is_bold)
		fputs("\033[0m", stdout);
}

static void write_row(const struct table *table, const struct cell *row,
		      const size_t *widths)
{
	size_t last = last_shown(table);

	for (size_t i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i];
		char text[NUMBER_TEXT_BYTES];

		if (column->title)
			write_cell(number_text(&row[i], column->kind, text),
				   column->kind, widths[i], i == last);
	}
}

static void write_columns(const struct table *table)
{
	size_t widths[N_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].title)
			widths[i] = column_width(table, i);
	write_titles(table, widths);
	for (size_t i = 0; i < table->n_cells; i += table->n_columns)
		write_row(table, &table->cells[i], widths);
}

static void write_json_cell(struct json *json, const struct column *column,
			    const struct cell *cell)
{
	char text[NUMBER_TEXT_BYTES];

	json_key(json, column->key);
	switch (column->kind) {
	case CELL_NUMBER:
	case CELL_BYTES:
	case CELL_MS:
	case CELL_TIME:
		json_number(json, cell->number);
		break;
	case CELL_RATE:
		json_real(json, cell->rate);
		break;
	case CELL_BOOL:
		json_bool(json, cell->number != 0);
		break;
	case CELL_HASH:
		json_string(json, cell->text);
		break;
	case CELL_TEXT:
	case CELL_ID:
	case CELL_OCTAL:
		json_string(json, number_text(cell, column->kind, text));
		break;
	}
}

void table_write_json(const struct table *table, struct json *json)
{
	json_open(json, '[');
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t column = i % table->n_columns;

		if (column == 0)
			json_open(json, '{');
		write_json_cell(json, &table->columns[column],
				&table->cells[i]);
		if (column + 1 == table->n_columns)
			json_close(json, '}');
	}
	json_close(json, ']');
}

void table_write(const struct table *table, int format)
{
	struct json json = { .out = stdout };

	if (format != FORMAT_JSON) {
		write_columns(table);
		return;
	}
	table_write_json(table, &json);
	fputc('\n', stdout);
}
