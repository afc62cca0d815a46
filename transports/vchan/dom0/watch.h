/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_DOM0_WATCH_H
#define TRANSPORTS_VCHAN_DOM0_WATCH_H

/** Xenstore as a program of dom0 has it: open, and waited for. */

#include <xenstore.h>

struct watch {
	struct xs_handle *store;
	int signal_fd; /* SIGINT, SIGTERM */
};

/**
 * Open the store, and take the signals that end us. Returns 0, or a negative
 * errno and has said why.
 */
int watch_init(struct watch *watch);
void watch_deinit(struct watch *watch);

/** Hear of domains that come and go. Returns 0 or a negative errno. */
int watch_domains(struct watch *watch);

/**
 * Wait until a watch fires, and take all that have. Returns 0; 1 when a signal
 * says that it is time to end; or a negative errno when the store is gone.
 */
int watch_wait(struct watch *watch);

#endif
