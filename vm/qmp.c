/* SPDX-License-Identifier: MIT */

#include "vm/qmp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vm/qmp_reader.h"

/* All that a command needs: its name is ours. */
enum { COMMAND_BYTES = 128 };

enum qmp_state { GREETING, NEGOTIATING, READY, CLOSED };

/* A command, until it is answered and written: both, in either order. */
struct command {
	struct qmp *qmp;
	uv_write_t write;
	bool is_written;
	bool is_waiting; /* for its answer */
	uint64_t id;
	uint64_t deadline_ms; /* of uv_now() */
	qmp_done_fn on_done;
	void *userdata;
	char text[COMMAND_BYTES];
};

struct qmp {
	uv_pipe_t pipe;
	uv_timer_t timer; /* of the handshake, then of the commands */
	unsigned n_open;  /* handles that libuv has not let go */
	enum qmp_state state;
	uint64_t next_id;
	struct command commands[QMP_COMMANDS_MAX];
	struct qmp_reader reader;
	const struct qmp_hooks *hooks;
	void *userdata;
};

static void on_closed(uv_handle_t *handle)
{
	struct qmp *qmp = handle->data;

	if (--qmp->n_open == 0)
		free(qmp);
}

static void stop(struct qmp *qmp)
{
	qmp->state = CLOSED;
	uv_read_stop((uv_stream_t *)&qmp->pipe);
	uv_timer_stop(&qmp->timer);
}

static void fail(struct qmp *qmp, int r)
{
	if (qmp->state == CLOSED)
		return;
	stop(qmp);
	qmp->hooks->closed(qmp->userdata, r);
}

static void arm(struct qmp *qmp);

static void expire(struct qmp *qmp)
{
	uint64_t now_ms = uv_now(qmp->timer.loop);

	for (size_t i = 0; i < QMP_COMMANDS_MAX; i++) {
		struct command *command = &qmp->commands[i];

		if (!command->is_waiting || command->deadline_ms > now_ms)
			continue;
		command->is_waiting = false;
		if (command->on_done)
			command->on_done(command->userdata, -ETIMEDOUT, NULL,
					 "no answer in time");
		if (qmp->state == CLOSED)
			return;
	}
	arm(qmp);
}

static void on_due(uv_timer_t *timer)
{
	struct qmp *qmp = timer->data;

	if (qmp->state == READY)
		expire(qmp);
	else
		fail(qmp, -ETIMEDOUT);
}

/* In the handshake the timer is its own. */
static void arm(struct qmp *qmp)
{
	uint64_t now_ms = uv_now(qmp->timer.loop);
	uint64_t next_ms = UINT64_MAX;

	if (qmp->state != READY)
		return;
	for (size_t i = 0; i < QMP_COMMANDS_MAX; i++)
		if (qmp->commands[i].is_waiting &&
		    qmp->commands[i].deadline_ms < next_ms)
			next_ms = qmp->commands[i].deadline_ms;
	if (next_ms == UINT64_MAX)
		uv_timer_stop(&qmp->timer);
	else
		uv_timer_start(&qmp->timer, on_due,
			       next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

static void on_written(uv_write_t *write, int status)
{
	struct command *command = write->data;

	command->is_written = true;
	if (status < 0)
		fail(command->qmp, status);
}

static struct command *lookup_free(struct qmp *qmp)
{
	for (size_t i = 0; i < QMP_COMMANDS_MAX; i++)
		if (!qmp->commands[i].is_waiting && qmp->commands[i].is_written)
			return &qmp->commands[i];
	return NULL;
}

static int give(struct qmp *qmp, const char *name, uint32_t timeout_ms,
		qmp_done_fn on_done, void *userdata)
{
	struct command *command = lookup_free(qmp);
	uv_buf_t buffer;
	int n, r;

	if (!command)
		return -EBUSY;
	n = snprintf(command->text, sizeof(command->text),
		     "{\"execute\":\"%s\",\"id\":%llu}\r\n", name,
		     (unsigned long long)qmp->next_id);
	buffer = uv_buf_init(command->text, (unsigned)n);
	command->write.data = command;
	r = uv_write(&command->write, (uv_stream_t *)&qmp->pipe, &buffer, 1,
		     on_written);
	if (r < 0)
		return r;
	command->is_written = false;
	command->is_waiting = true;
	command->id = qmp->next_id++;
	command->deadline_ms = uv_now(qmp->timer.loop) + timeout_ms;
	command->on_done = on_done;
	command->userdata = userdata;
	arm(qmp);
	return 0;
}

static void on_negotiated(void *userdata, int r, const json_t *value,
			  const char *error)
{
	struct qmp *qmp = userdata;

	if (r < 0) {
		fail(qmp, -EPROTO);
		return;
	}
	qmp->state = READY;
	arm(qmp);
	qmp->hooks->ready(qmp->userdata);
}

static void take_greeting(struct qmp *qmp)
{
	int r = -EPROTO;

	if (qmp->state == GREETING) {
		qmp->state = NEGOTIATING;
		r = give(qmp, "qmp_capabilities", UINT32_MAX, on_negotiated,
			 qmp);
	}
	if (r < 0)
		fail(qmp, r);
}

/*
 * An answer to what was given up is late and dropped; one to what was never
 * asked is a lie.
 */
static void take_answer(struct qmp *qmp, const struct qmp_message *message)
{
	if (!message->has_id || message->id >= qmp->next_id) {
		fail(qmp, -EPROTO);
		return;
	}
	for (size_t i = 0; i < QMP_COMMANDS_MAX; i++) {
		struct command *command = &qmp->commands[i];

		if (!command->is_waiting || command->id != message->id)
			continue;
		command->is_waiting = false;
		arm(qmp);
		if (command->on_done)
			command->on_done(command->userdata,
					 message->kind == QMP_ERROR ? -EREMOTEIO
								    : 0,
					 message->value, message->text);
		return;
	}
}

static void take(struct qmp *qmp, const struct qmp_message *message)
{
	if (message->kind == QMP_GREETING)
		take_greeting(qmp);
	else if (qmp->state == GREETING)
		fail(qmp, -EPROTO);
	else if (message->kind == QMP_EVENT)
		qmp->hooks->event(qmp->userdata, message->text, message->value);
	else
		take_answer(qmp, message);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct qmp *qmp = handle->data;
	size_t n;
	char *bytes = qmp_reader_room(&qmp->reader, &n);

	*buffer = uv_buf_init(bytes, (unsigned)n);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct qmp *qmp = stream->data;
	struct qmp_message message;
	int r = 0;

	if (n < 0) {
		fail(qmp, n == UV_EOF ? 0 : (int)n);
		return;
	}
	qmp_reader_add(&qmp->reader, (size_t)n);
	while (qmp->state != CLOSED &&
	       (r = qmp_reader_next(&qmp->reader, &message)) > 0) {
		take(qmp, &message);
		qmp_message_deinit(&message);
	}
	if (r < 0)
		fail(qmp, r);
}

int qmp_new(uv_loop_t *uv, int fd, uint32_t handshake_ms,
	    const struct qmp_hooks *hooks, void *userdata, struct qmp **ret_qmp)
{
	_cleanup_(close_fdp) int taken = fd;
	_cleanup_(qmp_freep) struct qmp *qmp = calloc(1, sizeof(*qmp));
	int r;

	if (!qmp)
		return -ENOMEM;
	qmp->hooks = hooks;
	qmp->userdata = userdata;
	qmp->pipe.data = qmp;
	qmp->timer.data = qmp;
	for (size_t i = 0; i < QMP_COMMANDS_MAX; i++) {
		qmp->commands[i].qmp = qmp;
		qmp->commands[i].is_written = true;
	}
	uv_pipe_init(uv, &qmp->pipe, 0);
	uv_timer_init(uv, &qmp->timer);
	qmp->n_open = 2;
	r = uv_pipe_open(&qmp->pipe, taken);
	if (r < 0)
		return r;
	(void)take_fd(taken);
	r = uv_read_start((uv_stream_t *)&qmp->pipe, on_room, on_read);
	if (r == 0)
		r = uv_timer_start(&qmp->timer, on_due, handshake_ms, 0);
	if (r < 0)
		return r;
	*ret_qmp = take_ptr(qmp);
	return 0;
}

struct qmp *qmp_free(struct qmp *qmp)
{
	if (!qmp)
		return NULL;
	if (!qmp->n_open) {
		free(qmp);
		return NULL;
	}
	qmp->state = CLOSED;
	uv_close((uv_handle_t *)&qmp->pipe, on_closed);
	uv_close((uv_handle_t *)&qmp->timer, on_closed);
	return NULL;
}

int qmp_execute(struct qmp *qmp, const char *command, uint32_t timeout_ms,
		qmp_done_fn on_done, void *userdata)
{
	return qmp->state == READY
		       ? give(qmp, command, timeout_ms, on_done, userdata)
		       : -ENOTCONN;
}
