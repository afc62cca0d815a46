/* SPDX-License-Identifier: MIT */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

/**
 * What a command takes, as tables.
 *
 * One table per command yields the parsing, `--help`, the manual page and the
 * shell's completion, so these cannot disagree. Parsing fills a struct of the
 * command's own, which begins as a copy of its defaults: each row says at which
 * offset its value goes. Texts point into argv and are not copied.
 *
 * Options may stand anywhere; `--` ends them. `-n5`, `-n 5`, `--count=5` and
 * `--count 5` are the same, and flags may be joined: `-tr`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_TEXTS_MAX = 64, OPTION_ERROR_BYTES = 256 };

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, NULL if it is not given */
	OPTION_TEXTS,  /* struct texts: may be given again and again */
	OPTION_NUMBER, /* uint64_t */
	OPTION_TIME,   /* uint32_t, milliseconds: `2`, `1.5s`, `300ms`, `5m` */
	OPTION_SPAN,   /* uint64_t, milliseconds: `12h`, `7d`, `2 weeks` */
	OPTION_BYTES,  /* uint64_t: `512K`, `5M`, `1G` */
	OPTION_CHOICE, /* int, the place of its word in `value`, "text|json" */
};

struct texts {
	size_t n;
	const char *at[OPTION_TEXTS_MAX];
};

struct option {
	char letter; /* 0: only the name */
	const char *name;
	enum option_kind kind;
	size_t offset;
	const char *value; /* what help calls the value; NULL for a flag */
	const char *help;
};

/** Argument by place. OPTION_TEXTS takes all that are left, and stands last. */
struct argument {
	const char *name;
	enum option_kind kind; /* TEXT, TEXTS or CHOICE */
	size_t offset;
	bool is_required;
	const char *choices; /* of a CHOICE; else NULL */
	const char *help;
};

struct command {
	const char *name; /* "pub", or two words: "domains enrol" */
	const char *summary;
	const char *description;          /* paragraphs, or NULL */
	const struct option *options;     /* up to a row without a name */
	const struct argument *arguments; /* the same; NULL: none */
	const void *defaults;             /* NULL: all zero */
	size_t n_settings;                /* bytes of the struct they fill */
	/** Returns enum exit_code. */
	int (*run)(const void *settings);
};

enum option_error {
	OPTION_E_HELP = 1, /* --help was given: nothing else counts */
};

/**
 * Parse what stands after the command's name. `settings` has n_settings bytes,
 * which are overwritten. Returns 0, OPTION_E_HELP, or -EINVAL with a text in
 * `error`.
 */
int option_parse(const struct command *command, int n_words, char **words,
		 void *settings, char error[OPTION_ERROR_BYTES]);

/** "300ms" is 300, "2" is 2000. Returns 0, or -EINVAL. */
int option_parse_time(const char *text, uint32_t *ret_ms);

/** Decimal digits and nothing else. Returns 0, -EINVAL or -ERANGE. */
int option_parse_number(const char *text, uint64_t *ret_number);

/** "512K" is 524288, and so is "512KiB". Returns 0 or -EINVAL. */
int option_parse_bytes(const char *text, uint64_t *ret_bytes);

/**
 * The n-th word of "text|json", with its length; NULL: there are fewer.
 */
const char *option_choice(const char *choices, size_t n, size_t *ret_length);

#endif
