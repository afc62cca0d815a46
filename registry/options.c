/* SPDX-License-Identifier: MIT */

#include "registry/options.h"

static const char usage[] =
	"usage: helio-registry --state DIR --address ADDRESS\n"
	"\n"
	"The registry of schemas: it keeps them, and says which may follow and\n"
	"which may call which.\n"
	"\n";

static const struct options_row rows[] = {
	{ .name = "state",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, state),
	  .value = "DIR",
	  .help = "folder for the schemas, made if it is missing",
	  .is_required = true },
	{ .name = NULL },
};

const struct options_table options_table = PROGRAM_OPTIONS_TABLE(usage, rows);
