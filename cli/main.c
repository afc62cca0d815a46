/* SPDX-License-Identifier: MIT */

/* helio: the command line of a heliograph bus. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "cli/output.h"

static int show_overview(FILE *out, int code)
{
	fputs("Usage: helio COMMAND [OPTION..] [ARGUMENT..]\n\n", out);
	help_list(out, NULL);
	fputs("\n`helio COMMAND --help` tells more; `helio completion` is what "
	      "bash completes by.\n",
	      out);
	return code;
}

static int complain(const struct command *command, const char *error)
{
	talk("%s: %s", command->name, error);
	help_usage(stderr, command);
	return EXIT_USAGE;
}

static int run_command(const struct command *command, int n_words, char **words)
{
	_cleanup_(freep) void *settings = calloc(1, command->n_settings);
	char error[OPTION_ERROR_BYTES];
	int r;

	if (!settings)
		return EXIT_INTERNAL;
	r = option_parse(command, n_words, words, settings, error);
	if (r < 0)
		return complain(command, error);
	if (r == OPTION_E_HELP) {
		help_command(stdout, command);
		return output_end(EXIT_OK);
	}
	return output_end(command->run(settings));
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The first word of several commands, and no command. */
static int run_group(int n_words, char **words)
{
	if (n_words > 1 && !is_help(words[1])) {
		talk("no command '%s %s'; there are:", words[0], words[1]);
		help_list(stderr, words[0]);
		return EXIT_USAGE;
	}
	help_list(stdout, words[0]);
	return output_end(n_words > 1 ? EXIT_OK : EXIT_USAGE);
}

/* Words that are no command of the bus: about this program itself. */
static int run_about(int n_words, char **words)
{
	const char *word = words[0];

	if (strcmp(word, "--version") == 0)
		return printf("helio " HELIO_VERSION "\n") < 0;
	if (is_help(word))
		return show_overview(stdout, EXIT_OK);
	if (command_is_group(word))
		return run_group(n_words, words);
	talk("no command '%s'; `helio --help` lists them", word);
	return EXIT_USAGE;
}

static int run_help(int n_words, char **words)
{
	const struct command *command;
	int n;

	if (n_words == 0)
		return show_overview(stdout, EXIT_OK);
	command = command_lookup(n_words, words, &n);
	if (!command && command_is_group(words[0])) {
		help_list(stdout, words[0]);
		return output_end(EXIT_OK);
	}
	if (!command)
		return run_about(n_words, words);
	if (n_words > n && strcmp(words[n], "--man") == 0)
		manual_page(stdout, command);
	else
		help_command(stdout, command);
	return output_end(EXIT_OK);
}

int main(int argc, char **argv)
{
	const struct command *command;
	int n;

	diag_init("helio", DIAG_INFO);
	if (argc < 2)
		return show_overview(stderr, EXIT_USAGE);
	if (strcmp(argv[1], "help") == 0)
		return run_help(argc - 2, argv + 2);
	if (strcmp(argv[1], "completion") == 0) {
		manual_completion(stdout);
		return output_end(EXIT_OK);
	}
	command = command_lookup(argc - 1, argv + 1, &n);
	if (!command)
		return run_about(argc - 1, argv + 1);
	return run_command(command, argc - 1 - n, argv + 1 + n);
}
