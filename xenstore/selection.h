/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_SELECTION_H
#define XENSTORE_SELECTION_H

/**
 * Which nodes of xenstore are mirrored: those at the given trees and below.
 *
 * A tree is a path, of which whole parts may be `*`, for any name, but not the
 * first. What stands before the first `*` is the root that is watched for it:
 * of that of the data of all domains it is /local/domain.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	SELECTION_TREES_MAX = 16,
	SELECTION_PATH_MAX_BYTES = 512, /* of a node that can be mirrored */
};

struct selection {
	size_t n_trees;
	const char *trees[SELECTION_TREES_MAX]; /* borrowed */
	size_t n_roots;
	/* None is below another. */
	char roots[SELECTION_TREES_MAX][SELECTION_PATH_MAX_BYTES + 1];
};

enum selection_place {
	SELECTION_OUT,
	SELECTION_ABOVE, /* something below may be mirrored */
	SELECTION_IN,    /* mirrored, and all below it */
};

/**
 * One tree more; the text is borrowed. Returns 0, -EINVAL (it is no such path)
 * or -E2BIG (too many).
 */
int selection_add(struct selection *selection, const char *tree);

enum selection_place selection_place(const struct selection *selection,
				     const char *path);

/** Whether it is at or below a path; both begin with `/`. */
bool selection_is_below(const char *path, const char *top);

#endif
