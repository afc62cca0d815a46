/* SPDX-License-Identifier: MIT */

#include "registry/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "registry/options.h"
#include "rpc/heliograph.h"

/* A policy that refuses us may be another one by then. */
enum { AGAIN_MS = 2000 };

static void stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

static void dispatch(struct loop *loop)
{
	int r = helio_dispatch(loop->bus);

	if (r >= 0) {
		server_turn(&loop->server);
		return;
	}
	log_error("the connection to %s is closed: %s", loop->address,
		  helio_error(loop->bus));
	loop->is_failed = true;
	stop(loop);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	dispatch(poll->data);
}

static void on_due(uv_timer_t *timer)
{
	dispatch(timer->data);
}

static void on_again(uv_timer_t *timer)
{
	struct loop *loop = timer->data;
	int r = server_serve(&loop->server);

	if (r < 0)
		log_error("serving: %s", strerror(-r));
}

static void on_signal(uv_signal_t *handle, int number)
{
	stop(handle->data);
}

/* Whatever this turn did to the bus, its timeout is asked for anew. */
static void before_sleep(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	int timeout_ms = helio_timeout_ms(loop->bus);

	if (timeout_ms >= 0)
		uv_timer_start(&loop->due, on_due, (uint64_t)timeout_ms, 0);
	else
		uv_timer_stop(&loop->due);
}

/*
 * A policy may refuse us: that is said in the log, and must keep nobody from
 * starting what else there is.
 */
static void say_ready(struct loop *loop)
{
	static const char word[] = "READY\n";

	if (loop->ready_fd < 0)
		return;
	if (write(loop->ready_fd, word, sizeof(word) - 1) < 0)
		log_warning("--ready-fd: %s", strerror(errno));
	close(loop->ready_fd);
	loop->ready_fd = -1;
}

static void on_ready(void *userdata, unsigned status, const char *reason)
{
	struct loop *loop = userdata;

	say_ready(loop);
	if (status == HELIO_OK) {
		log_info("serving as %s on %s", helio_principal(loop->bus),
			 loop->address);
		return;
	}
	log_error("not serving as %s: %s: %s", helio_principal(loop->bus),
		  helio_status_name(status), reason);
	uv_timer_start(&loop->again, on_again, AGAIN_MS, 0);
}

static void init_handles(struct loop *loop)
{
	uv_timer_init(&loop->uv, &loop->due);
	uv_timer_init(&loop->uv, &loop->again);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->due.data = loop;
	loop->again.data = loop;
	loop->prepare.data = loop;
	for (int i = 0; i < 2; i++) {
		uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
	}
}

static int start(struct loop *loop)
{
	static const int numbers[2] = { SIGINT, SIGTERM };
	int r = uv_prepare_start(&loop->prepare, before_sleep);

	for (int i = 0; r == 0 && i < 2; i++)
		r = uv_signal_start(&loop->signals[i], on_signal, numbers[i]);
	if (r == 0)
		r = uv_poll_init(&loop->uv, &loop->readable,
				 helio_fd(loop->bus));
	if (r < 0)
		return r;
	loop->readable.data = loop;
	return uv_poll_start(&loop->readable, UV_READABLE, on_readable);
}

static int connect_bus(struct loop *loop, const struct options *options)
{
	const struct helio_options how = {
		.program = "helio-registry",
		.key_file = options->key_file,
		.server_key = options->server_key,
	};

	loop->address = options->address;
	return helio_open(options->address, &how, &loop->bus);
}

int loop_init(struct loop *loop, const struct options *options,
	      struct store *store)
{
	int r;

	*loop = (struct loop){ .ready_fd = options->ready_fd };
	r = uv_loop_init(&loop->uv);
	if (r < 0)
		return r;
	init_handles(loop);
	r = connect_bus(loop, options);
	if (r >= 0)
		r = start(loop);
	if (r >= 0)
		r = server_init(&loop->server, loop->bus, store, on_ready,
				loop);
	return r < 0 ? r : 0;
}

static void close_handle(uv_handle_t *handle, void *userdata)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_deinit(struct loop *loop)
{
	server_deinit(&loop->server);
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	helio_close(loop->bus);
	loop->bus = NULL;
}

int loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	return loop->is_failed ? -ECONNABORTED : 0;
}
