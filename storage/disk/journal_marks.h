/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_DISK_JOURNAL_MARKS_H
#define STORAGE_DISK_JOURNAL_MARKS_H

/**
 * How many bytes of steps stand before some of the journal's rows, one for each
 * MiB: so that as many can be kept as are to be, and no more.
 */

#include <stddef.h>
#include <stdint.h>

struct journal_mark {
	uint64_t row;
	uint64_t n_before; /* bytes */
};

struct journal_marks {
	struct journal_mark *marks;
	size_t n, n_max;
	uint64_t n_bytes; /* of all rows */
};

/** Safe on a zeroed one. */
void journal_marks_deinit(struct journal_marks *marks);
/** One more row. Without memory marks stand further apart. */
void journal_marks_add(struct journal_marks *marks, uint64_t row,
		       size_t n_bytes);
/** Rows before this one are needed no more. */
void journal_marks_forget(struct journal_marks *marks, uint64_t row);
/**
 * The first row with a mark that has at most `n_bytes` from itself on to the
 * end. UINT64_MAX: none has.
 */
uint64_t journal_marks_from(const struct journal_marks *marks,
			    uint64_t n_bytes);

#endif
