/* SPDX-License-Identifier: MIT */

#include "cli/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/output.h"

enum {
	PAUSE_MS_FIRST = 100,
	PAUSE_MS_MAX = 10000,
	STEADY_MS = 10000,    /* who runs so long has recovered */
	STOP_LIMIT_MS = 5000, /* who takes longer to end is killed */
};

static const char ready_line[] = "READY\n";

struct supervisor;

struct child {
	const struct program *program;
	struct supervisor *supervisor;
	uv_process_t process;
	uv_pipe_t ready;
	uv_timer_t timer; /* until it is started again, or killed */
	unsigned n_open;  /* of process and ready: not closed by libuv yet */
	bool is_running;
	bool is_ready;                 /* in this life */
	bool was_ready;                /* in any */
	char told[sizeof(ready_line)]; /* what came by the pipe so far */
	size_t n_told;
	uint64_t started_ms;
	unsigned n_failures; /* in a row */
};

struct supervisor {
	uv_loop_t loop;
	uv_signal_t signals[2];
	struct child children[SUPERVISOR_PROGRAMS_MAX];
	size_t n_children;
	supervisor_ready_fn on_ready;
	void *userdata;
	bool is_stopping;
	bool is_announced;
	int code;
};

uint32_t supervisor_pause_ms(unsigned n_failures, uint32_t dice)
{
	uint32_t pause_ms = PAUSE_MS_FIRST;

	while (n_failures > 1 && pause_ms < PAUSE_MS_MAX) {
		pause_ms *= 2;
		n_failures--;
	}
	if (pause_ms > PAUSE_MS_MAX)
		pause_ms = PAUSE_MS_MAX;
	return pause_ms - pause_ms / 4 + dice % (pause_ms / 2 + 1);
}

static void start_next(struct supervisor *supervisor);
static void stop_next(struct supervisor *supervisor);
static int start(struct child *child);

static void stop(struct supervisor *supervisor, int code)
{
	if (supervisor->is_stopping)
		return;
	supervisor->is_stopping = true;
	supervisor->code = code;
	stop_next(supervisor);
}

static void on_pause_over(uv_timer_t *timer)
{
	struct child *child = timer->data;
	int r = start(child);

	if (r < 0) {
		talk("%s: %s", child->program->name, strerror(-r));
		stop(child->supervisor, EXIT_UNAVAILABLE);
	}
}

static void start_again(struct child *child)
{
	uint64_t lived_ms =
		uv_now(&child->supervisor->loop) - child->started_ms;
	uint32_t dice = 0;
	uint32_t pause_ms;

	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) < 0)
		dice = (uint32_t)lived_ms;
	child->n_failures = lived_ms < STEADY_MS ? child->n_failures + 1 : 1;
	pause_ms = supervisor_pause_ms(child->n_failures, dice);
	talk("%s is started again in %u ms", child->program->name, pause_ms);
	uv_timer_start(&child->timer, on_pause_over, pause_ms, 0);
}

static void after_end(struct child *child)
{
	uv_timer_stop(&child->timer);
	if (child->supervisor->is_stopping)
		stop_next(child->supervisor);
	else if (child->was_ready)
		start_again(child);
	else
		stop(child->supervisor, EXIT_UNAVAILABLE);
}

static void on_closed(uv_handle_t *handle)
{
	struct child *child = handle->data;

	if (--child->n_open == 0)
		after_end(child);
}

static void close_handle(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void on_exit_of(uv_process_t *process, int64_t status, int number)
{
	struct child *child = process->data;
	const char *name = child->program->name;

	child->is_running = false;
	if (child->supervisor->is_stopping && status == 0 && number == 0)
		talk("%s has ended", name);
	else if (number)
		talk("%s was ended by signal %d (%s)", name, number,
		     strsignal(number));
	else
		talk("%s ended with status %d%s", name, (int)status,
		     child->is_ready ? "" : " before it was ready");
	close_handle(&child->process);
	close_handle(&child->ready);
}

static void on_told(struct child *child)
{
	struct supervisor *supervisor = child->supervisor;

	child->is_ready = true;
	if (child->was_ready)
		talk("%s is ready again", child->program->name);
	child->was_ready = true;
	start_next(supervisor);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct child *child = handle->data;

	*buffer = uv_buf_init(child->told + child->n_told,
			      (unsigned)(sizeof(child->told) - child->n_told));
}

/*
 * The line, an end without it, or more than a line: whatever it is, nothing
 * more is expected from this pipe. It is closed when the program has ended.
 */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct child *child = stream->data;

	if (n > 0)
		child->n_told += (size_t)n;
	if (n >= 0 && child->n_told < strlen(ready_line))
		return;
	uv_read_stop(stream);
	if (child->n_told >= strlen(ready_line) &&
	    memcmp(child->told, ready_line, strlen(ready_line)) == 0)
		on_told(child);
}

static int spawn(struct child *child, int ready_fd)
{
	/* libuv wants words that it does not change without const. */
	char **words = (char **)(uintptr_t)child->program->words;
	uv_stdio_container_t stdio[SUPERVISOR_READY_FD + 1] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
		{ .flags = UV_INHERIT_FD, .data.fd = ready_fd },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = words[0],
		.args = words,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = SUPERVISOR_READY_FD + 1,
		.stdio = stdio,
	};

	return uv_spawn(&child->supervisor->loop, &child->process, &options);
}

static int start(struct child *child)
{
	uv_loop_t *loop = &child->supervisor->loop;
	_cleanup_(close_fdp) int theirs = -1;
	uv_file ends[2];
	int r = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);

	if (r < 0)
		return r;
	theirs = ends[1];
	uv_pipe_init(loop, &child->ready, 0);
	uv_pipe_open(&child->ready, ends[0]);
	child->n_open = 2;
	child->n_told = 0;
	child->is_ready = false;
	child->started_ms = uv_now(loop);
	r = spawn(child, theirs);
	if (r < 0) {
		/* Its end is told as that of one that did start. */
		talk("%s: %s", child->program->words[0], uv_strerror(r));
		close_handle(&child->process);
		close_handle(&child->ready);
		return 0;
	}
	child->is_running = true;
	return uv_read_start((uv_stream_t *)&child->ready, on_room, on_read);
}

/* The first that is not ready yet is started, if it is not on its way. */
static void start_next(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->n_children; i++) {
		struct child *child = &supervisor->children[i];
		int r;

		if (child->was_ready)
			continue;
		if (child->n_open > 0)
			return;
		r = start(child);
		if (r < 0) {
			talk("%s: %s", child->program->name, strerror(-r));
			stop(supervisor, EXIT_UNAVAILABLE);
		}
		return;
	}
	if (!supervisor->is_announced && !supervisor->is_stopping) {
		supervisor->is_announced = true;
		supervisor->on_ready(supervisor->userdata);
	}
}

static void on_stop_limit(uv_timer_t *timer)
{
	struct child *child = timer->data;

	talk("%s does not end: killed", child->program->name);
	uv_process_kill(&child->process, SIGKILL);
}

static void close_quietly(uv_handle_t *handle, void *userdata)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void stop_next(struct supervisor *supervisor)
{
	for (size_t i = supervisor->n_children; i > 0; i--) {
		struct child *child = &supervisor->children[i - 1];

		if (!child->is_running)
			continue;
		uv_process_kill(&child->process, SIGTERM);
		uv_timer_start(&child->timer, on_stop_limit, STOP_LIMIT_MS, 0);
		return;
	}
	uv_walk(&supervisor->loop, close_quietly, NULL);
}

/* The second ^C of an impatient person ends it all at once. */
static void kill_all(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->n_children; i++)
		if (supervisor->children[i].is_running)
			uv_process_kill(&supervisor->children[i].process,
					SIGKILL);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct supervisor *supervisor = handle->data;

	if (supervisor->is_stopping)
		kill_all(supervisor);
	else
		stop(supervisor, EXIT_OK);
}

static int init(struct supervisor *supervisor, const struct program *programs)
{
	static const int numbers[2] = { SIGINT, SIGTERM };
	int r = uv_loop_init(&supervisor->loop);

	if (r < 0)
		return r;
	for (size_t i = 0; i < supervisor->n_children; i++) {
		struct child *child = &supervisor->children[i];

		child->program = &programs[i];
		child->supervisor = supervisor;
		child->process.data = child;
		child->ready.data = child;
		child->timer.data = child;
		uv_timer_init(&supervisor->loop, &child->timer);
	}
	for (int i = 0; r == 0 && i < 2; i++) {
		r = uv_signal_init(&supervisor->loop, &supervisor->signals[i]);
		supervisor->signals[i].data = supervisor;
		if (r == 0)
			r = uv_signal_start(&supervisor->signals[i], on_signal,
					    numbers[i]);
	}
	return r;
}

int supervisor_run(const struct program *programs, size_t n,
		   supervisor_ready_fn on_ready, void *userdata)
{
	struct supervisor supervisor = { .n_children = n,
					 .on_ready = on_ready,
					 .userdata = userdata,
					 .code = EXIT_OK };
	int r = init(&supervisor, programs);

	if (r < 0) {
		talk("libuv: %s", uv_strerror(r));
		return EXIT_INTERNAL;
	}
	start_next(&supervisor);
	uv_run(&supervisor.loop, UV_RUN_DEFAULT);
	uv_loop_close(&supervisor.loop);
	return supervisor.code;
}
