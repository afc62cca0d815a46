/* SPDX-License-Identifier: MIT */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

/**
 * Rows of results: aligned columns for people, or one JSON array of objects.
 *
 * Names in cells may come from strangers; they are escaped either way.
 */

#include <stddef.h>
#include <stdint.h>

enum cell_kind {
	CELL_TEXT,
	CELL_NUMBER,
	CELL_BYTES, /* for people in KiB, MiB, .. */
	CELL_MS,    /* for people in s, m, h, d */
	CELL_RATE,  /* per second, real */
	CELL_BOOL,  /* a number, 0 or 1 */
	CELL_ID,    /* 64 bits in hex, a string in JSON */
	CELL_OCTAL, /* a file's mode; a string in JSON */
	CELL_TIME,  /* ms since 1970, 0: never; people see the UTC to seconds */
	CELL_HASH,  /* a text in hex, of which people see how it begins */
};

struct json;

struct column {
	const char *title; /* NULL: only in JSON */
	const char *key;
	enum cell_kind kind;
};

/** The member that the column's kind names. */
struct cell {
	const char *text; /* NULL is "" */
	uint64_t number;
	double rate;
};

#define cell_text(text_)     ((struct cell){ .text = (text_) })
#define cell_number(number_) ((struct cell){ .number = (number_) })
#define cell_rate(rate_)     ((struct cell){ .rate = (rate_) })

struct table {
	const struct column *columns; /* borrowed */
	size_t n_columns;
	struct cell *cells; /* owned, texts too */
	size_t n_cells;
	size_t n_cells_max;
};

void table_init(struct table *table, const struct column *columns,
		size_t n_columns);
void table_deinit(struct table *table);

/** Add a row of n_columns cells; texts are copied. Returns 0 or -ENOMEM. */
int table_add(struct table *table, const struct cell *cells);

/** As the next value of `json`. */
void table_write_json(const struct table *table, struct json *json);

/** To standard output, as `format` (enum format) says. */
void table_write(const struct table *table, int format);

/** "1.5 MiB" */
void table_format_bytes(uint64_t n, char *text, size_t n_text);

/** "3m12s" */
void table_format_ms(uint64_t ms, char *text, size_t n_text);

#endif
