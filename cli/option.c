/* SPDX-License-Identifier: MIT */

#include "cli/option.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/moment.h"

struct parser {
	const struct command *command;
	char **words;
	int n_words;
	int next; /* the word that is not looked at yet */
	const struct argument *argument; /* the next by place, or its end */
	char *settings;
	char *error; /* OPTION_ERROR_BYTES */
};

__attribute__((format(printf, 2, 3))) static int parser_fail(
	struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->error, OPTION_ERROR_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

int option_parse_number(const char *text, uint64_t *ret_number)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

static double unit_in_ms(const char *unit)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {
		{ "", 1e3 },   { "s", 1e3 },    { "ms", 1 },
		{ "m", 60e3 }, { "h", 3600e3 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].ms;
	return -1;
}

int option_parse_time(const char *text, uint32_t *ret_ms)
{
	double number, ms;
	char *unit;

	if (*text != '.' && (*text < '0' || *text > '9'))
		return -EINVAL;
	number = strtod(text, &unit);
	ms = number * unit_in_ms(unit);
	/* A number that strtod() calls infinite fails the second test. */
	if (!(ms >= 0 && ms <= INT32_MAX) || unit == text)
		return -EINVAL;
	*ret_ms = (uint32_t)ms;
	return 0;
}

int option_parse_bytes(const char *text, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMGT";
	char digits[24];
	size_t n = strspn(text, "0123456789");
	const char *suffix = suffixes;
	uint64_t number;

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	snprintf(digits, sizeof(digits), "%.*s", (int)n, text);
	if (option_parse_number(digits, &number) < 0)
		return -EINVAL;
	if (text[n]) {
		suffix = strchr(suffixes, text[n]);
		if (!suffix || (text[n + 1] && strcmp(text + n + 1, "iB") != 0))
			return -EINVAL;
		if (__builtin_mul_overflow(
			    number,
			    UINT64_C(1) << (10 * (suffix - suffixes + 1)),
			    &number))
			return -EINVAL;
	}
	*ret_bytes = number;
	return 0;
}

const char *option_choice(const char *choices, size_t n, size_t *ret_length)
{
	for (; n > 0; n--) {
		choices = strchr(choices, '|');
		if (!choices)
			return NULL;
		choices++;
	}
	*ret_length = strcspn(choices, "|");
	return choices;
}

static int set_choice(struct parser *parser, const char *what,
		      const char *choices, const char *text, int *ret_choice)
{
	const char *word;
	size_t n;

	for (size_t i = 0; (word = option_choice(choices, i, &n)); i++) {
		if (strlen(text) == n && memcmp(text, word, n) == 0) {
			*ret_choice = (int)i;
			return 0;
		}
	}
	return parser_fail(parser, "%s is one of %s, not '%s'", what, choices,
			   text);
}

static int add_text(struct parser *parser, struct texts *texts,
		    const char *what, const char *text)
{
	if (texts->n == OPTION_TEXTS_MAX)
		return parser_fail(parser, "more than %d of %s",
				   OPTION_TEXTS_MAX, what);
	texts->at[texts->n++] = text;
	return 0;
}

static int set_time(struct parser *parser, const char *what, const char *text,
		    uint32_t *ret_ms)
{
	if (option_parse_time(text, ret_ms) < 0)
		return parser_fail(parser,
				   "%s is a time like 2s or 300ms, not '%s'",
				   what, text);
	return 0;
}

static int set_number(struct parser *parser, const char *what, const char *text,
		      uint64_t *ret_number)
{
	if (option_parse_number(text, ret_number) < 0)
		return parser_fail(parser, "%s is a number, not '%s'", what,
				   text);
	return 0;
}

static int set_span(struct parser *parser, const char *what, const char *text,
		    uint64_t *ret_ms)
{
	uint64_t ns;

	if (moment_parse_span(text, &ns) < 0)
		return parser_fail(parser,
				   "%s is a time like 30s, 12h or 7d, not '%s'",
				   what, text);
	*ret_ms = ns / NS_PER_MS;
	return 0;
}

static int set_bytes(struct parser *parser, const char *what, const char *text,
		     uint64_t *ret_bytes)
{
	if (option_parse_bytes(text, ret_bytes) < 0)
		return parser_fail(parser,
				   "%s is a number of bytes like 512K, 5M or "
				   "1G, not '%s'",
				   what, text);
	return 0;
}

static int set_value(struct parser *parser, const struct option *option,
		     const char *text)
{
	void *at = parser->settings + option->offset;
	char what[64];

	snprintf(what, sizeof(what), "--%s", option->name);
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)at = text;
		return 0;
	case OPTION_TEXTS:
		return add_text(parser, at, what, text);
	case OPTION_NUMBER:
		return set_number(parser, what, text, at);
	case OPTION_TIME:
		return set_time(parser, what, text, at);
	case OPTION_SPAN:
		return set_span(parser, what, text, at);
	case OPTION_BYTES:
		return set_bytes(parser, what, text, at);
	case OPTION_CHOICE:
		return set_choice(parser, what, option->value, text, at);
	}
	return parser_fail(parser, "%s has no kind", what);
}

/* The value that stands in the same word, or else the next word. */
static int take_value(struct parser *parser, const struct option *option,
		      const char *joined)
{
	if (option->kind == OPTION_FLAG)
		return set_value(parser, option, NULL);
	if (joined)
		return set_value(parser, option, joined);
	if (parser->next == parser->n_words)
		return parser_fail(parser, "--%s needs a %s", option->name,
				   option->value);
	return set_value(parser, option, parser->words[parser->next++]);
}

static const struct option *find_name(const struct option *option,
				      const char *name, size_t n)
{
	for (; option->name; option++)
		if (strlen(option->name) == n &&
		    memcmp(option->name, name, n) == 0)
			return option;
	return NULL;
}

static const struct option *find_letter(const struct option *option,
					char letter)
{
	for (; option->name; option++)
		if (option->letter == letter)
			return option;
	return NULL;
}

static int parse_name(struct parser *parser, const char *name)
{
	size_t n = strcspn(name, "=");
	const struct option *option;

	if (strcmp(name, "help") == 0)
		return OPTION_E_HELP;
	option = find_name(parser->command->options, name, n);
	if (!option)
		return parser_fail(parser, "no option --%.*s", (int)n, name);
	if (name[n] && option->kind == OPTION_FLAG)
		return parser_fail(parser, "--%s takes no value", option->name);
	return take_value(parser, option, name[n] ? name + n + 1 : NULL);
}

static int parse_letters(struct parser *parser, const char *letters)
{
	const struct option *option;

	for (; *letters; letters++) {
		if (*letters == 'h')
			return OPTION_E_HELP;
		option = find_letter(parser->command->options, *letters);
		if (!option)
			return parser_fail(parser, "no option -%c", *letters);
		if (option->kind != OPTION_FLAG)
			return take_value(parser, option,
					  letters[1] ? letters + 1 : NULL);
		set_value(parser, option, NULL);
	}
	return 0;
}

static int parse_argument(struct parser *parser, const char *text)
{
	const struct argument *argument = parser->argument;
	void *at;

	if (!argument || !argument->name)
		return parser_fail(parser, "nothing is known of '%s'", text);

	at = parser->settings + argument->offset;
	if (argument->kind == OPTION_TEXTS)
		return add_text(parser, at, argument->name, text);

	parser->argument++;
	if (argument->kind == OPTION_CHOICE)
		return set_choice(parser, argument->name, argument->choices,
				  text, at);
	*(const char **)at = text;
	return 0;
}

static bool is_missing(const struct parser *parser)
{
	const struct argument *argument = parser->argument;
	const struct texts *texts;

	if (!argument || !argument->name || !argument->is_required)
		return false;
	if (argument->kind != OPTION_TEXTS)
		return true;
	texts = (const void *)(parser->settings + argument->offset);
	return texts->n == 0;
}

static int parse_word(struct parser *parser, bool *is_over)
{
	const char *word = parser->words[parser->next++];

	if (*is_over || word[0] != '-' || !word[1])
		return parse_argument(parser, word);
	if (strcmp(word, "--") == 0) {
		*is_over = true;
		return 0;
	}
	return word[1] == '-' ? parse_name(parser, word + 2)
			      : parse_letters(parser, word + 1);
}

int option_parse(const struct command *command, int n_words, char **words,
		 void *settings, char error[OPTION_ERROR_BYTES])
{
	struct parser parser = {
		.command = command,
		.words = words,
		.n_words = n_words,
		.argument = command->arguments,
		.settings = settings,
		.error = error,
	};
	bool is_over = false;
	int r;

	if (command->defaults)
		memcpy(settings, command->defaults, command->n_settings);
	else
		memset(settings, 0, command->n_settings);

	while (parser.next < n_words) {
		r = parse_word(&parser, &is_over);
		if (r)
			return r;
	}
	if (is_missing(&parser))
		return parser_fail(&parser, "%s is missing",
				   parser.argument->name);
	return 0;
}
