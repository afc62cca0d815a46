/* SPDX-License-Identifier: MIT */

#include "logger/options.h"

static const char usage[] =
	"usage: helio-logger --state DIR --address ADDRESS\n"
	"\n"
	"The logger: what is said on the bus is on disk before it is\n"
	"acknowledged, and can be said again.\n"
	"\n";

static const struct options_row rows[] = {
	{ .name = "state",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, state),
	  .value = "DIR",
	  .help = "folder for the logs, made if it is missing",
	  .is_required = true },
	{ .name = NULL },
};

const struct options_table options_table = PROGRAM_OPTIONS_TABLE(usage, rows);
