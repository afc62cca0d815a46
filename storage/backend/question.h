/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_QUESTION_H
#define STORAGE_BACKEND_QUESTION_H

/**
 * One question in SQL, which may be a stranger's, about one table whose rows
 * the asker brings. It can do nothing but read that table: no other table, no
 * file, no pragma, no function that is neither on a list nor the asker's; and
 * it ends when its time is over or its memory used up.
 *
 * That time is looked at between steps of SQLite and rows of the source. One
 * function on one long value is not interrupted, and the limit of memory is one
 * for all of SQLite in this process: so ask in a process of its own, with a
 * limit on its time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum { QUESTION_COLUMNS_MAX = 256, QUESTION_ARGUMENTS_MAX = 4 };

enum question_type {
	QUESTION_NULL,
	QUESTION_NUMBER,
	QUESTION_REAL,
	QUESTION_TEXT, /* UTF-8 */
	QUESTION_BYTES,
};

struct question_value {
	enum question_type type;
	int64_t number;
	double real;
	const void *bytes; /* of a text, which is not terminated, too */
	size_t n_bytes;
};

struct question_column {
	const char *name; /* small letters, digits after the first, `_` */
	enum question_type type;
	bool is_hidden; /* `*` does not stand for it */
};

/** What the question may call beside the functions on the list. */
struct question_function {
	const char *name; /* as that of a column */
	unsigned n_arguments;
	/**
	 * Of the same arguments always the same; the bytes of its value live
	 * until the next call. Returns 0, and sets *why if it cannot be called
	 * so; or a negative errno.
	 */
	int (*call)(void *userdata, const struct question_value *arguments,
		    struct question_value *ret_value, const char **why);
};

/**
 * Rows that the question is sure not to need lie outside of this. It may be
 * wider than what is asked: what is shown in excess is sifted out.
 */
struct question_filter {
	int64_t sequence_min;
	int64_t sequence_max;
	int64_t time_min;
	int64_t time_max;
	const char *subject; /* this alone; NULL: any */
	size_t n_subject;
	bool is_descending; /* the rows are wanted backwards */
};

/** Where the rows come from, in ascending order of their sequences. */
struct question_source {
	const char *table; /* its name, as that of a column */
	const struct question_column *columns;
	unsigned n_columns;
	/* Columns that a filter is about; -1: there is none. */
	int sequence_column;
	int time_column;
	int subject_column;
	bool can_descend;
	const struct question_function *functions;
	unsigned n_functions;

	/** A walk over the rows; several may be open. 0 or a negative errno. */
	int (*open)(void *userdata, const struct question_filter *filter,
		    void **ret_rows);
	/** To the first, then to the next: 1, 0: the end, or an errno. */
	int (*next)(void *rows);
	/** Of the row that it is at; the bytes live until the next one. */
	int (*value)(void *rows, unsigned column,
		     struct question_value *ret_value);
	void (*close)(void *rows);
	void *userdata;
};

struct question_limits {
	uint64_t duration_ns; /* from question_new() on */
	size_t memory_bytes;  /* of SQLite in this process */
	size_t value_bytes;   /* the longest value, and string on the way */
};

struct question;

/**
 * Ask. The source and what it points to must live as long. Returns 0; -EINVAL:
 * it cannot be asked so, *ret_why (freed by the caller, may be NULL) says why;
 * -ENOMEM; -ETIMEDOUT.
 */
int question_new(const struct question_source *source,
		 const struct question_limits *limits, const char *sql,
		 size_t n_sql, struct question **ret_question, char **ret_why);
/** Returns NULL. NULL is fine. */
struct question *question_free(struct question *question);

unsigned question_n_columns(const struct question *question);
/** What the question calls it; lives as long as the question. */
const char *question_column(const struct question *question, unsigned column);

/**
 * The next row of the answer: 1; 0: there are no more; -ETIMEDOUT, -ENOMEM,
 * -EMSGSIZE: a value is too long; -EINVAL: it cannot be answered, as
 * question_error() says; or what the source returned.
 */
int question_next(struct question *question);
/** Of that row; lives until the next one. */
void question_value(struct question *question, unsigned column,
		    struct question_value *ret_value);
/** "" if nothing is wrong. */
const char *question_error(const struct question *question);

DEFINE_CLEANUP(struct question *, question_free);

#endif
