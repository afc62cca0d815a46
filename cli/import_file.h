/* SPDX-License-Identifier: MIT */
#ifndef CLI_IMPORT_FILE_H
#define CLI_IMPORT_FILE_H

/** The file of `helio log import`, which is read twice: JSON, or an archive. */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "cli/archive.h"
#include "proto/run.h"

struct import_file {
	const char *path;
	FILE *in;
	bool is_archive;
	struct archive_reader archive;

	/* Of JSON. */
	char *line;
	size_t n_line_max;
	uint64_t n_lines;
	uint64_t last_sequence;
	uint64_t last_ns;
	struct arena arena;
	struct run_builder builder;
	bool is_line_kept; /* it did not fit into the run before */
	ssize_t n_line;

	Helio__Log__V1__Config *config; /* of an archive, once checked; NULL */
	uint8_t *config_memory;
};

/** What comes next: a run, in two pieces, or a schema behind its hash. */
struct import_piece {
	bool is_schema;
	const void *bytes[2];
	size_t lengths[2];
};

/*
 * Each returns an exit code; unless it is EXIT_OK, why was told.
 */

/** `file` is zeroed. */
int import_file_open(struct import_file *file, const char *path);
/** Look at all of it. */
int import_file_check(struct import_file *file);
/** From the beginning. */
int import_file_begin(struct import_file *file);
/** Safe on a zeroed one. */
void import_file_deinit(struct import_file *file);

/** Returns 1, 0 at the end, or minus an exit code; it lives until the next. */
int import_file_next(struct import_file *file, struct import_piece *ret_piece);

#endif
