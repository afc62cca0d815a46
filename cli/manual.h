/* SPDX-License-Identifier: MIT */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

/** Manual pages and the shell's completion, made from the commands' tables. */

#include <stdio.h>

#include "cli/option.h"

/** A page of section 1, for man(1). */
void manual_page(FILE *out, const struct command *command);

/** For bash: commands and their options. */
void manual_completion(FILE *out);

#endif
