/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_OPTIONS_H
#define LOGGER_OPTIONS_H

#include "base/diag.h"

struct options {
	const char *state;
	const char *address;
	const char *key_file; /* or NULL, as the next */
	const char *server_key;
	int ready_fd; /* or -1 */
	int parent;   /* or 0 */
	enum diag_level log_level;
};

extern const char options_usage[];

/** Returns 0, 1 when help was asked for, or -EINVAL. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
