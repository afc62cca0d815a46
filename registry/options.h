/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_OPTIONS_H
#define REGISTRY_OPTIONS_H

/** The command line of helio-registry. */

#include "daemon/program.h"

/** Texts are the command line's own. */
struct options {
	const char *state;
	struct program_options program;
};

extern const struct options_table options_table;

#endif
