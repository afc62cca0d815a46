/* SPDX-License-Identifier: MIT */

#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

enum { HELP_COLUMN = 23, FIRST_VALUE = 256 };

/* A row and where its value goes. */
struct place {
	const struct options_row *row;
	void *target;
	bool is_given;
};

struct parsing {
	struct place places[OPTIONS_MAX];
	int n_places;
	struct option names[OPTIONS_MAX + 2];
	const struct place *words; /* the row of words, if it was given */
};

static void add_place(struct parsing *parsing, const struct options_row *row,
		      void *target)
{
	int i = parsing->n_places++;

	assert(i < OPTIONS_MAX);
	parsing->places[i] = (struct place){ .row = row, .target = target };
	parsing->names[i] = (struct option){
		.name = row->name,
		.has_arg = row->kind == OPTIONS_WORDS ? no_argument
						      : required_argument,
		.val = FIRST_VALUE + i,
	};
}

static void lay_out(struct parsing *parsing, const struct options_table *table,
		    char *settings)
{
	const struct options_part *part;
	const struct options_row *row;

	for (part = table->parts; part->rows; part++)
		for (row = part->rows; row->name; row++)
			add_place(parsing, row,
				  settings + part->offset + row->offset);
	parsing->names[parsing->n_places] = (struct option){
		.name = "help",
		.has_arg = no_argument,
		.val = 'h',
	};
}

static int parse_number(const char *text, int min, int *ret_number)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < min || number > INT_MAX)
		return -EINVAL;
	*ret_number = (int)number;
	return 0;
}

/* 4K are 4096. */
static int parse_bytes(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMG";
	unsigned long long number;
	const char *unit;
	unsigned shift;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9')
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (number > UINT64_MAX >> shift)
		return -EINVAL;
	*ret_bytes = (uint64_t)number << shift;
	return 0;
}

static int parse_descriptor(const char *text, int *ret_fd)
{
	int r = parse_number(text, 0, ret_fd);

	return !r && fcntl(*ret_fd, F_GETFD) < 0 ? -EINVAL : r;
}

static int parse_level(const char *text, int *ret_level)
{
	enum diag_level level;
	int r = diag_level_from_name(text, &level);

	if (r == 0)
		*ret_level = (int)level;
	return r;
}

static int add_text(const char *text, struct options_texts *texts)
{
	if (texts->n == OPTIONS_TEXTS_MAX)
		return -EINVAL;
	texts->at[texts->n++] = text;
	return 0;
}

static int parse_value(struct parsing *parsing, struct place *place,
		       const char *text)
{
	place->is_given = true;
	switch (place->row->kind) {
	case OPTIONS_TEXT:
		*(const char **)place->target = text;
		return 0;
	case OPTIONS_TEXTS:
		return add_text(text, place->target);
	case OPTIONS_NUMBER:
		return parse_number(text, place->row->min, place->target);
	case OPTIONS_BYTES:
		return parse_bytes(text, place->target);
	case OPTIONS_DESCRIPTOR:
		return parse_descriptor(text, place->target);
	case OPTIONS_LEVEL:
		return parse_level(text, place->target);
	case OPTIONS_WORDS:
		parsing->words = place;
		return 0;
	}
	return -EINVAL;
}

static void take_environment(const struct place *place)
{
	const char *text = place->row->environment && !place->is_given
				   ? getenv(place->row->environment)
				   : NULL;

	if (text && *text)
		*(const char **)place->target = text;
}

static int n_words(const char *value)
{
	int n = 1;

	for (; *value; value++)
		n += *value == ' ';
	return n;
}

static int refuse(char **argv, const char *name, const char *why,
		  const char *what)
{
	fprintf(stderr, "%s: %s%s%s\n", argv[0], name, why, what);
	return -EINVAL;
}

static int refuse_value(char **argv, const struct options_row *row,
			const char *text)
{
	if (row->kind == OPTIONS_TEXTS)
		fprintf(stderr, "%s: --%s: at most %d times\n", argv[0],
			row->name, OPTIONS_TEXTS_MAX);
	else
		fprintf(stderr, "%s: --%s %s: not '%s'\n", argv[0], row->name,
			row->value, text);
	return -EINVAL;
}

static int check_words(const struct place *words, int argc, char **argv)
{
	int n = words ? n_words(words->row->value) : 0;

	if (argc - optind > n)
		return refuse(argv, argv[optind + n], " is too much", "");
	if (argc - optind < n)
		return refuse(argv, words->row->value, " is missing", "");
	return 0;
}

/* What is there when all options are read. */
static int complete(const struct parsing *parsing, int argc, char **argv)
{
	const struct place *words = parsing->words;
	int r;

	for (int i = 0; i < parsing->n_places; i++) {
		const struct place *place = &parsing->places[i];

		take_environment(place);
		if (place->row->is_required &&
		    !*(const char *const *)place->target)
			return refuse(argv, "--", place->row->name,
				      " is missing");
	}
	r = check_words(words, argc, argv);
	if (r == 0 && words)
		*(char *const **)words->target = argv + optind;
	return r;
}

int options_parse(const struct options_table *table, int argc, char **argv,
		  void *settings)
{
	struct parsing parsing = { .n_places = 0 };
	struct place *place;
	int option;

	memcpy(settings, table->defaults, table->n_settings);
	lay_out(&parsing, table, settings);
	optind = 0; /* anew, also when it parsed before */
	while ((option = getopt_long(argc, argv, "h", parsing.names, NULL)) !=
	       -1) {
		if (option == 'h')
			return 1;
		if (option < FIRST_VALUE)
			return -EINVAL;
		place = &parsing.places[option - FIRST_VALUE];
		if (parse_value(&parsing, place, optarg) < 0)
			return refuse_value(argv, place->row, optarg);
	}
	return complete(&parsing, argc, argv);
}

static void print_row(const struct options_row *row, FILE *out)
{
	const char *help = row->help;
	int column = fprintf(out, "  --%s", row->name);

	if (row->value)
		column += fprintf(out, " %s", row->value);
	for (;;) {
		size_t n = strcspn(help, "\n");

		fprintf(out, "%*s%.*s\n", HELP_COLUMN - column, "", (int)n,
			help);
		if (!help[n])
			return;
		help += n + 1;
		column = 0;
	}
}

void options_print(const struct options_table *table, FILE *out)
{
	static const struct options_row help = { .name = "help",
						 .help = "this text" };
	const struct options_part *part;
	const struct options_row *row;

	fputs(table->usage, out);
	for (part = table->parts; part->rows; part++)
		for (row = part->rows; row->name; row++)
			print_row(row, out);
	print_row(&help, out);
	if (table->closing)
		fputs(table->closing, out);
}
