/* SPDX-License-Identifier: MIT */

#include "xenstore/options.h"

static const char usage[] =
	"usage: helio-xenstore --tree PATH --address ADDRESS\n"
	"\n"
	"A bridge from xenstore: what stands below a path there stands in a\n"
	"bucket of helio-store too, under the same names, and changes with it.\n"
	"\n";

static const struct options_row rows[] = {
	{ .name = "tree",
	  .kind = OPTIONS_TEXTS,
	  .offset = offsetof(struct options, trees),
	  .value = "PATH",
	  .help = "mirror this node and all below it; parts of it may\n"
		  "be *: '/local/domain/*/data'. May be given again" },
	{ .name = "bucket",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, bucket),
	  .value = "NAME",
	  .help = "where to, made if it is not there, and only for\n"
		  "this bridge; xenstore" },
	{ .name = NULL },
};

static const char closing[] =
	"\n"
	"The variable XENSTORED_PATH names xenstored's socket, if it is another\n"
	"than Xen's.\n";

static const struct options defaults = {
	.bucket = "xenstore",
	.program = PROGRAM_OPTIONS_DEFAULTS,
};

const struct options_table options_table = {
	.usage = usage,
	.parts = PROGRAM_OPTIONS_PARTS(rows),
	.closing = closing,
	.defaults = &defaults,
	.n_settings = sizeof(defaults),
};
