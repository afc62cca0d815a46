/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_OPTIONS_H
#define STORAGE_OPTIONS_H

/** The command line of helio-store. */

#include "daemon/program.h"
#include "storage/service.h"

/** Texts are the command line's own. */
struct options {
	const char *state;
	struct service_options service;
	struct program_options program;
};

extern const struct options_table options_table;

#endif
