/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_H
#define LOGGER_ANSWER_H

/**
 * The process that answers one question in SQL about a log: helio-logger starts
 * itself for it, so that a stranger's SQL can neither stop the logger nor read
 * more than its asker may see.
 *
 * It reads the question from descriptor 0: u32 length, then the SQL. To
 * descriptor 1 it writes what it has to say, each u32 length of all of it, u8
 * kind, then bytes:
 *	'P'	a packed helio.log.v1.QueryReply
 *	'S', 'O' a subject: may the asker subscribe to it, or observe it? One
 *		byte comes back, 'Y' or 'N'
 *	'E'	u8 status, then a text: that was all, and it is no answer
 *	'D'	that was all
 */

#include <stddef.h>
#include <stdint.h>

enum {
	ANSWER_HEAD_BYTES = 5,
	ANSWER_BYTES_MAX = 4 * 1024 * 1024, /* of what it says at once */
	ANSWER_SQL_MAX = 64 * 1024,
	/* The longest value: a body of 1 MiB, and what it is. */
	ANSWER_VALUE_MAX = 1024 * 1024 + 1024,
};

/**
 * What main() does for `--answer FOLDER MS N`, where of each subject there are
 * the newest N records, or all if that is 0; returns its exit status.
 */
int answer_main(const char *folder, const char *timeout_ms,
		const char *subject_records_max);

/* ---- inside ---- */

/** Write one thing that it has to say. Returns 0 or -EPIPE. */
int answer_say(char kind, const void *a, size_t n_a, const void *b, size_t n_b);

#endif
