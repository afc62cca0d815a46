/* SPDX-License-Identifier: MIT */

#include "cli/calling.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "schema/json_in.h"
#include "schema/json_out.h"

enum { REPLY_BYTES_MAX = 256 << 20 };

/* The first thing that goes wrong is what the command ends with. */
static void end(struct calling *calling, int code)
{
	if (calling->code == EXIT_OK)
		calling->code = code;
	calling->is_over = true;
}

static void give_up(struct calling *calling, int code)
{
	helio_call_cancel(calling->call);
	calling->call = NULL;
	end(calling, code);
}

static int show_message(const struct calling *calling, const void *body,
			size_t n)
{
	_cleanup_(buffer_deinit) struct buffer text;
	struct json json = { .out = stdout };
	char error[RECORD_ERROR_BYTES];

	buffer_init(&text, REPLY_BYTES_MAX);
	if (json_out(calling->pool, calling->method->output, body, n, &text,
		     error) < 0) {
		talk("%s: the reply is no %s: %s", calling->name,
		     calling->method->output->symbol.name, error);
		return EXIT_INTERNAL;
	}
	if (!calling->is_json) {
		printf("%s\n", text.bytes);
		return EXIT_OK;
	}
	json_open(&json, '{');
	json_key(&json, "reply");
	json_raw(&json, text.bytes, text.n);
	json_close(&json, '}');
	fputc('\n', stdout);
	return EXIT_OK;
}

static void on_next(struct helio_call *call, const void *body, size_t n_body,
		    void *userdata)
{
	struct calling *calling = userdata;
	int r = show_message(calling, body, n_body);

	if (r != EXIT_OK)
		give_up(calling, r);
}

static void show_status(const struct calling *calling,
			const struct helio_reply *reply)
{
	struct json json = { .out = stdout };

	if (!calling->is_json)
		return;
	json_open(&json, '{');
	json_key(&json, "status");
	json_string(&json, helio_status_name(reply->status));
	if (reply->status != HELIO_OK) {
		json_key(&json, "reason");
		json_string(&json, reply->reason);
		json_key(&json, "origin");
		json_string(&json, reply->is_from_bus ? "bus" : "service");
		json_key(&json, "handed_over");
		json_bool(&json, reply->is_handed_over);
		if (reply->n_details)
			json_bytes(&json, "details", reply->details,
				   reply->n_details);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct calling *calling = userdata;
	int r = EXIT_OK;

	calling->call = NULL;
	if (reply->status == HELIO_OK && !calling->method->is_server_streaming)
		r = show_message(calling, reply->message->body,
				 reply->message->n_body);
	show_status(calling, reply);
	if (reply->status != HELIO_OK)
		r = session_complain(calling->name, (int)reply->status,
				     reply->reason);
	if (reply->n_details && !calling->is_json)
		talk("%s: %zu bytes of details: -o json shows them",
		     calling->name, reply->n_details);
	end(calling, r);
}

static int encode(struct calling *calling, const char *text, size_t n,
		  uint8_t **ret_bytes, size_t *ret_n)
{
	char error[RECORD_ERROR_BYTES];

	if (json_in(calling->pool, calling->method->input, text, n, ret_bytes,
		    ret_n, error) == 0)
		return EXIT_OK;
	if (calling->n_lines)
		talk("%s: request %" PRIu64 ": %s", calling->name,
		     calling->n_lines, error);
	else
		talk("%s: the request: %s", calling->name, error);
	return EXIT_USAGE;
}

/* Returns -EAGAIN while the callee takes none. */
static int send_pending(struct calling *calling)
{
	int r;

	if (!calling->pending)
		return 0;
	r = helio_call_send(calling->call, calling->pending,
			    calling->n_pending);
	if (r == -EAGAIN)
		return r;
	free(take_ptr(calling->pending));
	return r;
}

static bool is_blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* 1 with a request that is pending, 0 when there is none yet. */
static int next_request(struct calling *calling)
{
	const char *line;
	size_t n;
	int r;

	while (input_line(calling->input, &line, &n)) {
		calling->n_lines++;
		if (is_blank(line, n))
			continue;
		r = encode(calling, line, n, &calling->pending,
			   &calling->n_pending);
		if (r == EXIT_OK)
			return 1;
		give_up(calling, r);
		return 0;
	}
	return 0;
}

static void send_requests(struct calling *calling)
{
	int r;

	do {
		r = send_pending(calling);
	} while (r == 0 && next_request(calling) > 0);
	if (!calling->call || r == -EAGAIN)
		return;
	if (r == 0 && calling->input->is_over) {
		calling->is_finished = true;
		r = helio_call_finish(calling->call);
	}
	/* That the call is over its reply tells, with the reason. */
	if (r < 0 && r != -EPIPE)
		give_up(calling, session_complain(calling->name, r, NULL));
	calling->is_finished |= r == -EPIPE;
}

/* It may come in the dispatch before a wait, which must not be one then. */
static void on_writable(struct helio_call *call, void *userdata)
{
	struct calling *calling = userdata;

	calling->is_writable = true;
}

/* Whether there is room for what the input may have. */
static bool wants_input(const struct calling *calling)
{
	return calling->call && calling->method->is_client_streaming &&
	       !calling->is_finished && !calling->pending &&
	       !calling->input->is_over;
}

static int wait_for_something(struct calling *calling)
{
	struct pollfd fds[2] = { { .fd = helio_fd(calling->bus),
				   .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };
	int r = helio_dispatch(calling->bus);

	if (r < 0 || calling->is_over)
		return r;
	if (calling->is_writable) {
		calling->is_writable = false;
		return 0;
	}
	if (wants_input(calling))
		fds[1].fd = calling->input->fd;
	fflush(stdout);
	if (poll(fds, 2, helio_timeout_ms(calling->bus)) < 0)
		return errno == EINTR ? 0 : -errno;
	return fds[1].revents ? input_read(calling->input) : 0;
}

/* The request of a call that has only one. */
static int start_with_one(struct calling *calling)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	struct input *input = calling->input;
	size_t n = 0;
	int r = input ? input_all(input) : 0;

	if (r < 0)
		return session_complain("the request", r, NULL);
	r = encode(calling, input ? input->bytes : "{}", input ? input->n : 2,
		   &bytes, &n);
	if (r != EXIT_OK)
		return r;
	r = helio_call_start(calling->bus, calling->subject, bytes, n,
			     &calling->options, on_reply, calling,
			     &calling->call);
	return r < 0 ? session_complain(calling->name, r, NULL) : EXIT_OK;
}

static int start(struct calling *calling)
{
	int r;

	if (calling->method->is_server_streaming)
		calling->options.on_next = on_next;
	if (!calling->method->is_client_streaming)
		return start_with_one(calling);
	calling->options.has_more = true;
	calling->options.on_writable = on_writable;
	r = helio_call_start(calling->bus, calling->subject, NULL, 0,
			     &calling->options, on_reply, calling,
			     &calling->call);
	return r < 0 ? session_complain(calling->name, r, NULL) : EXIT_OK;
}

int calling_run(struct calling *calling)
{
	int r = start(calling);

	if (r != EXIT_OK)
		return r;
	while (!calling->is_over) {
		if (calling->method->is_client_streaming &&
		    !calling->is_finished)
			send_requests(calling);
		r = calling->is_over ? 0 : wait_for_something(calling);
		if (r < 0)
			give_up(calling,
				session_complain(calling->name, r,
						 helio_error(calling->bus)));
	}
	free(calling->pending);
	return output_end(calling->code);
}
