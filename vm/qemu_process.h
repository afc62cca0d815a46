/* SPDX-License-Identifier: MIT */
#ifndef VM_QEMU_PROCESS_H
#define VM_QEMU_PROCESS_H

/**
 * A process of QEMU: one that we have started, or one that lived before us.
 * It is in a session of its own and outlives us.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/cleanup.h"

struct qemu_process;

/**
 * It has ended. `is_clean` if it is known to have ended with status 0; `reason`
 * is how it ended and what it said last, for people. Called once.
 */
typedef void (*qemu_ended_fn)(void *userdata, bool is_clean,
			      const char *reason);

/**
 * Start it by its words, with `monitor_fd`, which stays the caller's, as
 * QEMU_MONITOR_FD. Returns 0 or a negative errno.
 */
int qemu_process_spawn(uv_loop_t *uv, char **words, int monitor_fd,
		       qemu_ended_fn on_ended, void *userdata,
		       struct qemu_process **ret_process);

/** One that lives. Returns 0; -ESRCH: it does not; a negative errno. */
int qemu_process_adopt(uv_loop_t *uv, pid_t pid, qemu_ended_fn on_ended,
		       void *userdata, struct qemu_process **ret_process);

/** Kill it; `on_ended` tells when it is gone. Its number is never another's. */
void qemu_process_kill(struct qemu_process *process);

/** If it lives, it lives on. No callback comes any more. NULL is fine. */
struct qemu_process *qemu_process_free(struct qemu_process *process);
DEFINE_CLEANUP(struct qemu_process *, qemu_process_free);

#endif
