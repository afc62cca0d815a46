/* SPDX-License-Identifier: MIT */
#ifndef CLI_VIEWER_H
#define CLI_VIEWER_H

/** Of `helio log`: which records are shown, and in which order. */

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/decoder.h"
#include "cli/entry.h"
#include "cli/logs.h"

#define VIEWER_LINES_UNSET UINT64_MAX

/** As it stands on the command line. */
struct log {
	struct common common;
	const char *log;
	bool is_following;
	uint64_t n_lines;
	const char *since;
	const char *until;
	const char *grep;
	bool is_case_sensitive;
	bool is_reverse;
	int format; /* enum entry_format */
	const char *cursor_file;
	const char *fields;
	struct texts subjects;
	struct texts domains;
	const char *speed;
};

/** What of it means something else than it says, and what came of it. */
struct viewer {
	const struct log *log;
	struct logs logs;
	struct decoder decoder;
	struct entry_view view;
	regex_t regex;
	bool has_regex;
	uint64_t since_ns;
	uint64_t until_ns; /* the first that is not wanted */
	uint64_t from;     /* a sequence, of the cursor file */
	uint64_t n_wanted; /* 0: all */
	uint32_t pace_permille;
	char *principals[OPTION_TEXTS_MAX]; /* owned */
	uint64_t n_shown;
	/* With the newest first: what is shown in the end, as it will be. */
	char **kept;
	size_t n_kept;
	bool is_keeping;
};

/**
 * Show what is wanted, and write the cursor file. Returns an exit code; unless
 * it is EXIT_OK, why was told.
 */
int viewer_show(struct viewer *viewer);

#endif
