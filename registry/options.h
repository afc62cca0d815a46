/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_OPTIONS_H
#define REGISTRY_OPTIONS_H

/** The command line of helio-registry. */

#include "base/diag.h"

/** Texts are the command line's own. */
struct options {
	const char *dir;
	const char *address;
	const char *key_file; /* or NULL, as the next */
	const char *server_key;
	int ready_fd; /* or -1 */
	int parent;   /* to end with, or 0 */
	enum diag_level log_level;
};

extern const char options_usage[];

/** Returns 0, 1 when help was asked for, or -EINVAL. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
