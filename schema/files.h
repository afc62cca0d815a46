/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_FILES_H
#define SCHEMA_FILES_H

/**
 * The files of a packed set, which may be a stranger's: what they are called,
 * and which of them a package reaches by its imports.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/canonical.h"

enum { FILE_NAME_MAX = 255 };

/** A text that is not terminated. */
struct file_text {
	const char *bytes;
	size_t n;
};

struct file {
	const uint8_t *bytes; /* a packed FileDescriptorProto, borrowed */
	size_t n_bytes;
	struct file_text name; /* printable, 1 to FILE_NAME_MAX bytes */
	struct file_text package;
	bool is_reached;
};

struct files {
	struct file *files; /* by name, compared as bytes */
	size_t n;
};

/**
 * Find the files of a set of `n` bytes, which are borrowed. Returns 0,
 * -EBADMSG with a reason, or -ENOMEM; the files need files_deinit() always.
 */
int files_init(struct files *files, const uint8_t *bytes, size_t n,
	       struct canonical_reason *ret_reason);
void files_deinit(struct files *files);

/**
 * Mark the files of a package and all that they import. Returns 0, -EBADMSG
 * with a reason when one of them is missing, or -ENOMEM.
 */
int files_reach(struct files *files, const char *package,
		struct canonical_reason *ret_reason);

#endif
