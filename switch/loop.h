/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_LOOP_H
#define SWITCH_LOOP_H

/**
 * The loop of heliod.
 *
 * libuv sleeps, and tells of signals; before it would sleep, turns of the bus
 * are run until there is nothing more to do. Then the loop yields the
 * processor for a few microseconds, because the answer is often already being
 * written, and only then are the channels armed and the loop sleeps.
 */

#include <uv.h>

#include "transports/yield.h"

struct bus;

struct loop {
	uv_loop_t uv;
	uv_poll_t poll;
	uv_prepare_t prepare;
	uv_idle_t idle;
	uv_timer_t timer;
	uv_signal_t signals[3];
	struct bus *bus;
	struct yield_guard yield;
	void (*on_reload)(void *userdata);
	void *userdata;
};

/** Returns 0 or a negative errno. SIGHUP calls `on_reload`. */
int loop_init(struct loop *loop, struct bus *bus,
	      void (*on_reload)(void *userdata), void *userdata);
void loop_deinit(struct loop *loop);

/** Until SIGINT or SIGTERM. */
void loop_run(struct loop *loop);

#endif
