/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STALL_H
#define TESTS_TORTURE_STALL_H

/** What a busy machine takes from those whose time is measured. */

#include <stdint.h>
#include <sys/types.h>

/**
 * How long all threads of a process, one after the other, have been ready to
 * run while others had the processors. 0 where the kernel does not tell.
 */
uint64_t stall_ns(pid_t pid);

#endif
