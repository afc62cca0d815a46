/* SPDX-License-Identifier: MIT */
#ifndef VM_OPTIONS_H
#define VM_OPTIONS_H

/** The command line of helio-vm. */

#include "daemon/program.h"

/** Texts are the command line's own, or the environment's. */
struct options {
	const char *machines;
	const char *run;
	const char *qemu; /* or NULL */
	int machines_per_principal;
	struct program_options program;
};

extern const struct options_table options_table;

#endif
