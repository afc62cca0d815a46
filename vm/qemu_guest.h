/* SPDX-License-Identifier: MIT */
#ifndef VM_QEMU_GUEST_H
#define VM_QEMU_GUEST_H

/**
 * A machine in QEMU: a process and its monitor, and what is concluded from
 * what both say.
 *
 * Whatever QEMU does, the guest comes to an end: a monitor that says nothing,
 * or what is no QMP, or goes away while its process stays, costs the process
 * its life.
 */

#include <uv.h>

#include "vm/driver.h"

struct qemu_guest;

/** How a guest is made. */
struct qemu_guest_start {
	const struct driver_ops *ops;
	uv_loop_t *uv;
	const char *name;
	struct guest_watcher watcher;
	uint32_t handshake_ms;
	uint32_t quit_ms; /* from "quit", or a closed monitor, to a signal */
	/* Called when it is no more, before the watcher is told. */
	void (*on_ended)(void *userdata, const char *name);
	void *userdata;
};

/** Returns 0 or -ENOMEM. It is freed by the driver's table. */
int qemu_guest_new(const struct qemu_guest_start *start,
		   struct qemu_guest **ret_guest);

/** Give it a process that is started by its words; as qemu_process_spawn(). */
int qemu_guest_spawn(struct qemu_guest *guest, char **words, int monitor_fd);

/** Give it one that lives already; as qemu_process_adopt(). */
int qemu_guest_adopt(struct qemu_guest *guest, pid_t pid);

/**
 * Give it its monitor, last of all. Takes `fd` over, even on failure. Returns 0
 * or a negative errno. From now on it tells what becomes of it.
 */
int qemu_guest_connect(struct qemu_guest *guest, int fd);

/** Kill its process, if it has one: for what failed half way. */
void qemu_guest_kill(struct qemu_guest *guest);

/** As in the table of a driver. */
void qemu_guest_stop(struct guest *guest, uint32_t grace_ms);
struct guest *qemu_guest_free(struct guest *guest);

static inline void qemu_guest_freep(struct qemu_guest **guest)
{
	if (*guest)
		qemu_guest_free((struct guest *)*guest);
}

#endif
