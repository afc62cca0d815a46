/* SPDX-License-Identifier: MIT */

#include "cli/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/output.h"
#include "rpc/heliograph.h"

enum { CODE_NONE = -1 };

void loop_end(struct loop *loop, int code)
{
	if (loop->code == CODE_NONE)
		loop->code = code;
	uv_stop(&loop->uv);
}

static void dispatch(struct loop *loop)
{
	int r = helio_dispatch(loop->bus);
	const char *why;

	if (r >= 0)
		return;
	why = helio_error(loop->bus);
	talk("the connection is closed: %s", *why ? why : strerror(-r));
	loop_end(loop,
		 exit_code(r) == EXIT_DENIED ? EXIT_DENIED : EXIT_UNAVAILABLE);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	dispatch(poll->data);
}

static void on_due(uv_timer_t *timer)
{
	dispatch(timer->data);
}

static void on_deadline(uv_timer_t *timer)
{
	struct loop *loop = timer->data;

	loop_end(loop, LOOP_LATE);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct loop *loop = signal->data;

	loop_end(loop, loop->code_interrupted);
}

/* Whatever this turn did to the bus, its timeout is asked for anew. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	int timeout_ms = loop->bus ? helio_timeout_ms(loop->bus) : -1;

	if (timeout_ms >= 0)
		uv_timer_start(&loop->due, on_due, (uint64_t)timeout_ms, 0);
	else
		uv_timer_stop(&loop->due);
	if (fflush(stdout) != 0)
		loop_end(loop, EXIT_INTERNAL);
}

static int start(struct loop *loop)
{
	static const int numbers[2] = { SIGINT, SIGTERM };
	int r = uv_prepare_start(&loop->prepare, on_prepare);

	for (int i = 0; r == 0 && i < 2; i++)
		r = uv_signal_start(&loop->signals[i], on_signal, numbers[i]);
	if (r == 0 && loop->bus)
		r = uv_poll_start(&loop->readable, UV_READABLE, on_readable);
	return r;
}

int loop_init(struct loop *loop, struct helio *bus, int code_interrupted)
{
	int r;

	*loop = (struct loop){ .bus = bus,
			       .code = CODE_NONE,
			       .code_interrupted = code_interrupted };
	r = uv_loop_init(&loop->uv);
	if (r < 0)
		return r;
	loop->is_open = true;
	uv_timer_init(&loop->uv, &loop->due);
	uv_timer_init(&loop->uv, &loop->deadline);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->due.data = loop;
	loop->deadline.data = loop;
	loop->prepare.data = loop;
	for (int i = 0; r == 0 && i < 2; i++) {
		r = uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
	}
	if (r == 0 && bus) {
		r = uv_poll_init(&loop->uv, &loop->readable, helio_fd(bus));
		loop->readable.data = loop;
	}
	return r < 0 ? r : start(loop);
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

int loop_run(struct loop *loop)
{
	while (loop->code == CODE_NONE)
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	return loop->code;
}

void loop_end_after(struct loop *loop, uint32_t timeout_ms)
{
	if (timeout_ms > 0)
		uv_timer_start(&loop->deadline, on_deadline, timeout_ms, 0);
}
