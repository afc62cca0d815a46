/* SPDX-License-Identifier: MIT */

#include "storage/options.h"

static const char usage[] =
	"usage: helio-store --state DIR --address ADDRESS\n"
	"       helio-store backup --state DIR --to FILE\n"
	"\n"
	"The store: buckets of keys and queues of jobs. What it has answered\n"
	"is on disk.\n"
	"\n";

static const struct options_row rows[] = {
	{ .name = "state",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, state),
	  .value = "DIR",
	  .help = "folder for the store, made if it is missing",
	  .is_required = true },
	{ .name = "bytes-max",
	  .kind = OPTIONS_BYTES,
	  .offset = offsetof(struct options, service.limits.bytes_max),
	  .value = "N",
	  .help = "of all that it knows, in memory; 1G" },
	{ .name = "principal-bytes-max",
	  .kind = OPTIONS_BYTES,
	  .offset = offsetof(struct options, service.limits.party_bytes_max),
	  .value = "N",
	  .help = "of what one durable id wrote, submitted or sends;\n"
		  "256M" },
	{ .name = "snapshot-after",
	  .kind = OPTIONS_BYTES,
	  .offset = offsetof(struct options, service.snapshot_bytes),
	  .value = "N",
	  .help = "of journal; 64M" },
	{ .name = NULL },
};

const struct options_table options_table = PROGRAM_OPTIONS_TABLE(usage, rows);
