/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_LOOP_H
#define REGISTRY_LOOP_H

/** The registry on a bus, until a signal or the end of the connection. */

#include <stdbool.h>
#include <uv.h>

#include "registry/server.h"

struct options;

struct loop {
	uv_loop_t uv;
	struct helio *bus;
	struct server server;
	uv_poll_t readable;
	uv_timer_t due;   /* of helio_timeout_ms() */
	uv_timer_t again; /* until a refused registration is tried again */
	uv_prepare_t prepare;
	uv_signal_t signals[2];
	const char *address;
	int ready_fd; /* to be told, or -1 */
	bool is_failed;
};

/**
 * Connect, in the background, and begin to serve. Returns 0 or a negative
 * errno; it can be deinitialised either way.
 */
int loop_init(struct loop *loop, const struct options *options,
	      struct store *store);
void loop_deinit(struct loop *loop);

/** Returns 0 after a signal, or why the connection ended for good. */
int loop_run(struct loop *loop);

#endif
