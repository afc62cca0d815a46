/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CAGE_H
#define DAEMON_CAGE_H

/**
 * What a process gives up before it reads a stranger's bytes: should they ever
 * break it, little can be done from in here. What it does not say it gives up
 * it keeps, but for new rights by exec, which are gone in any cage.
 */

#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/*
 * A sanitizer needs more of everything: such a build keeps its memory and its
 * system calls, and a program may rather stay outside.
 */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { CAGE_IS_SANITIZED = true };
#else
enum { CAGE_IS_SANITIZED = false };
#endif

/** The end of `limits`. */
enum { CAGE_NO_RESOURCE = -1 };

struct cage_limit {
	int resource; /* RLIMIT_AS and the like */
	rlim_t max;   /* hard and soft; what is lower already stays */
};

struct cage {
	/*
	 * Of the file system this folder alone, by LANDLOCK_ACCESS_FS_* of the
	 * first version, where the kernel has Landlock. What is open already
	 * stays open, and sockets are reached all the same. -1: all of it.
	 */
	int folder_fd;
	uint64_t folder_access;
	const struct cage_limit *limits; /* up to CAGE_NO_RESOURCE; or NULL */
	/*
	 * Names of system calls up to NULL, beside those that every process
	 * needs to use memory and what is open, to read files and to end; all
	 * others fail with EPERM. A name that the machine does not know is
	 * passed over. NULL: all calls.
	 */
	const char *const *calls;
};

/**
 * For this process, its threads that are to come and its children, and for
 * ever. Threads that are there already keep files and calls: enter before they
 * are started. Returns 0, or a negative errno when the kernel refuses what it
 * has; that it has no Landlock or no filters of calls is no error.
 */
int cage_enter(const struct cage *cage);

#endif
