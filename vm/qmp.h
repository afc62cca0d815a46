/* SPDX-License-Identifier: MIT */
#ifndef VM_QMP_H
#define VM_QMP_H

/**
 * A client of QEMU's monitor over a stream socket: handshake, commands with
 * ids and time limits, events.
 */

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

#include "base/cleanup.h"

struct qmp;

/** In flight at a time, those that QEMU has not read yet included. */
enum { QMP_COMMANDS_MAX = 16 };

/** The object may be freed in each of them. */
struct qmp_hooks {
	/** The handshake is done, and commands may be given. Once. */
	void (*ready)(void *userdata);
	/** `data` may be NULL; both live until it returns. */
	void (*event)(void *userdata, const char *name, const json_t *data);
	/**
	 * It is over, and nothing else is called any more: 0: QEMU closed it;
	 * -EPROTO, -EMSGSIZE: what came is no QMP; -ETIMEDOUT: no handshake in
	 * time; or another negative errno. Commands in flight are forgotten.
	 */
	void (*closed)(void *userdata, int r);
};

/**
 * How a command ended: 0 with its value; -EREMOTEIO with what QEMU says about
 * it; -ETIMEDOUT. What is handed over lives until it returns.
 */
typedef void (*qmp_done_fn)(void *userdata, int r, const json_t *value,
			    const char *error);

/**
 * Take over the descriptor `fd`, even on failure, and begin the handshake.
 * Returns 0 or a negative errno. The hooks are borrowed.
 */
int qmp_new(uv_loop_t *uv, int fd, uint32_t handshake_ms,
	    const struct qmp_hooks *hooks, void *userdata,
	    struct qmp **ret_qmp);

/** No callback comes after it. Its memory lives until libuv lets it go. */
struct qmp *qmp_free(struct qmp *qmp);
DEFINE_CLEANUP(struct qmp *, qmp_free);

/**
 * Give a command without arguments. Returns 0, and then `on_done`, which may
 * be NULL, is called once unless the connection ends before; -EBUSY: too many
 * are in flight; -ENOTCONN: not ready, or closed; -ENOMEM.
 */
int qmp_execute(struct qmp *qmp, const char *command, uint32_t timeout_ms,
		qmp_done_fn on_done, void *userdata);

#endif
