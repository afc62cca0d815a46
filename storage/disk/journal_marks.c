/* SPDX-License-Identifier: MIT */

#include "storage/disk/journal_marks.h"

#include <stdlib.h>
#include <string.h>

enum { MARK_BYTES = 1 << 20 };

void journal_marks_deinit(struct journal_marks *marks)
{
	free(marks->marks);
	*marks = (struct journal_marks){ 0 };
}

static void push(struct journal_marks *marks, uint64_t row)
{
	if (marks->n == marks->n_max) {
		size_t n_max = marks->n_max * 2 + 64;
		struct journal_mark *more = reallocarray(marks->marks, n_max,
							 sizeof(*marks->marks));

		if (!more)
			return;
		marks->marks = more;
		marks->n_max = n_max;
	}
	marks->marks[marks->n++] = (struct journal_mark){
		.row = row,
		.n_before = marks->n_bytes,
	};
}

void journal_marks_add(struct journal_marks *marks, uint64_t row,
		       size_t n_bytes)
{
	const struct journal_mark *last =
		marks->n ? &marks->marks[marks->n - 1] : NULL;

	if (!last || marks->n_bytes - last->n_before >= MARK_BYTES)
		push(marks, row);
	marks->n_bytes += n_bytes;
}

void journal_marks_forget(struct journal_marks *marks, uint64_t row)
{
	size_t n = 0;

	/* The one before it tells where it is itself. */
	while (n + 1 < marks->n && marks->marks[n + 1].row <= row)
		n++;
	if (!n)
		return;
	marks->n -= n;
	memmove(marks->marks, marks->marks + n,
		marks->n * sizeof(*marks->marks));
}

uint64_t journal_marks_from(const struct journal_marks *marks, uint64_t n_bytes)
{
	for (size_t i = 0; i < marks->n; i++)
		if (marks->n_bytes - marks->marks[i].n_before <= n_bytes)
			return marks->marks[i].row;
	return UINT64_MAX;
}
