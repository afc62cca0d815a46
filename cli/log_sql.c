/* SPDX-License-Identifier: MIT */

/* helio log sql: a question about the records of a log. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/logs.h"
#include "cli/output.h"
#include "cli/text.h"
#include "proto/unpack.h"
#include "schema/json_scan.h"

enum {
	ARENA_BYTES = 32 << 20,
	FIELDS_MAX = 1000000,
	TURN_MS = 1000,
	CELL_ARENA_BYTES = 32 << 20,
	DEPTH_MAX = 32,
	TIMEOUT_SQL_MS = 60000,
};

struct log_sql {
	struct common common;
	const char *log;
	const char *sql;
};

struct query {
	const struct log_sql *settings;
	struct logs logs;
	uint8_t *arena;
	char **columns; /* owned */
	size_t n_columns;
	bool is_over;
	int code;
};

static void query_deinit(struct query *query)
{
	logs_close(&query->logs);
	free(query->arena);
	for (size_t i = 0; i < query->n_columns; i++)
		free(query->columns[i]);
	free(query->columns);
}

static int keep_columns(struct query *query,
			const Helio__Log__V1__QueryReply *reply)
{
	if (reply->n_columns == 0 || query->columns)
		return 0;
	query->columns = calloc(reply->n_columns, sizeof(*query->columns));
	if (!query->columns)
		return -ENOMEM;
	for (size_t i = 0; i < reply->n_columns; i++) {
		query->columns[i] = strdup(reply->columns[i]);
		if (!query->columns[i])
			return -ENOMEM;
		query->n_columns++;
	}
	return 0;
}

static void show_columns(const struct query *query)
{
	if (query->settings->common.format == FORMAT_JSON)
		return;
	for (size_t i = 0; i < query->n_columns; i++) {
		fputs(i ? "\t" : "", stdout);
		text_write_escaped(stdout, query->columns[i],
				   strlen(query->columns[i]));
	}
	fputc('\n', stdout);
}

/* One value of a row: as it is in JSON, strings without their marks. */
static int show_cell(struct query *query, struct json_scan *scan, size_t i)
{
	const uint8_t *start;
	struct json_text text;
	int r;

	if (query->settings->common.format != FORMAT_JSON) {
		fputs(i ? "\t" : "", stdout);
		if (json_scan_peek(scan) == JSON_STRING) {
			r = json_scan_string(scan, &text);
			if (r == 0)
				text_write_escaped(stdout, text.bytes, text.n);
			return r;
		}
	}
	(void)json_scan_peek(scan);
	start = scan->at;
	r = json_scan_skip(scan, DEPTH_MAX);
	if (r < 0)
		return r;
	if (query->settings->common.format != FORMAT_JSON) {
		text_write_escaped(stdout, start, (size_t)(scan->at - start));
		return 0;
	}
	if (i > 0)
		fputc(',', stdout);
	if (i < query->n_columns) {
		struct json json = { .out = stdout };

		json_key(&json, query->columns[i]);
	}
	fwrite(start, 1, (size_t)(scan->at - start), stdout);
	return 0;
}

static int show_row(struct query *query, const char *row)
{
	bool is_json = query->settings->common.format == FORMAT_JSON;
	struct json_scan scan;
	struct arena arena;
	bool is_first = true;
	size_t i = 0;
	int r;

	arena_init(&arena, CELL_ARENA_BYTES);
	r = json_scan_init(&scan, &arena, row, strlen(row));
	if (r == 0)
		r = json_scan_open(&scan, '[');
	fputs(is_json ? "{" : "", stdout);
	while (r == 0 && (r = json_scan_element(&scan, &is_first)) > 0)
		r = show_cell(query, &scan, i++);
	fputs(is_json ? "}\n" : "\n", stdout);
	arena_deinit(&arena);
	return r;
}

static void on_next(struct helio_call *call, const void *body, size_t n_body,
		    void *userdata)
{
	struct query *query = userdata;
	struct unpack_arena arena = { .bytes = query->arena,
				      .n_bytes = ARENA_BYTES / 2,
				      .n_fields_max = FIELDS_MAX,
				      .wants_utf8 = true };
	const Helio__Log__V1__QueryReply *reply;
	ProtobufCMessage *message;
	uint8_t *copy = query->arena + ARENA_BYTES / 2;
	int r = n_body <= ARENA_BYTES / 2 ? 0 : -EMSGSIZE;

	if (r == 0)
		memcpy(copy, body, n_body);
	if (r == 0 && unpack(&helio__log__v1__query_reply__descriptor, copy,
			     n_body, &arena, &message) != 0)
		r = -EBADMSG;
	if (r == 0) {
		reply = (const Helio__Log__V1__QueryReply *)message;
		r = keep_columns(query, reply);
		if (r == 0 && reply->n_columns > 0)
			show_columns(query);
		for (size_t i = 0; r == 0 && i < reply->n_rows; i++)
			r = show_row(query, reply->rows[i]);
	}
	if (r >= 0)
		return;
	query->code = session_complain("log sql: the answer", r, NULL);
	query->is_over = true;
	helio_call_cancel(call);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct query *query = userdata;

	query->is_over = true;
	if (reply->status != HELIO_OK)
		query->code = session_complain("log sql", (int)reply->status,
					       reply->reason);
}

static int ask(struct query *query)
{
	Helio__Log__V1__QueryRequest request =
		HELIO__LOG__V1__QUERY_REQUEST__INIT;
	const struct helio_call_options options = { .on_next = on_next };
	_cleanup_(freep) uint8_t *body = NULL;
	_cleanup_(freep) char *sql = strdup(query->settings->sql);
	size_t n;
	int r;

	request.log = query->logs.name;
	request.sql = sql;
	request.has_timeout_ms = true;
	request.timeout_ms = query->settings->common.timeout_ms;
	n = sql ? helio__log__v1__query_request__get_packed_size(&request) : 0;
	body = sql ? malloc(n + 1) : NULL;
	query->arena = malloc(ARENA_BYTES);
	if (!body || !query->arena)
		return session_complain("log sql", -ENOMEM, NULL);
	helio__log__v1__query_request__pack(&request, body);
	r = helio_call_start(query->logs.session.bus, "helio.log.v1.Logs.Query",
			     body, n, &options, on_reply, query, NULL);
	while (r >= 0 && !query->is_over) {
		fflush(stdout);
		r = helio_run(query->logs.session.bus, TURN_MS);
	}
	return r < 0 ? session_complain("log sql", r, NULL) : query->code;
}

static int run(const void *settings)
{
	_cleanup_(query_deinit) struct query query = { .settings = settings };
	const struct log_sql *sql = settings;
	/* With one argument it is the question. */
	const char *log = sql->sql ? sql->log : NULL;
	struct log_sql chosen = *sql;
	int r = logs_open(&query.logs, &sql->common);

	if (!sql->sql)
		chosen.sql = sql->log;
	query.settings = &chosen;
	if (r == EXIT_OK)
		r = logs_find(&query.logs, log);
	return r == EXIT_OK ? ask(&query) : r;
}

static const struct log_sql defaults = {
	.common.timeout_ms = TIMEOUT_SQL_MS,
};

static const struct option options[] = {
	OPTION_ROW_TIMEOUT("how long it may take (1m)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_sql, log), true, NULL,
	  "which; it may be left out when there is only one" },
	{ "SQL", OPTION_TEXT, offsetof(struct log_sql, sql), false, NULL,
	  "one SELECT from the table `records`" },
	ARGUMENT_END,
};

const struct command command_log_sql = {
	.name = "log sql",
	.summary = "ask a log in SQL",
	.description =
		"The question is answered by the logger, of the records that "
		"may be read. One line for each row, the cells apart by tabs; "
		"with -o json one object. Columns are sequence, time, kind, "
		"subject, source, durable_id, schema, type, status, slot, "
		"lost, body and message, which is the body as JSON; a field "
		"of it by name is field(record, 'spec.disks[0].size').",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_sql),
	.run = run,
};
