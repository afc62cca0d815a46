/* SPDX-License-Identifier: MIT */

#include "logger/query.h"

#include <errno.h>
#include <helio/log/v1/log.pb-c.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "daemon/errand.h"
#include "logger/answer.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "logger/service.h"
#include "proto/subject.h"

enum {
	QUERIES_MAX = 8,
	QUERIES_OF_ONE_MAX = 2,
	TIMEOUT_DEFAULT_MS = 10000,
	TIMEOUT_MAX_MS = 60000,
	GRACE_MS = 2000, /* after that it is killed */
	READ_BYTES = 64 * 1024,
};

struct query {
	struct list link; /* in logger.queries */
	struct logger *logger;
	struct keeper *keeper;
	struct helio_serving *serving; /* NULL: nobody waits any more */
	struct helio_timer *timer;
	struct access_wait wait;
	char principal[256];

	uv_process_t process;
	uv_pipe_t to, from;
	unsigned n_open; /* of these three */
	bool is_running;
	bool is_over; /* it said its last word, or cannot any more */
	bool is_failing;
	unsigned status;
	char reason[256];

	uv_write_t writing;
	uint8_t *sql;   /* with its length, while it is written */
	uint8_t *bytes; /* that came, and are not dealt with */
	size_t n, n_room;
};

static void go_on(struct query *query);

/* ---- the end ---- */

static void free_if_closed(struct query *query)
{
	struct keeper *keeper = query->keeper;

	if (query->n_open || query->serving)
		return;
	list_unlink(&query->link);
	list_unlink(&query->wait.link);
	helio_timer_cancel(query->timer);
	free(query->sql);
	free(query->bytes);
	free(query);
	keeper_fetched(keeper);
}

static void on_closed(uv_handle_t *handle)
{
	struct query *query = handle->data;

	query->n_open--;
	free_if_closed(query);
}

static void close_one(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void stop(struct query *query)
{
	query->is_over = true;
	list_unlink(&query->wait.link);
	helio_timer_cancel(take_ptr(query->timer));
	if (query->is_running)
		(void)uv_process_kill(&query->process, SIGKILL);
	close_one((uv_handle_t *)&query->to);
	close_one((uv_handle_t *)&query->from);
}

static void try_to_end(struct query *query)
{
	int r;

	if (!query->serving)
		return;
	r = query->status == HELIO_OK
		    ? helio_serving_reply(query->serving, NULL)
		    : helio_serving_fail(query->serving, query->status,
					 query->reason);
	query->is_failing = r == -EAGAIN;
	if (r == -EAGAIN)
		return;
	if (r < 0)
		(void)helio_serving_fail(query->serving,
					 HELIO_RESOURCE_EXHAUSTED, "no memory");
	query->serving = NULL;
}

static void end(struct query *query, unsigned status, const char *reason,
		size_t n_reason)
{
	if (query->is_over)
		return;
	query->status = status;
	snprintf(query->reason, sizeof(query->reason), "%.*s", (int)n_reason,
		 reason);
	stop(query);
	try_to_end(query);
	free_if_closed(query);
}

static void fail(struct query *query, unsigned status, const char *reason)
{
	end(query, status, reason, strlen(reason));
}

/* ---- what it says ---- */

/* Who looks for patterns of gaps asks for those. */
static int judge(struct query *query, char kind, const char *subject, size_t n)
{
	const struct access_question question = {
		.principal = query->principal,
		.verb = kind == 'O' ? "observe" : "subscribe",
		.resource = subject,
		.n_resource = n,
		.is_terse = true,
	};
	int r = 0;

	if (n && n <= SUBJECT_MAX_BYTES && pattern_is_valid(subject, n))
		r = access_ask(&query->logger->access, &question, &query->wait);
	if (r >= 0) {
		uv_buf_t byte =
			uv_buf_init(r ? (char[]){ 'Y' } : (char[]){ 'N' }, 1);

		/* It waits for this one byte: there is room. */
		r = uv_try_write((uv_stream_t *)&query->to, &byte, 1);
	}
	return r < 0 ? r : 0;
}

/* Returns 0 when it is dealt with, or why it has to wait. */
static int take(struct query *query, char kind, const uint8_t *bytes, size_t n)
{
	switch (kind) {
	case 'P':
		return helio_serving_send_packed(query->serving, bytes, n);
	case 'S':
	case 'O':
		return judge(query, kind, (const char *)bytes, n);
	case 'D':
		fail(query, HELIO_OK, "");
		return -EPIPE;
	case 'E':
		if (n && bytes[0] && bytes[0] <= HELIO_UNAUTHENTICATED) {
			end(query, bytes[0], (const char *)bytes + 1, n - 1);
			return -EPIPE;
		}
		break;
	default:
		break;
	}
	return -EBADMSG;
}

/* One after the other, as far as all of it is here. */
static int take_all(struct query *query)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && query->n - at >= ANSWER_HEAD_BYTES) {
		const uint8_t *head = query->bytes + at;
		size_t n = le32_load(head);

		if (n < ANSWER_HEAD_BYTES || n > ANSWER_BYTES_MAX)
			return -EBADMSG;
		if (n > query->n - at)
			break;
		r = take(query, (char)head[4], head + ANSWER_HEAD_BYTES,
			 n - ANSWER_HEAD_BYTES);
		if (query->is_over)
			return -EPIPE;
		if (r == 0)
			at += n;
	}
	query->n -= at;
	if (at)
		memmove(query->bytes, query->bytes + at, query->n);
	return r;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct query *query = stream->data;

	(void)buffer;
	if (n == 0)
		return;
	if (n < 0) {
		fail(query, HELIO_RESOURCE_EXHAUSTED,
		     "the question took too much time or memory");
		return;
	}
	query->n += (size_t)n;
	go_on(query);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct query *query = handle->data;
	size_t n_room = query->n + READ_BYTES;
	uint8_t *grown;

	(void)suggested;
	if (n_room > query->n_room) {
		grown = realloc(query->bytes, n_room);
		if (grown) {
			query->bytes = grown;
			query->n_room = n_room;
		}
	}
	*buffer = uv_buf_init((char *)query->bytes + query->n,
			      (unsigned)(query->n_room - query->n));
}

/* While the caller has no credit, or the switch is asked, nothing is read. */
static void go_on(struct query *query)
{
	int r;

	if (query->is_over || list_is_linked(&query->wait.link))
		return;
	r = take_all(query);
	if (query->is_over)
		return;
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&query->from, on_alloc,
				  on_read);
	else if (r == -EAGAIN || r == -EINPROGRESS)
		r = uv_read_stop((uv_stream_t *)&query->from);
	if (r < 0 && r != UV_EALREADY)
		fail(query, HELIO_INTERNAL, "the answer cannot be read");
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct query *query = container_of(wait, struct query, wait);

	if (r < 0)
		fail(query, HELIO_UNAVAILABLE, "the switch cannot be asked");
	else
		go_on(query);
}

static void on_writable(struct helio_serving *serving, void *userdata)
{
	struct query *query = userdata;

	(void)serving;
	if (query->is_failing) {
		try_to_end(query);
		free_if_closed(query);
	} else {
		go_on(query);
	}
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct query *query = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	query->serving = NULL;
	if (!query->is_over)
		stop(query);
	free_if_closed(query);
}

static void on_timeout(struct helio *bus, void *userdata)
{
	struct query *query = userdata;

	(void)bus;
	query->timer = NULL;
	fail(query, HELIO_DEADLINE_EXCEEDED, "the question takes too long");
}

/* ---- the process ---- */

static void on_exited(uv_process_t *process, int64_t status, int signal)
{
	struct query *query = process->data;

	(void)status;
	(void)signal;
	query->is_running = false;
	close_one((uv_handle_t *)process);
}

static void on_written(uv_write_t *write, int status)
{
	struct query *query = write->data;

	(void)status;
	free(take_ptr(query->sql));
}

static int write_sql(struct query *query, const char *sql)
{
	size_t n = strlen(sql);
	uv_buf_t buffer;

	query->sql = malloc(4 + n);
	if (!query->sql)
		return -ENOMEM;
	le32_store(query->sql, (uint32_t)n);
	memcpy(query->sql + 4, sql, n);
	buffer = uv_buf_init((char *)query->sql, (unsigned)(4 + n));
	query->writing.data = query;
	return uv_write(&query->writing, (uv_stream_t *)&query->to, &buffer, 1,
			on_written);
}

static int spawn(struct query *query, uint32_t timeout_ms)
{
	static char program[] = "/proc/self/exe", option[] = "--answer";
	char timeout[16], records_max[24];
	char *words[] = { program, option,      query->keeper->folder,
			  timeout, records_max, NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
		  .data.stream = (uv_stream_t *)&query->to },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&query->from },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	const uv_process_options_t options = {
		.file = program,
		.args = words,
		.stdio = stdio,
		.stdio_count = 3,
		.exit_cb = on_exited,
	};

	snprintf(timeout, sizeof(timeout), "%u", timeout_ms);
	snprintf(records_max, sizeof(records_max), "%llu",
		 (unsigned long long)config_subject_records_max(
			 &query->keeper->config));
	uv_pipe_init(query->logger->uv, &query->to, 0);
	uv_pipe_init(query->logger->uv, &query->from, 0);
	query->to.data = query->from.data = query->process.data = query;
	query->n_open = 3;
	return uv_spawn(query->logger->uv, &query->process, &options);
}

static unsigned count(const struct logger *logger, const char *principal,
		      unsigned *ret_n_own)
{
	struct list *link;
	unsigned n = 0;

	*ret_n_own = 0;
	list_for_each (link, &logger->queries) {
		struct query *query = container_of(link, struct query, link);

		n++;
		*ret_n_own += !strcmp(query->principal, principal);
	}
	return n;
}

static const char *fault(const struct errand *errand,
			 const Helio__Log__V1__QueryRequest *request)
{
	unsigned n_own;

	if (!request->sql || !*request->sql)
		return "no question is given";
	if (strlen(request->sql) > ANSWER_SQL_MAX)
		return "the question is longer than 64 KiB";
	if (count(logger_of(errand), errand->principal, &n_own) >=
		    QUERIES_MAX ||
	    n_own >= QUERIES_OF_ONE_MAX)
		return "too many questions are being answered";
	return NULL;
}

static struct query *query_new(struct errand *errand, struct keeper *keeper)
{
	static const struct helio_serving_events events = {
		.on_writable = on_writable,
		.on_cancelled = on_cancelled,
	};
	struct query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	query->logger = logger_of(errand);
	query->keeper = keeper;
	query->wait.on_verdict = on_verdict;
	snprintf(query->principal, sizeof(query->principal), "%s",
		 errand->principal);
	list_init(&query->wait.link);
	list_init(&query->link);
	list_push_back(&logger_of(errand)->queries, &query->link);
	keeper->n_fetches++;
	query->serving = errand_hand_over(errand);
	helio_serving_listen(query->serving, &events, query);
	return query;
}

void query_start(struct errand *errand)
{
	const Helio__Log__V1__QueryRequest *request =
		(const void *)errand->request;
	uint32_t timeout_ms =
		request->timeout_ms ? request->timeout_ms : TIMEOUT_DEFAULT_MS;
	struct keeper *keeper = service_log(errand);
	struct query *query;
	const char *why;
	int r;

	/* Then the errand is over, and gone. */
	if (!keeper)
		return;
	/* Cancelled while the switch was asked. */
	if (!errand->serving) {
		errand_drop(errand);
		return;
	}
	if (timeout_ms > TIMEOUT_MAX_MS)
		timeout_ms = TIMEOUT_MAX_MS;
	why = fault(errand, request);
	query = why ? NULL : query_new(errand, keeper);
	if (!query) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "%s",
			    why ? why : "no memory");
		return;
	}
	r = spawn(query, timeout_ms);
	query->is_running = r == 0;
	if (r < 0)
		close_one((uv_handle_t *)&query->process);
	if (r == 0)
		r = write_sql(query, request->sql);
	if (r == 0)
		r = helio_timer_start(query->logger->bus, timeout_ms + GRACE_MS,
				      on_timeout, query, &query->timer);
	if (r < 0)
		fail(query, HELIO_RESOURCE_EXHAUSTED, "no process for it");
	else
		go_on(query);
	errand_drop(errand);
}

void queries_end(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->queries)
		fail(container_of(link, struct query, link), HELIO_UNAVAILABLE,
		     "the logger ends");
	while (!list_is_empty(&logger->queries) &&
	       uv_run(logger->uv, UV_RUN_ONCE))
		;
}
