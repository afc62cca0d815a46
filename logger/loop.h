/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_LOOP_H
#define LOGGER_LOOP_H

/**
 * The loop of helio-logger: libuv, on which its threads tell what they did,
 * with the bus and signals.
 */

#include <stdbool.h>
#include <uv.h>

struct helio;

/** What the loop does beside dispatching the bus. */
struct loop_hooks {
	/* Before each sleep; true: there is more to do, do not sleep. */
	bool (*turn)(void *userdata);
};

struct loop {
	uv_loop_t uv;
	struct helio *bus; /* NULL: none yet */
	uv_poll_t readable;
	uv_timer_t due;       /* of helio_timeout_ms() */
	uv_prepare_t prepare; /* runs before each sleep */
	uv_signal_t signals[2];
	const struct loop_hooks *hooks;
	void *userdata;
	bool is_open;
	int r; /* why it ended */
};

/** Returns 0 or a negative errno. The hooks are borrowed. */
int loop_init(struct loop *loop, const struct loop_hooks *hooks,
	      void *userdata);

/** Once. The bus is borrowed. Returns 0 or a negative errno. */
int loop_set_bus(struct loop *loop, struct helio *bus);

/**
 * Runs until SIGINT or SIGTERM, and returns 0, or until the bus is closed for
 * good, and returns the negative errno of helio_dispatch().
 */
int loop_run(struct loop *loop);

/** Closes every handle of the loop, those of others too. All zero is fine. */
void loop_deinit(struct loop *loop);

#endif
