/* SPDX-License-Identifier: MIT */

#include "storage/backup.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "daemon/program.h"
#include "storage/backend/backend.h"
#include "storage/disk/journal.h"

struct settings {
	const char *state;
	const char *to;
};

static const char usage[] =
	"usage: helio-store backup --state DIR --to FILE\n"
	"\n"
	"Copy what a store has on disk, as of one moment and while it runs, into\n"
	"a new file, which is the file `store` of a folder to begin with.\n"
	"\n";

static const struct options_row rows[] = {
	{ .name = "state",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct settings, state),
	  .value = "DIR",
	  .help = "folder of the store",
	  .is_required = true },
	{ .name = "to",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct settings, to),
	  .value = "FILE",
	  .help = "the copy, which must not be there yet",
	  .is_required = true },
	{ .name = NULL },
};

static const struct settings defaults;

static const struct options_table table = {
	.usage = usage,
	.parts = (const struct options_part[]){ { rows, 0 }, { NULL, 0 } },
	.defaults = &defaults,
	.n_settings = sizeof(defaults),
};

static int copy(const struct settings *settings)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/store", settings->state) < 0) {
		path = NULL;
		return program_complain(settings->state, -ENOMEM);
	}
	r = journal_backup(backend_sqlite(), path, settings->to);
	if (r == -EEXIST)
		return program_complain(settings->to, r);
	return r < 0 ? program_complain(path, r) : 0;
}

int backup_main(int argc, char **argv)
{
	struct settings settings;
	int r;

	diag_init("helio-store", DIAG_INFO);
	r = options_parse(&table, argc, argv, &settings);
	if (r) {
		options_print(&table, r < 0 ? stderr : stdout);
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	/* What is in it is for whoever had the folder. */
	umask(0077);
	return copy(&settings) < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}
