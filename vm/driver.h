/* SPDX-License-Identifier: MIT */
#ifndef VM_DRIVER_H
#define VM_DRIVER_H

/**
 * What manages machines of one kind: a table of functions.
 *
 * There is one for QEMU. The table asks for nothing that Xen's `xl` or libvirt
 * could not do: machines are known by name, outlive helio-vm, are found again
 * by survey(), and tell what becomes of them by events, whether these come from
 * a socket, from xenstore or from a library.
 *
 * Nothing in it blocks: what takes time is told by an event, and no event comes
 * from within a call of the table.
 */

#include <stdint.h>
#include <uv.h>

#include "vm/birth.h"
#include "vm/definition.h"

struct driver_ops;

/** A driver's own struct begins with this. */
struct driver {
	const struct driver_ops *ops;
};

/** A machine that exists, to its driver: the driver's own struct begins so. */
struct guest {
	const struct driver_ops *ops;
};

enum guest_event {
	GUEST_RUNNING,   /* it runs: for the first time, or again */
	GUEST_PAUSED,    /* it stands still; the reason says why, or "" */
	GUEST_RESET,     /* it began anew by itself */
	GUEST_POWERDOWN, /* it was asked to shut down */
	GUEST_ENDED,     /* it is no more, as it or we wanted */
	GUEST_FAILED,    /* it is no more, and nobody wanted so */
};

/**
 * `reason` is for people, never NULL, and may hold any bytes. After GUEST_ENDED
 * or GUEST_FAILED nothing more is told, and the guest is to be freed, in the
 * callback or later.
 */
typedef void (*guest_event_fn)(void *userdata, enum guest_event event,
			       const char *reason);

/** To whom a guest tells what becomes of it. */
struct guest_watcher {
	guest_event_fn on_event;
	void *userdata;
};

/** Where a driver lives. */
struct driver_context {
	uv_loop_t *uv;       /* borrowed */
	int run_fd;          /* folder of its own, mode 0700, borrowed */
	const char *program; /* that runs machines; NULL: its usual one */
};

typedef void (*driver_found_fn)(void *userdata, const char *name);

struct driver_ops {
	/** As `driver` in a definition. */
	const char *name;

	/** Returns 0 or a negative errno. */
	int (*open)(const struct driver_context *context,
		    struct driver **ret_driver);

	/** All its guests must have been freed. NULL is fine. */
	struct driver *(*close)(struct driver *driver);

	/**
	 * Name each machine that seems to live, as some may have been started
	 * before helio-vm was; adopt() tells for certain. Names are valid ones.
	 * Returns 0 or a negative errno.
	 */
	int (*survey)(struct driver *driver, driver_found_fn on_found,
		      void *userdata);

	/**
	 * Bring a machine into being; GUEST_RUNNING tells when it runs. The
	 * definition and the birth are only read. `error` says in words what a
	 * failure means. Returns 0 or a negative errno.
	 */
	int (*start)(struct driver *driver, const struct definition *definition,
		     const struct birth *birth,
		     const struct guest_watcher *watcher, char *error,
		     size_t n_error, struct guest **ret_guest);

	/**
	 * Take over the living machine `name`; GUEST_RUNNING or GUEST_PAUSED
	 * tells how it is. Returns 0; -ENOENT: it does not live, and what was
	 * left of it is cleared away; or another negative errno.
	 */
	int (*adopt)(struct driver *driver, const char *name,
		     const struct guest_watcher *watcher,
		     struct birth *ret_birth, struct guest **ret_guest);

	/**
	 * Ask the guest to shut down and cut it off after `grace_ms`; 0: do not
	 * ask. GUEST_ENDED tells when it is no more, which takes a few seconds
	 * more at most, whatever the guest does. Once more with another grace
	 * is allowed: the last counts.
	 */
	void (*stop)(struct guest *guest, uint32_t grace_ms);

	/** Let it go; if it lives, it lives on. No event comes any more. */
	struct guest *(*free)(struct guest *guest);
};

#endif
