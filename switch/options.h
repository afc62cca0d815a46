/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OPTIONS_H
#define SWITCH_OPTIONS_H

/** The command line of heliod. */

#include "base/options.h"
#include "base/supervised.h"

/** Texts are the command line's own. */
struct options {
	const char *config; /* NULL only with check_policy */
	const char *run;    /* or NULL */
	const char *check_policy;
	char *const *question; /* three words to judge, or NULL */
	struct options_texts listens;
	const char *uplink; /* or NULL */
	struct supervised supervised;
};

extern const struct options_table options_table;

/** As options_parse(). */
int options_read(int argc, char **argv, struct options *ret_options);

#endif
