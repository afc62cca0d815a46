/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_OPTIONS_H
#define LOGGER_OPTIONS_H

/** The command line of helio-logger. */

#include "daemon/program.h"

/** Texts are the command line's own. */
struct options {
	const char *state;
	struct program_options program;
};

extern const struct options_table options_table;

#endif
