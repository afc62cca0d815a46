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

#include <stdbool.h>
#include <uv.h>

#include "transports/yield.h"

struct bus;

/** What the loop does beside turning the bus. */
struct loop_hooks {
	void (*reload)(void *userdata); /* SIGHUP */
	/* Between turns. Returns whether it did anything. */
	bool (*turn)(void *userdata);
};

struct loop {
	uv_loop_t uv;
	uv_poll_t poll;
	uv_prepare_t prepare;
	uv_idle_t idle;
	uv_timer_t timer;
	uv_signal_t signals[3];
	struct bus *bus;
	struct yield_guard yield;
	const struct loop_hooks *hooks;
	void *userdata;
};

/** Returns 0 or a negative errno. The hooks are borrowed. */
int loop_init(struct loop *loop, struct bus *bus,
	      const struct loop_hooks *hooks, void *userdata);
void loop_deinit(struct loop *loop);

/** Until SIGINT, SIGTERM or loop_stop(). */
void loop_run(struct loop *loop);

/** May be called before, too. */
void loop_stop(struct loop *loop);

#endif
