/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_TAPE_INSIDE_H
#define TESTS_TORTURE_DISK_TAPE_INSIDE_H

/** Between the tape and the functions that stand in place of libc's. */

#include "tests/torture/disk/tape.h"

enum { TAPE_PATH_BYTES = 512 };

enum place_kind { FD_FOREIGN, FD_FILE, FD_FOLDER };

/** What a descriptor is open on. */
struct place {
	enum place_kind kind;
	uint32_t file;
	char *folder; /* below the root */
};

/** Around everything else here. */
void tape_lock(void);
void tape_unlock(void);

/** The path below the root, or NULL: elsewhere, or of no interest. */
const char *tape_below_root(int folder_fd, const char *path,
			    char joined[TAPE_PATH_BYTES]);
/** Never NULL. */
const struct place *tape_place(int fd);
void tape_forget(int fd);
/** Its number, or UINT32_MAX. */
uint32_t tape_lookup(const char *path);

/** Whether this call has to fail; errno is then what with. */
bool tape_is_failing(enum tape_fault kind);
void tape_fault_reset(void);

void tape_note_opened(int fd, const char *path, int flags);
void tape_note_write(uint32_t file, uint64_t offset, const void *bytes,
		     size_t n);
void tape_note_resize(uint32_t file, uint64_t n);
void tape_note_sync(uint32_t file, bool is_good);
void tape_note_name(enum tape_kind kind, uint32_t file, const char *path);
void tape_note_unlink(const char *path);
void tape_note_rename(const char *from, const char *to);

#endif
