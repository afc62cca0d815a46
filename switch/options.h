/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OPTIONS_H
#define SWITCH_OPTIONS_H

/** The command line of heliod. */

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "switch/settings.h"

/** Texts are the command line's own. */
struct options {
	const char *config; /* NULL only with check_policy */
	const char *run;    /* or NULL */
	const char *check_policy;
	char *const *question; /* three words to judge, or NULL */
	const char *listens[SETTINGS_LISTENS_MAX];
	size_t n_listens;
	const char *uplink; /* or NULL */
	int ready_fd;       /* or -1 */
	int parent;         /* to end with, or 0 */
	bool has_log_level;
	enum diag_level log_level;
};

extern const char options_usage[];

/** Returns 0, 1 when help was asked for, or -EINVAL. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
