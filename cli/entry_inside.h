/* SPDX-License-Identifier: MIT */
#ifndef CLI_ENTRY_INSIDE_H
#define CLI_ENTRY_INSIDE_H

/**
 * A record as it is shown, for the files that show it:
 *
 *	entry.c		one line, or the body alone
 *	entry_json.c	an object
 *	entry_verbose.c	everything, in several lines
 */

#include "cli/entry.h"

enum { ENTRY_TEXT_BYTES_MAX = 256 << 20 };

/** Whether somebody can read the body: UTF-8 without a NUL in it. */
bool entry_is_text(const struct helio_message *message);

void entry_write_json(const struct entry_view *view,
		      const struct helio_log_record *record, FILE *out);
void entry_write_verbose(const struct entry_view *view,
			 const struct helio_log_record *record, FILE *out);

#endif
