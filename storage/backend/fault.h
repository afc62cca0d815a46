/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_FAULT_H
#define STORAGE_BACKEND_FAULT_H

/** What is wrong with what lies on disk, for people: the file, and the fault.
 */

#include <stdint.h>

enum { FAULT_FILE_BYTES = 64, FAULT_TEXT_BYTES = 128 };

struct store;

struct fault {
	char file[FAULT_FILE_BYTES];
	char text[FAULT_TEXT_BYTES];
	uint64_t sequence; /* of the first that is bad; 0: unknown */
};

/** The file that is looked at now; without the folders before it. */
void fault_at(struct fault *fault, const char *file);

/** It is damaged, and so. Returns -EBADMSG. */
__attribute__((format(printf, 3, 4))) int fault_found(struct fault *fault,
						      uint64_t sequence,
						      const char *format, ...);

/**
 * `r` was returned for the file that is looked at; `store` may be NULL. If it
 * is an error it is said what it was. Returns `r`.
 */
int fault_of(struct fault *fault, const struct store *store, int r);

/** "FILE: TEXT" for the caller to free, or NULL. */
char *fault_text(const struct fault *fault);

#endif
