/* SPDX-License-Identifier: MIT */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

/**
 * The command line of a program that serves, as tables.
 *
 * One table yields the parsing and `--help`, so these cannot disagree. Parsing
 * fills a struct of the program's own, which begins as a copy of its defaults:
 * each row says at which offset its value goes. Texts point into argv, or into
 * the environment, and are not copied.
 *
 *	struct options {
 *		const char *state;
 *		struct program_options program;
 *	};
 *
 *	static const struct options_row rows[] = {
 *		{ .name = "state", .kind = OPTIONS_TEXT, .is_required = true,
 *		  .offset = offsetof(struct options, state),
 *		  .value = "DIR", .help = "folder for what is kept" },
 *		{ .name = NULL },
 *	};
 *	static const struct options_part parts[] = {
 *		{ rows, 0 },
 *		{ program_rows, offsetof(struct options, program) },
 *		{ supervised_rows,
 *		  offsetof(struct options, program.supervised) },
 *		{ NULL, 0 },
 *	};
 *	static const struct options defaults = {
 *		.program = PROGRAM_OPTIONS_DEFAULTS,
 *	};
 *	const struct options_table options_table = {
 *		.usage = "usage: helio-store --state DIR --address ADDRESS\n",
 *		.parts = parts,
 *		.defaults = &defaults,
 *		.n_settings = sizeof(defaults),
 *	};
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Of all parts of a table together; and values of one option. */
enum { OPTIONS_MAX = 32, OPTIONS_TEXTS_MAX = 16 };

enum options_kind {
	OPTIONS_TEXT,       /* const char * */
	OPTIONS_TEXTS,      /* struct options_texts: again and again */
	OPTIONS_NUMBER,     /* int, `min` to INT_MAX */
	OPTIONS_BYTES,      /* uint64_t; may end in K, M or G */
	OPTIONS_DESCRIPTOR, /* int, the number of an open descriptor */
	OPTIONS_LEVEL,      /* int, an enum diag_level by its name */
	/* char *const *: the words of `value` stand behind all options, and
	 * the target points to the first of them. NULL: not given. Without
	 * such an option words are an error. */
	OPTIONS_WORDS,
};

struct options_texts {
	size_t n;
	const char *at[OPTIONS_TEXTS_MAX];
};

struct options_row {
	const char *name; /* without dashes */
	enum options_kind kind;
	size_t offset;     /* of its target, in the part's struct */
	const char *value; /* what help calls the value */
	const char *help;  /* lines of up to 56 bytes, '\n' between them */
	/* TEXT: a variable that says it when the option is not given and
	 * the variable not empty, or NULL. */
	const char *environment;
	int min;          /* of a NUMBER */
	bool is_required; /* of a TEXT */
};

/** Rows up to one without a name, and where in the settings they write. */
struct options_part {
	const struct options_row *rows;
	size_t offset;
};

struct options_table {
	const char *usage;                /* lines before the options */
	const struct options_part *parts; /* up to one without rows */
	const char *closing;              /* lines behind them, or NULL */
	const void *defaults;
	size_t n_settings; /* bytes of the defaults, and of what is filled */
};

/**
 * `settings` has n_settings bytes, which are overwritten. Returns 0; 1: `-h` or
 * `--help` was given, and nothing else counts; or -EINVAL, and what is wrong
 * was said on standard error, as getopt(3) does.
 */
int options_parse(const struct options_table *table, int argc, char **argv,
		  void *settings);

/** Usage, a line or more of each option, of `--help` too, the closing. */
void options_print(const struct options_table *table, FILE *out);

#endif
