/* SPDX-License-Identifier: MIT */
#ifndef CLI_PIPE_SOURCE_H
#define CLI_PIPE_SOURCE_H

/** Where the lines of `helio logger pipe` come from. */

#include <stdbool.h>
#include <stddef.h>

struct shipper;

/* A longer line goes in pieces: as long as journald takes one. */
enum { PIPE_SOURCE_LINE_MAX = 48 << 10 };

struct pipe_source {
	int fd; /* -1: it is over */
	const char *name;
	int severity;            /* of lines that do not say */
	struct shipper *shipper; /* borrowed: who takes them */
	bool is_dropping;        /* rather than wait when that is full */
	size_t n;
	char bytes[PIPE_SOURCE_LINE_MAX];
};

/* Each returns 0 or a negative errno. */

/** A file, or standard input if it is NULL. */
int pipe_source_open(struct pipe_source *source, const char *file);
/** A pipe, whose other end is *ret_theirs. */
int pipe_source_open_pipe(struct pipe_source *source, const char *name,
			  int *ret_theirs);
void pipe_source_close(struct pipe_source *source);

/** There is no more: what is left of a line is one, and it is closed. */
int pipe_source_finish(struct pipe_source *source);
/** Take what is there: it is readable. */
int pipe_source_read(struct pipe_source *source);

#endif
