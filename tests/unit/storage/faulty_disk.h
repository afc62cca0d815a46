/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_FAULTY_DISK_H
#define TESTS_UNIT_STORAGE_FAULTY_DISK_H

/**
 * A disk that fails when it is told to, and remembers all that was done to it:
 * a VFS of SQLite over the real one, and the functions of
 * storage/backend/disk.h. It is for a process that tests alone use:
 *
 *     faulty_disk_start();
 *     backend_sqlite_on(FAULTY_DISK_VFS, &backend);
 *     faulty_disk_record(folder);
 *     ... work in it; n = faulty_disk_n_events() after each commit ...
 *     faulty_disk_image(n, seed, "/elsewhere");
 *
 * May be called from several threads, but for start and record.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULTY_DISK_VFS "faulty"

enum faulty_call {
	FAULTY_WRITE,
	FAULTY_SYNC,
	FAULTY_OPEN,
	FAULTY_TRUNCATE,
	FAULTY_READ,
	FAULTY_UNLINK,
	FAULTY_RENAME,
	FAULTY_SYNC_FOLDER,
	FAULTY_N_CALLS,
};

/** All but reads. */
#define FAULTY_CHANGES (((1u << FAULTY_N_CALLS) - 1) & ~(1u << FAULTY_READ))

/** Register the VFS and take over disk.h. Returns 0; again is fine. */
int faulty_disk_start(void);

/* ---- faults ---- */

struct faulty_plan {
	unsigned calls;    /* which: bits 1 << enum faulty_call */
	uint64_t n_before; /* so many of them still work */
	int error;         /* EIO, ENOSPC, EMFILE: not negative */
	bool is_lasting;   /* else the next one works again */
	bool is_growth;    /* of writes only those that make a file longer */
};

/**
 * From now on calls fail by this plan. A write that fails has done half of its
 * work. What a failed sync should have written may be lost, and no later sync
 * brings it back, as kernels have it.
 */
void faulty_disk_arm(const struct faulty_plan *plan);
void faulty_disk_disarm(void);
/** Whether a call has failed since it was armed. */
bool faulty_disk_hit(void);
/** How many calls of these kinds there have been since the start. */
uint64_t faulty_disk_n_calls(unsigned calls);

/* ---- power cuts ---- */

/**
 * Remember all that is done below the folder at `root` from now on, and nothing
 * of before but what it is now, which counts as synced. `root` is an absolute
 * path without symbolic links, no file in it is open, and those that are opened
 * later are so by paths that begin with it. What was remembered before is
 * forgotten. Returns 0 or an error of reading what is there.
 */
int faulty_disk_record(const char *root);
/** Forget it all. */
void faulty_disk_forget(void);

/** How many events there have been: a moment at which power may go. */
size_t faulty_disk_n_events(void);

/**
 * Make at `to`, an empty folder, what the disk may hold when the power goes
 * after the first `n_events`: everything that was synced, and of the rest any
 * part, in sectors of 512 bytes, in any order. Names are synced with their
 * folders. Each `seed` makes another choice, always the same; those divisible
 * by 8 keep nothing that was not synced, the next ones all of it. What is in
 * -shm files is never kept. Returns 0 or a negative errno.
 */
int faulty_disk_image(size_t n_events, uint64_t seed, const char *to);

#endif
