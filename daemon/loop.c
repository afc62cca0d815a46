/* SPDX-License-Identifier: MIT */

#include "daemon/loop.h"

#include <signal.h>
#include <string.h>

#include "base/diag.h"
#include "daemon/program.h"

static const int signal_numbers[] = { SIGINT, SIGTERM, SIGHUP };

/* `r` is how much came from the bus, or why it is closed. */
static bool settle(struct loop *loop, int r)
{
	if (r < 0) {
		loop->r = r;
		uv_stop(&loop->uv);
	}
	return r > 0;
}

static void dispatch(struct loop *loop)
{
	settle(loop, helio_dispatch(loop->bus));
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

	if (number == SIGHUP)
		loop->hooks->reload(loop->userdata);
	else
		uv_stop(&loop->uv);
}

static bool turn(struct loop *loop)
{
	return loop->hooks->turn && loop->hooks->turn(loop->userdata);
}

/*
 * Whatever this turn did to the bus, its timeout is asked for anew. What waits
 * to be sent, such as the acks of a commit, goes at once.
 */
static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	bool has_more = turn(loop);
	int timeout_ms = loop->bus ? helio_timeout_ms(loop->bus) : -1;

	if (timeout_ms == 0) {
		dispatch(loop);
		has_more = turn(loop);
		timeout_ms = helio_timeout_ms(loop->bus);
	}
	if (!has_more && timeout_ms && loop->bus) {
		has_more = settle(loop, helio_linger(loop->bus));
		has_more |= turn(loop);
		timeout_ms = helio_timeout_ms(loop->bus);
	}
	if (has_more)
		timeout_ms = 0;
	if (timeout_ms >= 0)
		uv_timer_start(&loop->due, on_due, (uint64_t)timeout_ms, 0);
	else
		uv_timer_stop(&loop->due);
}

static int watch_signals(struct loop *loop)
{
	int n = loop->hooks->reload ? 3 : 2;
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		r = uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
		if (r == 0)
			r = uv_signal_start(&loop->signals[i], on_signal,
					    signal_numbers[i]);
	}
	return r;
}

int loop_init(struct loop *loop, const struct loop_hooks *hooks, void *userdata)
{
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
	return r < 0 ? r : watch_signals(loop);
}

static void on_state(struct helio *bus, enum helio_state state, void *userdata)
{
	struct loop *loop = userdata;

	if (state == HELIO_CONNECTED)
		log_info("connected as %s", helio_principal(bus));
	else if (*helio_error(bus))
		log_warning("no connection: %s", helio_error(bus));
	if (loop->hooks->state)
		loop->hooks->state(loop->userdata, state);
}

static void on_refused(struct helio *bus, unsigned status, const char *reason,
		       void *userdata)
{
	struct loop *loop = userdata;

	(void)bus;
	if (loop->hooks->refused)
		loop->hooks->refused(loop->userdata, status, reason);
}

static int watch_bus(struct loop *loop)
{
	int r = uv_poll_init(&loop->uv, &loop->readable, helio_fd(loop->bus));

	loop->readable.data = loop;
	return r < 0 ? r
		     : uv_poll_start(&loop->readable, UV_READABLE, on_readable);
}

int loop_connect(struct loop *loop, const char *program,
		 const struct program_options *options)
{
	const struct helio_options how = {
		.program = program,
		.turn_frames = loop->hooks->turn_frames,
		.key_file = options->key_file,
		.server_key = options->server_key,
		.on_state = on_state,
		.on_refused = on_refused,
		.userdata = loop,
	};
	int r;

	loop->address = options->address;
	r = helio_open(options->address, &how, &loop->bus);
	if (r >= 0)
		r = watch_bus(loop);
	if (r < 0)
		log_error("%s: %s", options->address, strerror(-r));
	return r < 0 ? r : 0;
}

int loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	if (loop->r < 0)
		log_error("the connection to %s is closed: %s", loop->address,
			  helio_error(loop->bus));
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
	helio_close(loop->bus);
	loop->bus = NULL;
}
