/* SPDX-License-Identifier: MIT */
#ifndef VM_OPTIONS_H
#define VM_OPTIONS_H

/** The command line of helio-vm. */

#include <stdint.h>

#include "base/diag.h"

/** Texts are the command line's own, or the environment's. */
struct options {
	const char *machines;
	const char *run;
	const char *connect;
	const char *key_file; /* or NULL, as the next two */
	const char *server_key;
	const char *qemu;
	uint32_t machines_per_principal;
	int ready_fd; /* or -1 */
	int parent;   /* to end with, or 0 */
	enum diag_level log_level;
};

extern const char options_usage[];

/** Returns 0, 1 when help was asked for, or -EINVAL. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
