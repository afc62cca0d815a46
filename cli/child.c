/* SPDX-License-Identifier: MIT */

#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	GRACE_MS = 1000,
	OUTPUT_BYTES_FIRST = 16 << 10,
};

/*
 * It is done when the process has ended and its output too: either may come
 * first. It is freed when libuv has let go of all of its handles.
 */
struct child {
	uv_process_t process;
	uv_pipe_t in;
	uv_pipe_t out;
	uv_pipe_t err;
	uv_timer_t timer;
	uv_write_t write;
	unsigned n_handles; /* not closed yet */
	bool has_process;   /* libuv knows its handle, started or not */
	bool has_exited;
	bool has_ended_output;
	bool has_ended_errors;
	char *body;
	char *output;
	size_t n_output_max;
	char errors[2 * CHILD_ERRORS_BYTES]; /* half of it is what is kept */
	size_t n_errors;
	struct child_result result;
	child_done_fn on_done;
	void *userdata;
};

static void on_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;

	if (--child->n_handles > 0)
		return;
	free(child->body);
	free(child->output);
	free(child);
}

static void close_handle(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void close_all(struct child *child)
{
	close_handle(&child->in);
	close_handle(&child->out);
	close_handle(&child->err);
	close_handle(&child->timer);
	if (child->has_process)
		close_handle(&child->process);
}

static void finish_if_done(struct child *child)
{
	if (!child->has_exited || !child->has_ended_output ||
	    !child->has_ended_errors)
		return;
	child->result.output = child->output;
	child->result.errors = child->errors;
	child->result.n_errors = child->n_errors;
	child->on_done(&child->result, child->userdata);
	close_all(child);
}

static void on_ended(uv_process_t *process, int64_t exit_status, int signal)
{
	struct child *child = process->data;

	child->has_exited = true;
	child->result.exit_status = (int)exit_status;
	child->result.signal = signal;
	uv_timer_stop(&child->timer);
	finish_if_done(child);
}

static void signal_group(struct child *child, int number)
{
	uv_kill(-child->process.pid, number);
}

static void on_grace_over(uv_timer_t *timer)
{
	signal_group(timer->data, SIGKILL);
}

void child_end(struct child *child)
{
	if (child->has_exited)
		return;
	signal_group(child, SIGTERM);
	uv_timer_start(&child->timer, on_grace_over, GRACE_MS, 0);
}

static void on_timeout(uv_timer_t *timer)
{
	struct child *child = timer->data;

	child->result.is_late = true;
	child_end(child);
}

static void on_written(uv_write_t *write, int status)
{
	struct child *child = write->data;

	/* A command need not read all of it, so an error is no failure. */
	close_handle(&child->in);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct child *child = handle->data;
	size_t n_max = child->n_output_max ? 2 * child->n_output_max
					   : OUTPUT_BYTES_FIRST;
	char *output;

	*buffer = uv_buf_init(NULL, 0);
	if (child->result.n_output == child->n_output_max) {
		output = n_max > 2 * (size_t)CHILD_OUTPUT_MAX
				 ? NULL
				 : realloc(child->output, n_max);
		if (!output)
			return;
		child->output = output;
		child->n_output_max = n_max;
	}
	buffer->base = child->output + child->result.n_output;
	buffer->len = child->n_output_max - child->result.n_output;
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct child *child = stream->data;

	if (n > 0)
		child->result.n_output += (size_t)n;
	if (n == UV_ENOBUFS || child->result.n_output > CHILD_OUTPUT_MAX) {
		child->result.is_too_long = true;
		child_end(child);
	}
	if (n >= 0 && !child->result.is_too_long)
		return;
	uv_read_stop(stream);
	child->has_ended_output = true;
	finish_if_done(child);
}

static void on_room_for_errors(uv_handle_t *handle, size_t suggested,
			       uv_buf_t *buffer)
{
	struct child *child = handle->data;

	if (child->n_errors > CHILD_ERRORS_BYTES) {
		memmove(child->errors,
			child->errors + child->n_errors - CHILD_ERRORS_BYTES,
			CHILD_ERRORS_BYTES);
		child->n_errors = CHILD_ERRORS_BYTES;
	}
	*buffer = uv_buf_init(child->errors + child->n_errors,
			      CHILD_ERRORS_BYTES);
}

/* Whoever reads ours sees it too, as if the command had it. */
static void on_errors(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct child *child = stream->data;

	if (n > 0) {
		(void)!write(STDERR_FILENO, buffer->base, (size_t)n);
		child->n_errors += (size_t)n;
	}
	if (n >= 0)
		return;
	uv_read_stop(stream);
	child->has_ended_errors = true;
	finish_if_done(child);
}

/*
 * Pipes and not libuv's socket pairs, for a shell cannot open /dev/stdin when
 * that is a socket.
 */
static int open_pipe(uv_pipe_t *ours, bool is_read_by_us, int *ret_theirs)
{
	uv_file ends[2];
	int r = uv_pipe(ends, is_read_by_us ? UV_NONBLOCK_PIPE : 0,
			is_read_by_us ? 0 : UV_NONBLOCK_PIPE);

	if (r < 0)
		return r;
	*ret_theirs = ends[is_read_by_us ? 1 : 0];
	r = uv_pipe_open(ours, ends[is_read_by_us ? 0 : 1]);
	if (r < 0)
		close(ends[is_read_by_us ? 0 : 1]);
	return r;
}

static int spawn(struct child *child, const struct child_start *start,
		 const int fds[3])
{
	char shell[] = "/bin/sh", dash_c[] = "-c";
	_cleanup_(freep) char *command = strdup(start->command);
	char *words[] = { shell, dash_c, command, NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = fds[0] },
		{ .flags = UV_INHERIT_FD, .data.fd = fds[1] },
		{ .flags = UV_INHERIT_FD, .data.fd = fds[2] },
	};
	uv_process_options_t options = {
		.exit_cb = on_ended,
		.file = shell,
		.args = words,
		.env = start->environment,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};

	if (!command)
		return -ENOMEM;
	child->has_process = true;
	child->n_handles++;
	return uv_spawn(child->timer.loop, &child->process, &options);
}

static int start_streams(struct child *child, const struct child_start *start)
{
	uv_buf_t body = uv_buf_init(child->body, (unsigned)start->n_body);
	int r = uv_read_start((uv_stream_t *)&child->out, on_room, on_output);

	if (r == 0)
		r = uv_write(&child->write, (uv_stream_t *)&child->in, &body, 1,
			     on_written);
	if (r == 0 && start->wants_errors)
		r = uv_read_start((uv_stream_t *)&child->err,
				  on_room_for_errors, on_errors);
	if (r == 0 && start->timeout_ms > 0)
		r = uv_timer_start(&child->timer, on_timeout, start->timeout_ms,
				   0);
	return r;
}

static int open_and_spawn(struct child *child, const struct child_start *start)
{
	_cleanup_(close_fdp) int in = -1;
	_cleanup_(close_fdp) int out = -1;
	_cleanup_(close_fdp) int err = -1;
	int r = open_pipe(&child->in, false, &in);

	if (r == 0)
		r = open_pipe(&child->out, true, &out);
	if (r == 0 && start->wants_errors)
		r = open_pipe(&child->err, true, &err);
	if (r == 0)
		r = start_streams(child, start);
	if (r == 0)
		r = spawn(child, start,
			  (const int[]){ in, out,
					 err < 0 ? STDERR_FILENO : err });
	return r;
}

static void init_handles(struct child *child, uv_loop_t *uv)
{
	uv_pipe_init(uv, &child->in, 0);
	uv_pipe_init(uv, &child->out, 0);
	uv_pipe_init(uv, &child->err, 0);
	uv_timer_init(uv, &child->timer);
	child->in.data = child;
	child->out.data = child;
	child->err.data = child;
	child->timer.data = child;
	child->process.data = child;
	child->write.data = child;
	child->n_handles = 4;
}

int child_start(uv_loop_t *uv, const struct child_start *start,
		struct child **ret_child)
{
	struct child *child = calloc(1, sizeof(*child));
	int r;

	if (!child) {
		free(start->body);
		return -ENOMEM;
	}
	child->body = start->body;
	child->has_ended_errors = !start->wants_errors;
	child->on_done = start->on_done;
	child->userdata = start->userdata;
	init_handles(child, uv);
	r = open_and_spawn(child, start);
	if (r < 0) {
		close_all(child);
		return r;
	}
	*ret_child = child;
	return 0;
}

void child_free(struct child *child)
{
	if (!child->has_exited)
		signal_group(child, SIGTERM);
	close_all(child);
}
