/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_HOME_H
#define LOGGER_HOME_H

/**
 * The folder of a log, which is there only if the backend keeps its files in
 * the file system.
 */

#include <stdint.h>

#include "storage/backend/fault.h"

struct backend;

/** Make it, if it is not there, so that a power cut leaves it. */
int home_make(struct backend *backend, const char *folder);

/**
 * -EBADMSG: there are segments, and no state that tells of them. 0 in all
 * other cases.
 */
int home_look(struct backend *backend, const char *folder, struct fault *fault);

/**
 * Remove the segments that begin before `first`, and what crashes have left of
 * others; for the writer, before it makes any.
 */
void home_sweep(struct backend *backend, const char *folder, uint64_t first);

/** Remove all files of a log in it, and then the folder if it is empty. */
int home_remove(struct backend *backend, const char *folder);

#endif
