/* SPDX-License-Identifier: MIT */

#include "logger/loop.h"

#include <signal.h>

#include "rpc/heliograph.h"

static void dispatch(struct loop *loop)
{
	int r = helio_dispatch(loop->bus);

	if (r >= 0)
		return;
	loop->r = r;
	uv_stop(&loop->uv);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	dispatch(poll->data);
}

static void on_due(uv_timer_t *timer)
{
	dispatch(timer->data);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct loop *loop = signal->data;

	uv_stop(&loop->uv);
}

/*
 * Whatever this turn did to the bus, its timeout is asked for anew. What waits
 * to be sent, such as the acks of a commit, goes at once.
 */
static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	bool has_more = loop->hooks->turn(loop->userdata);
	int timeout_ms = loop->bus ? helio_timeout_ms(loop->bus) : -1;

	if (timeout_ms == 0) {
		dispatch(loop);
		has_more = loop->hooks->turn(loop->userdata);
		timeout_ms = helio_timeout_ms(loop->bus);
	}
	if (has_more)
		timeout_ms = 0;
	if (timeout_ms >= 0)
		uv_timer_start(&loop->due, on_due, (uint64_t)timeout_ms, 0);
	else
		uv_timer_stop(&loop->due);
}

int loop_init(struct loop *loop, const struct loop_hooks *hooks, void *userdata)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	int r;

	*loop = (struct loop){ .hooks = hooks, .userdata = userdata };
	r = uv_loop_init(&loop->uv);
	if (r < 0)
		return r;
	loop->is_open = true;
	uv_timer_init(&loop->uv, &loop->due);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->due.data = loop;
	loop->prepare.data = loop;
	r = uv_prepare_start(&loop->prepare, on_prepare);
	for (int i = 0; r == 0 && i < 2; i++) {
		r = uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
		if (r == 0)
			r = uv_signal_start(&loop->signals[i], on_signal,
					    numbers[i]);
	}
	return r;
}

int loop_set_bus(struct loop *loop, struct helio *bus)
{
	int r = uv_poll_init(&loop->uv, &loop->readable, helio_fd(bus));

	if (r < 0)
		return r;
	loop->bus = bus;
	loop->readable.data = loop;
	return uv_poll_start(&loop->readable, UV_READABLE, on_readable);
}

int loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	return loop->r;
}

static void close_handle(uv_handle_t *handle, void *userdata)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_deinit(struct loop *loop)
{
	if (!loop->is_open)
		return;
	loop->is_open = false;
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
}
