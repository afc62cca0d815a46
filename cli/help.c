/* SPDX-License-Identifier: MIT */

#include "cli/help.h"

#include <ctype.h>
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

/* Every option of one command, as the words that a shell offers. */
static void write_words(FILE *out, const struct command *command)
{
	for (const struct option *o = command->options; o->name; o++)
		fprintf(out, "--%s ", o->name);
	fputs("--help", out);
}

void help_completion(FILE *out)
{
	fputs("_helio()\n{\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n"
	      "\tcase \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n",
	      out);
	for (size_t i = 0; commands[i]; i++) {
		bool is_pair = strchr(commands[i]->name, ' ');

		fprintf(out, "\t\"%s%s) words=\"", commands[i]->name,
			is_pair ? "\"" : " \"*");
		write_words(out, commands[i]);
		fputs("\" ;;\n", out);
	}
	fputs("\tesac\n"
	      "\tcase \"$COMP_CWORD ${COMP_WORDS[1]}\" in\n"
	      "\t1\\ *) words=\"",
	      out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "%.*s ", (int)strcspn(commands[i]->name, " "),
			commands[i]->name);
	fputs("help completion\" ;;\n", out);
	for (size_t i = 0; commands[i]; i++) {
		size_t n = strcspn(commands[i]->name, " ");

		if (commands[i]->name[n])
			fprintf(out, "\t2\\ %.*s) words+=\" %s\" ;;\n", (int)n,
				commands[i]->name, commands[i]->name + n + 1);
	}
	fputs("\tesac\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	      "}\n"
	      "complete -o default -F _helio helio\n",
	      out);
}

/* scdoc takes `_` and `*` for marks, and a line's first `.` for a command. */
static void write_scdoc(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("_*\\[]<>~^`#", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_scdoc_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(*name == ' ' ? '-' : *name, out);
}

static void write_scdoc_option(FILE *out, const struct option *option)
{
	if (option->letter)
		fprintf(out, "*-%c*, ", option->letter);
	fprintf(out, "*--%s*", option->name);
	if (option->value) {
		fputc(' ', out);
		write_scdoc(out, option->value);
	}
	fputs("\n\t", out);
	write_scdoc(out, option->help);
	fputs(".\n\n", out);
}

void help_manual(FILE *out, const struct command *command)
{
	const struct argument *argument = command->arguments;
	const struct option *option = command->options;

	fputs("helio-", out);
	write_scdoc_name(out, command->name);
	fputs("(1)\n\n# NAME\n\nhelio-", out);
	write_scdoc_name(out, command->name);
	fprintf(out, " - %s\n\n# SYNOPSIS\n\n*helio %s* [OPTION..]",
		command->summary, command->name);
	for (; argument && argument->name; argument++)
		fprintf(out, argument->is_required ? " %s%s" : " [%s%s]",
			argument->name,
			argument->kind == OPTION_TEXTS ? ".." : "");
	fputs("\n\n# DESCRIPTION\n\n", out);
	write_scdoc(out, command->description ? command->description
					      : command->summary);
	fputs("\n\n", out);
	for (argument = command->arguments; argument && argument->name;
	     argument++)
		fprintf(out, "*%s*\n\t%s.\n\n", argument->name, argument->help);
	fputs("# OPTIONS\n\n", out);
	for (; option->name; option++)
		write_scdoc_option(out, option);
	fputs("# EXIT STATUS\n\n0 ok, 1 the answer is no, 2 usage, 3 not "
	      "found, 4 denied, 5 unavailable or timed out, 6 a quota is "
	      "full, 70 internal error.\n\n# SEE ALSO\n\n*helio*(1)\n",
	      out);
}
