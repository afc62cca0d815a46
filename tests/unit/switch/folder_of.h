/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_FOLDER_OF_H
#define TESTS_UNIT_SWITCH_FOLDER_OF_H

/** A new folder of small files, for one test. Failures abort. */

struct folder_of;

struct folder_of *folder_of_new(void);

/** Removes the folder and all that is in it. */
void folder_of_free(struct folder_of *folder);

const char *folder_of_path(const struct folder_of *folder);

/** Write a file, anew if it is there; `name` may be in a folder of its own. */
void folder_of_add(struct folder_of *folder, const char *name,
		   const char *text);

void folder_of_add_fifo(struct folder_of *folder, const char *name);

#endif
