/* SPDX-License-Identifier: MIT */

#include "cli/help.h"

#include <string.h>

#include "cli/command.h"

enum { COLUMNS = 79, OPTION_COLUMN = 26, COMMAND_COLUMN = 18 };

/* Break `text` at spaces, so that it stands in columns from `indent` on. */
static void write_wrapped(FILE *out, const char *text, size_t indent,
			  size_t column)
{
	while (*text) {
		size_t n = strcspn(text, " \n");

		if (column > indent && column + 1 + n > COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, n, out);
		column += n;
		text += n;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

static void write_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		char paragraph[2048];

		snprintf(paragraph, sizeof(paragraph), "%.*s", (int)n, text);
		fputc('\n', out);
		write_wrapped(out, paragraph, 0, 0);
		text += n;
		text += strspn(text, "\n");
	}
}

void help_usage(FILE *out, const struct command *command)
{
	const struct argument *argument = command->arguments;

	fprintf(out, "Usage: helio %s [OPTION..]", command->name);
	for (; argument && argument->name; argument++)
		fprintf(out, argument->is_required ? " %s%s" : " [%s%s]",
			argument->name,
			argument->kind == OPTION_TEXTS ? ".." : "");
	fputc('\n', out);
}

static void write_row(FILE *out, const char *left, const char *text)
{
	size_t n = strlen(left);

	fprintf(out, "  %s", left);
	if (n + 4 > OPTION_COLUMN)
		fprintf(out, "\n%*s", OPTION_COLUMN, "");
	else
		fprintf(out, "%*s", (int)(OPTION_COLUMN - n - 2), "");
	write_wrapped(out, text, OPTION_COLUMN, OPTION_COLUMN);
}

static void write_option(FILE *out, const struct option *option)
{
	char left[64];

	if (option->letter)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", option->letter,
			 option->name, option->value ? " " : "",
			 option->value ? option->value : "");
	else
		snprintf(left, sizeof(left), "    --%s%s%s", option->name,
			 option->value ? " " : "",
			 option->value ? option->value : "");
	write_row(out, left, option->help);
}

void help_command(FILE *out, const struct command *command)
{
	const struct argument *argument = command->arguments;
	const struct option *option = command->options;

	help_usage(out, command);
	fputc('\n', out);
	write_wrapped(out, command->summary, 0, 0);
	if (command->description)
		write_paragraphs(out, command->description);
	fputc('\n', out);
	for (; argument && argument->name; argument++)
		write_row(out, argument->name, argument->help);
	if (command->arguments)
		fputc('\n', out);
	for (; option->name; option++)
		write_option(out, option);
	write_row(out, "-h, --help", "this text");
}

void help_list(FILE *out, const char *group)
{
	size_t n = group ? strlen(group) : 0;

	for (size_t i = 0; commands[i]; i++) {
		const struct command *command = commands[i];

		if (group && (strncmp(command->name, group, n) != 0 ||
			      command->name[n] != ' '))
			continue;
		fprintf(out, "  %-*s%s\n", COMMAND_COLUMN, command->name,
			command->summary);
	}
}
