/* SPDX-License-Identifier: MIT */
#ifndef CLI_ENTRY_H
#define CLI_ENTRY_H

/**
 * A record as it is shown. All of it may be a stranger's: it is escaped, so
 * that it can neither drive a terminal nor pass for two records.
 */

#include <stdbool.h>
#include <stdio.h>

#include "base/buffer.h"
#include "rpc/heliograph-log.h"

struct decoder;

/** In the order of ENTRY_FORMATS. */
enum entry_format {
	ENTRY_SHORT,   /* one line: time, source, subject, body */
	ENTRY_JSON,    /* one line, of which `helio log import` loses nothing */
	ENTRY_CAT,     /* the body alone */
	ENTRY_VERBOSE, /* everything, in several lines */
};
#define ENTRY_FORMATS "short|json|cat|verbose"

struct entry_view {
	enum entry_format format;
	const char *log;         /* its name */
	struct decoder *decoder; /* NULL: bodies as they are */
	const char *fields;      /* of ENTRY_JSON, `a,b`; NULL: all */
	bool is_terminal;
	bool has_color;
};

/** `output` of the record to a file. */
void entry_write(const struct entry_view *view,
		 const struct helio_log_record *record, FILE *out);

/**
 * The body as text in one piece, as --grep sees it: JSON if there is a schema,
 * else itself, or what stands for it if it is no text.
 */
void entry_text(const struct entry_view *view,
		const struct helio_log_record *record, struct buffer *text);

/** What a header says, and its length; NULL: there is none. */
const char *entry_header(const struct helio_log_record *record,
			 const char *name, size_t *ret_n);

/** "message", "call", "reply" or "gap". */
const char *entry_kind(enum helio_log_kind kind);

#endif
