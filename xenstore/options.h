/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_OPTIONS_H
#define XENSTORE_OPTIONS_H

/** The command line of helio-xenstore. */

#include "daemon/program.h"

/** Texts are the command line's own. */
struct options {
	struct options_texts trees;
	const char *bucket;
	struct program_options program;
};

extern const struct options_table options_table;

#endif
