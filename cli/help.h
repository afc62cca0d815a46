/* SPDX-License-Identifier: MIT */
#ifndef CLI_HELP_H
#define CLI_HELP_H

/** What people can ask about commands, made from their tables. */

#include <stdio.h>

#include "cli/option.h"

/** "Usage: helio pub [OPTION..] SUBJECT [BODY]", in one line. */
void help_usage(FILE *out, const struct command *command);

/** All about one command. */
void help_command(FILE *out, const struct command *command);

/** The list of commands; with `group`, only those of "domains". */
void help_list(FILE *out, const char *group);

#endif
