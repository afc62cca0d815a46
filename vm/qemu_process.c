/* SPDX-License-Identifier: MIT */

#include "vm/qemu_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "vm/qemu_arguments.h"
#include "vm/reason.h"

enum { READ_BYTES = 512 };

/* What is on standard error, of which the last line tells why it ended. */
struct saying {
	uv_pipe_t pipe;
	char bytes[READ_BYTES];
	char line[REASON_BYTES]; /* that is being read */
	size_t n_line;
	struct reason last;
};

struct qemu_process {
	bool is_ours;    /* a child; otherwise it has a pidfd */
	bool has_ended;  /* and on_ended was, or will never be, called */
	unsigned n_open; /* handles that libuv has not let go */
	uv_process_t child;
	uv_poll_t poll;
	int pidfd;
	struct saying saying;
	qemu_ended_fn on_ended;
	void *userdata;
};

static struct qemu_process *new_process(qemu_ended_fn on_ended, void *userdata)
{
	struct qemu_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->pidfd = -1;
	process->on_ended = on_ended;
	process->userdata = userdata;
	process->child.data = process;
	process->poll.data = process;
	process->saying.pipe.data = process;
	return process;
}

static void release(struct qemu_process *process)
{
	close_fdp(&process->pidfd);
	free(process);
}

static void on_closed(uv_handle_t *handle)
{
	struct qemu_process *process = handle->data;

	if (--process->n_open == 0)
		release(process);
}

static void end_line(struct saying *saying)
{
	if (saying->n_line)
		reason_set(&saying->last, "%.*s", (int)saying->n_line,
			   saying->line);
	saying->n_line = 0;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct qemu_process *process = handle->data;

	*buffer = uv_buf_init(process->saying.bytes, READ_BYTES);
}

static void take_said(struct saying *saying, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			end_line(saying);
		else if (saying->n_line < sizeof(saying->line))
			saying->line[saying->n_line++] = bytes[i];
	}
}

static void on_said(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct qemu_process *process = stream->data;

	if (n < 0)
		uv_read_stop(stream);
	else
		take_said(&process->saying, buffer->base, (size_t)n);
}

/* What is still in the pipe when it has ended was said before. */
static void read_rest(struct qemu_process *process)
{
	struct saying *saying = &process->saying;
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&saying->pipe, &fd) < 0)
		return;
	for (int i = 0; i < REASON_BYTES; i++) {
		n = read(fd, saying->bytes, READ_BYTES);
		if (n <= 0)
			break;
		take_said(saying, saying->bytes, (size_t)n);
	}
	end_line(saying);
}

static void tell_end(struct qemu_process *process, bool is_clean,
		     const struct reason *reason)
{
	process->has_ended = true;
	process->on_ended(process->userdata, is_clean, reason->text);
}

static void on_exit_of(uv_process_t *child, int64_t status, int number)
{
	struct qemu_process *process = child->data;
	struct reason reason;

	if (process->has_ended)
		return;
	read_rest(process);
	if (number)
		reason_set(&reason, "QEMU was ended by signal %d (%s)", number,
			   strsignal(number));
	else if (process->saying.last.text[0])
		reason_set(&reason, "%s", process->saying.last.text);
	else
		reason_set(&reason, "QEMU ended with status %d", (int)status);
	tell_end(process, status == 0 && number == 0, &reason);
}

static void on_gone(uv_poll_t *poll, int status, int events)
{
	static const struct reason reason = {
		"QEMU has ended, and whoever started it knows how"
	};
	struct qemu_process *process = poll->data;

	uv_poll_stop(poll);
	if (!process->has_ended)
		tell_end(process, false, &reason);
}

static int open_saying(uv_loop_t *uv, struct qemu_process *process,
		       int *ret_theirs)
{
	uv_pipe_t *pipe = &process->saying.pipe;
	uv_file ends[2];
	int r = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);

	if (r < 0)
		return r;
	*ret_theirs = ends[1];
	uv_pipe_init(uv, pipe, 0);
	process->n_open++;
	r = uv_pipe_open(pipe, ends[0]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	return uv_read_start((uv_stream_t *)pipe, on_room, on_said);
}

static int spawn(uv_loop_t *uv, struct qemu_process *process, char **words,
		 const int fds[2])
{
	uv_stdio_container_t stdio[QEMU_MONITOR_FD + 1] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = fds[0] },
		{ .flags = UV_INHERIT_FD, .data.fd = fds[1] },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = words[0],
		.args = words,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = QEMU_MONITOR_FD + 1,
		.stdio = stdio,
	};

	process->is_ours = true;
	process->n_open++;
	return uv_spawn(uv, &process->child, &options);
}

int qemu_process_spawn(uv_loop_t *uv, char **words, int monitor_fd,
		       qemu_ended_fn on_ended, void *userdata,
		       struct qemu_process **ret_process)
{
	_cleanup_(qemu_process_freep) struct qemu_process *process = NULL;
	_cleanup_(close_fdp) int theirs = -1;
	int r;

	process = new_process(on_ended, userdata);
	if (!process)
		return -ENOMEM;
	r = open_saying(uv, process, &theirs);
	if (r == 0)
		r = spawn(uv, process, words, (int[]){ theirs, monitor_fd });
	if (r < 0)
		return r;
	*ret_process = take_ptr(process);
	return 0;
}

int qemu_process_adopt(uv_loop_t *uv, pid_t pid, qemu_ended_fn on_ended,
		       void *userdata, struct qemu_process **ret_process)
{
	_cleanup_(qemu_process_freep) struct qemu_process *process = NULL;
	int r;

	process = new_process(on_ended, userdata);
	if (!process)
		return -ENOMEM;
	process->pidfd = pidfd_open(pid, 0);
	if (process->pidfd < 0)
		return -errno;
	r = uv_poll_init(uv, &process->poll, process->pidfd);
	if (r < 0)
		return r;
	process->n_open++;
	r = uv_poll_start(&process->poll, UV_READABLE, on_gone);
	if (r < 0)
		return r;
	*ret_process = take_ptr(process);
	return 0;
}

/* A child's number is its own until libuv has reaped it and told us. */
void qemu_process_kill(struct qemu_process *process)
{
	if (process->has_ended)
		return;
	if (process->is_ours)
		(void)uv_process_kill(&process->child, SIGKILL);
	else
		(void)pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
}

static void close_handle(void *handle)
{
	if (((uv_handle_t *)handle)->loop)
		uv_close(handle, on_closed);
}

struct qemu_process *qemu_process_free(struct qemu_process *process)
{
	if (!process)
		return NULL;
	process->has_ended = true;
	if (!process->n_open) {
		release(process);
		return NULL;
	}
	close_handle(&process->child);
	close_handle(&process->poll);
	close_handle(&process->saying.pipe);
	return NULL;
}
