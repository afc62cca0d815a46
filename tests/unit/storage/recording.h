/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_RECORDING_H
#define TESTS_UNIT_STORAGE_RECORDING_H

/**
 * What was done to the files of a folder, in order. Files have numbers that
 * stay with them when they are renamed; paths are those below the root, without
 * it. Not thread-safe: faulty_disk.c has a lock. Running out of memory aborts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum recording_kind {
	RECORDING_CREATE, /* of `path`, as the file */
	RECORDING_WRITE,
	RECORDING_TRUNCATE,
	RECORDING_SYNC,
	RECORDING_SYNC_FAILED,
	RECORDING_RENAME, /* of `path` to `to` */
	RECORDING_UNLINK,
	RECORDING_MAKE_FOLDER,
	RECORDING_SYNC_FOLDER, /* `path`: "" is the root */
};

struct recording_event {
	enum recording_kind kind;
	unsigned file;
	uint64_t offset; /* of a write, or the new length */
	size_t n;
	unsigned char *bytes;
	char *path;
	char *to;
};

struct recording {
	char *root;
	struct recording_event *events;
	size_t n_events;
	size_t n_events_max;
	size_t n_base; /* events that make what was there first */
	unsigned n_files;
};

/** Begin with what is in the folder. Returns 0 or a negative errno. */
int recording_init(struct recording *recording, const char *root);
void recording_deinit(struct recording *recording);

/** The path below the root, or NULL: it is not there. */
const char *recording_below(const struct recording *recording,
			    const char *path);

/** The file of this name as it is now; -1: there is none. */
int recording_lookup(const struct recording *recording, const char *path);
/** A new file of this name. */
unsigned recording_create(struct recording *recording, const char *path);
void recording_write(struct recording *recording, unsigned file,
		     uint64_t offset, const void *bytes, size_t n);
/** TRUNCATE, SYNC, SYNC_FAILED. */
void recording_note(struct recording *recording, enum recording_kind kind,
		    unsigned file, uint64_t offset);
/** RENAME, UNLINK, MAKE_FOLDER, REMOVE_FOLDER, SYNC_FOLDER. */
void recording_name(struct recording *recording, enum recording_kind kind,
		    const char *path, const char *to);

/** As faulty_disk_image(). */
int recording_image(const struct recording *recording, size_t n_events,
		    uint64_t seed, const char *to);

#endif
