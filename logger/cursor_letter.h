/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_LETTER_H
#define LOGGER_CURSOR_LETTER_H

/**
 * What is said of a record with which it goes to the dead letters: whence it
 * is, and all that was said of it when it was published.
 */

#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph.h"

struct cursor;
struct run_record;

enum { CURSOR_LETTER_OWN = 8 }; /* headers of ours, at most */

struct cursor_letter {
	struct helio_header *headers; /* ours, then its own */
	size_t n_headers;
	size_t n_own;
	const char *content_type; /* or NULL, as the next */
	const char *traceparent;
	char sequence[24];
	char time[48];
	char n_left_out[24];
	uint8_t *memory; /* where its own are */
};

/**
 * The record must live as long. Metadata that cannot be read counts as none.
 * Returns 0 or -ENOMEM.
 */
int cursor_letter_init(struct cursor_letter *letter,
		       const struct cursor *cursor,
		       const struct run_record *record);
void cursor_letter_deinit(struct cursor_letter *letter);

/** Together they are too long: its own are left out, and it says how many. */
void cursor_letter_shorten(struct cursor_letter *letter);

#endif
