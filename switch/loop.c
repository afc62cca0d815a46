/* SPDX-License-Identifier: MIT */

#include "switch/loop.h"

#include <signal.h>

#include "base/clock.h"
#include "switch/bus.h"

/* Then signals get their turn too. */
enum { TURNS_MAX = 256 };

static void on_nothing_idle(uv_idle_t *idle)
{
}

/* The poller is asked in the next turn; this only ends the sleep. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
}

static void on_timer(uv_timer_t *timer)
{
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct loop *loop = signal->data;

	if (number == SIGHUP)
		loop->hooks->reload(loop->userdata);
	else
		uv_stop(&loop->uv);
}

/* Returns whether there is nothing to do, and all is armed. */
static bool run_turns(struct loop *loop)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		uint64_t now_ns = clock_now_ns();
		bool was_busy = bus_turn(loop->bus, now_ns);

		if (loop->hooks->turn(loop->userdata) || was_busy) {
			yield_rest(&loop->yield);
			continue;
		}
		if (yield_may(&loop->yield, now_ns)) {
			(void)yield_once(&loop->yield, now_ns);
			continue;
		}
		yield_rest(&loop->yield);
		return bus_sleep(loop->bus);
	}
	return false;
}

static void before_sleep(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	uint64_t next_ns;
	uint64_t now_ns;

	if (!run_turns(loop)) {
		uv_idle_start(&loop->idle, on_nothing_idle);
		return;
	}
	uv_idle_stop(&loop->idle);
	next_ns = bus_next_ns(loop->bus);
	if (next_ns == UINT64_MAX) {
		uv_timer_stop(&loop->timer);
		return;
	}
	uv_update_time(&loop->uv);
	now_ns = clock_now_ns();
	uv_timer_start(&loop->timer, on_timer,
		       next_ns > now_ns
			       ? (next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS
			       : 0,
		       0);
}

int loop_init(struct loop *loop, struct bus *bus,
	      const struct loop_hooks *hooks, void *userdata)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	int r;

	*loop = (struct loop){
		.bus = bus,
		.hooks = hooks,
		.userdata = userdata,
	};
	r = uv_loop_init(&loop->uv);
	if (r < 0)
		return r;
	uv_poll_init(&loop->uv, &loop->poll, bus->poller.epoll_fd);
	uv_prepare_init(&loop->uv, &loop->prepare);
	uv_idle_init(&loop->uv, &loop->idle);
	uv_timer_init(&loop->uv, &loop->timer);
	loop->prepare.data = loop;
	r = uv_poll_start(&loop->poll, UV_READABLE, on_readable);
	uv_prepare_start(&loop->prepare, before_sleep);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
		if (r >= 0)
			r = uv_signal_start(&loop->signals[i], on_signal,
					    numbers[i]);
	}
	if (r < 0)
		loop_deinit(loop);
	return r;
}

static void close_handle(uv_handle_t *handle, void *userdata)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_deinit(struct loop *loop)
{
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}
