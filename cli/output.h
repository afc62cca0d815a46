/* SPDX-License-Identifier: MIT */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/**
 * Results go to standard output, talk to standard error.
 *
 * On a terminal strangers' bytes are shown escaped, unless --raw was asked
 * for; into a file or a pipe they go as they are. Standard output is flushed
 * by whoever is about to wait, so that a pipe's reader is not kept waiting and
 * a burst is still written at once.
 */

#include <stdbool.h>
#include <stddef.h>

#include "rpc/heliograph.h"

struct output {
	bool is_json;
	bool is_raw;      /* bodies as they are, with nothing added */
	bool is_escaping; /* because a terminal reads it */
	bool has_subject; /* -t */
};

void output_init(struct output *output, int format, bool is_raw);

/** A message or a reply, in one line (with is_raw: without an end). */
void output_message(const struct output *output,
		    const struct helio_message *message);

/** A copy of a call or of its reply; `slot` joins the two. */
void output_observed(const struct output *output,
		     const struct helio_message *message, bool is_reply,
		     uint64_t slot, unsigned status);

/** How a call ended: its reply, or with JSON also why there is none. */
void output_reply(const struct output *output, const struct helio_reply *reply);

/** Whether standard output may have colours: a terminal, and no NO_COLOR. */
bool output_has_color(void);

/** Flush. Returns `code`, or EXIT_INTERNAL if results could not be written. */
int output_end(int code);

/** One line for people, on standard error, with control bytes escaped. */
__attribute__((format(printf, 1, 2))) void talk(const char *format, ...);

#endif
