/* SPDX-License-Identifier: MIT */

#include "cli/manual.h"

#include <string.h>

#include "base/roff.h"
#include "cli/command.h"

/* Every option of one command, as the words that a shell offers. */
static void write_words(FILE *out, const struct command *command)
{
	for (const struct option *o = command->options; o->name; o++)
		fprintf(out, "--%s ", o->name);
	fputs("--help", out);
}

void manual_completion(FILE *out)
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

static void write_roff(FILE *out, const char *text)
{
	roff_write(out, text, strlen(text));
}

/* A page's name has `-` where the command has a space. */
static void write_name(FILE *out, const char *name)
{
	size_t n = strcspn(name, " ");

	fprintf(out, "helio\\-%.*s", (int)n, name);
	if (name[n])
		fprintf(out, "\\-%s", name + n + 1);
}

static void write_option(FILE *out, const struct option *option)
{
	fputs(".TP\n", out);
	if (option->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
	fputs("\\fB\\-\\-", out);
	write_roff(out, option->name);
	fputs("\\fR", out);
	if (option->value) {
		fputs(" \\fI", out);
		write_roff(out, option->value);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	write_roff(out, option->help);
	fputs(".\n", out);
}

static void write_synopsis(FILE *out, const struct command *command)
{
	const struct argument *argument = command->arguments;

	fprintf(out, ".SH SYNOPSIS\n\\fBhelio %s\\fR [\\fIOPTION\\fR..]",
		command->name);
	for (; argument && argument->name; argument++)
		fprintf(out,
			argument->is_required ? " \\fI%s\\fR%s"
					      : " [\\fI%s\\fR%s]",
			argument->name,
			argument->kind == OPTION_TEXTS ? ".." : "");
	fputc('\n', out);
}

void manual_page(FILE *out, const struct command *command)
{
	const struct argument *argument = command->arguments;
	const struct option *option = command->options;

	fputs(".TH ", out);
	write_name(out, command->name);
	fputs(" 1 \"\" heliograph\n.SH NAME\n", out);
	write_name(out, command->name);
	fprintf(out, " \\- %s\n", command->summary);
	write_synopsis(out, command);
	fputs(".SH DESCRIPTION\n", out);
	write_roff(out, command->description ? command->description
					     : command->summary);
	fputc('\n', out);
	for (; argument && argument->name; argument++) {
		fprintf(out, ".TP\n\\fI%s\\fR\n", argument->name);
		write_roff(out, argument->help);
		fputs(".\n", out);
	}
	fputs(".SH OPTIONS\n", out);
	for (; option->name; option++)
		write_option(out, option);
	fputs(".SH EXIT STATUS\n0: done; 1: the answer is no; 2: the command "
	      "line is wrong; 3: not\nfound; 4: denied; 5: unavailable, or "
	      "not in time; 6: a quota is full;\n70: a fault of ours.\n",
	      out);
}
