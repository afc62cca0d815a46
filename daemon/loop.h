/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

/**
 * The loop of a program that serves over the bus: libuv, on which its own
 * handles are too, with the bus and signals.
 *
 * A program goes so, and undoes what it made in between in reverse:
 *
 *	loop_init(), loop_connect(), what serves on loop->bus, loop_run();
 *	the end of what serves, loop_deinit().
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "rpc/heliograph.h"

struct program_options;

/** What the loop does beside dispatching the bus. Each may be NULL. */
struct loop_hooks {
	/*
	 * Before each sleep, once the bus was dispatched or a handle told
	 * something: send what found no room, do the next share of what is to
	 * do. True: there is more to do, do not sleep. May be called before
	 * there is a bus.
	 */
	bool (*turn)(void *userdata);
	/* SIGHUP; NULL: it ends the program, as the system does. */
	void (*reload)(void *userdata);
	/* The bus is connected, or not any more, which was logged. */
	void (*state)(void *userdata, enum helio_state state);
	/* See helio_refused_fn; NULL: nobody is told. */
	void (*refused)(void *userdata, unsigned status, const char *reason);
	/* So many frames come between two turns; 0: see helio_options. */
	uint32_t turn_frames;
};

struct loop {
	uv_loop_t uv;      /* for handles of others too */
	struct helio *bus; /* the loop's own; NULL: not connected yet */
	const char *address;
	uv_poll_t readable;
	uv_timer_t due;       /* of helio_timeout_ms() */
	uv_prepare_t prepare; /* runs before each sleep */
	uv_signal_t signals[3];
	const struct loop_hooks *hooks;
	void *userdata;
	bool is_open;
	int r; /* why it ended */
};

/**
 * Without a bus yet. Returns 0, or a negative errno; loop_deinit() is right
 * either way. The hooks are borrowed.
 */
int loop_init(struct loop *loop, const struct loop_hooks *hooks,
	      void *userdata);

/**
 * Once: open the bus that the options say, in the background, and dispatch it
 * from then on. `program` is what lists of peers show. That nobody is there is
 * no error: it is tried until somebody is. Texts of the options are borrowed
 * until loop_deinit(). Returns 0 or a negative errno, which is logged.
 */
int loop_connect(struct loop *loop, const char *program,
		 const struct program_options *options);

/**
 * Runs until SIGINT or SIGTERM, and returns 0, or until the bus is closed for
 * good, and returns the negative errno of helio_dispatch(), which is logged.
 */
int loop_run(struct loop *loop);

/**
 * Closes every handle of the loop, those of others too, whose callbacks of
 * closing are run; then the bus. What uses either must have ended: a worker
 * must be stopped before. All zero is fine.
 */
void loop_deinit(struct loop *loop);

#endif
