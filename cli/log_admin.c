/* SPDX-License-Identifier: MIT */

/* helio log ls, show and cursors: which logs there are, and how they stand. */

#include "cli/log_admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/logs.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"

static const struct column log_columns[] = {
	{ "LOG", "name", CELL_TEXT },
	{ "FIRST", "first", CELL_NUMBER },
	{ "LAST", "last", CELL_NUMBER },
	{ "BYTES", "bytes", CELL_BYTES },
	{ "STORED", "last_unix_ms", CELL_TIME },
	{ "READERS", "readers", CELL_NUMBER },
	{ "CURSORS", "cursors", CELL_NUMBER },
	{ "CAPTURES", "captures", CELL_TEXT },
	{ "FAULT", "fault", CELL_TEXT },
};
#define N_LOG_COLUMNS (sizeof(log_columns) / sizeof(*log_columns))

static void join(char *text, size_t n_text, char *const *words, size_t n)
{
	size_t at = strlen(text);

	for (size_t i = 0; i < n && at < n_text; i++)
		at += (size_t)snprintf(text + at, n_text - at, "%s%s",
				       at ? " " : "", words[i]);
}

static int add_log(struct table *table, const Helio__Log__V1__Log *log)
{
	const Helio__Log__V1__Config *config = log->config;
	char captures[1024] = "";
	struct cell cells[N_LOG_COLUMNS] = {
		cell_text(log->name),
		cell_number(log->first),
		cell_number(log->last),
		cell_number(log->bytes),
		cell_number(log->last_unix_ns / 1000000),
		cell_number(log->readers),
		cell_number(log->cursors),
		cell_text(captures),
		cell_text(log->fault),
	};

	if (config) {
		join(captures, sizeof(captures), config->patterns,
		     config->n_patterns);
		join(captures, sizeof(captures), config->services,
		     config->n_services);
	}
	return table_add(table, cells);
}

static int list_page(struct logs *logs, char **cursor, struct table *table)
{
	Helio__Log__V1__ListRequest request =
		HELIO__LOG__V1__LIST_REQUEST__INIT;
	const Helio__Log__V1__ListReply *page;
	ProtobufCMessage *reply;
	int r;

	request.cursor = *cursor;
	r = logs_call(logs, "List", &request.base,
		      &helio__log__v1__list_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	page = (const Helio__Log__V1__ListReply *)reply;
	for (size_t i = 0; i < page->n_logs; i++)
		if (add_log(table, page->logs[i]) < 0)
			return session_complain("log", -ENOMEM, NULL);
	free(*cursor);
	*cursor = page->next && *page->next ? strdup(page->next) : NULL;
	return EXIT_OK;
}

static int run_ls(const void *settings)
{
	_cleanup_(logs_close) struct logs logs = { 0 };
	_cleanup_(table_deinit) struct table table;
	const struct log_admin *admin = settings;
	_cleanup_(freep) char *cursor = NULL;
	int r;

	table_init(&table, log_columns, N_LOG_COLUMNS);
	r = logs_open(&logs, &admin->common);
	do {
		if (r == EXIT_OK)
			r = list_page(&logs, &cursor, &table);
	} while (r == EXIT_OK && cursor);
	if (r == EXIT_OK)
		table_write(&table, admin->common.format);
	return r;
}

static void show_number(const char *name, protobuf_c_boolean is_set,
			uint64_t number)
{
	if (is_set)
		printf("  %-18s %" PRIu64 "\n", name, number);
}

static void show_texts(const char *name, char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		printf("  %-18s ", i ? "" : name);
		text_write_escaped(stdout, texts[i], strlen(texts[i]));
		fputc('\n', stdout);
	}
}

static void show_moment(const char *name, uint64_t ns)
{
	char text[MOMENT_TEXT_BYTES];

	if (ns == 0)
		return;
	moment_format_long(ns, text);
	printf("  %-18s %s\n", name, text);
}

static void show_config(const Helio__Log__V1__Config *config)
{
	if (!config)
		return;
	show_texts("captures", config->patterns, config->n_patterns);
	show_texts("observes", config->services, config->n_services);
	show_number("age max, ms", config->has_age_max_ms, config->age_max_ms);
	show_number("records max", config->has_records_max,
		    config->records_max);
	show_number("bytes max", config->has_bytes_max, config->bytes_max);
	show_number("per subject", config->has_subject_records_max,
		    config->subject_records_max);
	show_number("per principal, B", config->has_principal_bytes_max,
		    config->principal_bytes_max);
	show_number("keys kept, ms", config->has_dedup_window_ms,
		    config->dedup_window_ms);
	show_number("body max", config->has_body_max, config->body_max);
}

static void write_text_of(const Helio__Log__V1__Log *log)
{
	text_write_escaped(stdout, log->name ? log->name : "",
			   log->name ? strlen(log->name) : 0);
	fputc('\n', stdout);
	show_config(log->config);
	printf("  %-18s %" PRIu64 " to %" PRIu64 "\n", "records", log->first,
	       log->last);
	show_moment("first", log->first_unix_ns);
	show_moment("last", log->last_unix_ns);
	show_number("bytes", true, log->bytes);
	show_number("segments", true, log->segments);
	show_number("stored", true, log->stored);
	show_number("commits", true, log->commits);
	show_number("duplicates", true, log->duplicates);
	show_number("refused", true, log->refused);
	show_number("readers", true, log->readers);
	show_number("cursors", true, log->cursors);
	if (log->fault && *log->fault) {
		fputs("  fault              ", stdout);
		text_write_escaped(stdout, log->fault, strlen(log->fault));
		fputc('\n', stdout);
	}
}

static void json_texts(struct json *json, const char *key, char *const *texts,
		       size_t n)
{
	json_key(json, key);
	json_open(json, '[');
	for (size_t i = 0; i < n; i++)
		json_string(json, texts[i]);
	json_close(json, ']');
}

static void json_limit(struct json *json, const char *key,
		       protobuf_c_boolean is_set, uint64_t number)
{
	if (!is_set)
		return;
	json_key(json, key);
	json_number(json, number);
}

static void json_config(struct json *json, const Helio__Log__V1__Config *config)
{
	json_texts(json, "patterns", config->patterns, config->n_patterns);
	json_texts(json, "services", config->services, config->n_services);
	json_limit(json, "age_max_ms", config->has_age_max_ms,
		   config->age_max_ms);
	json_limit(json, "records_max", config->has_records_max,
		   config->records_max);
	json_limit(json, "bytes_max", config->has_bytes_max, config->bytes_max);
	json_limit(json, "subject_records_max", config->has_subject_records_max,
		   config->subject_records_max);
	json_limit(json, "principal_bytes_max", config->has_principal_bytes_max,
		   config->principal_bytes_max);
	json_limit(json, "dedup_window_ms", config->has_dedup_window_ms,
		   config->dedup_window_ms);
	json_limit(json, "body_max", config->has_body_max, config->body_max);
}

static void write_json_of(const Helio__Log__V1__Log *log)
{
	struct json json = { .out = stdout };

	json_open(&json, '{');
	json_key(&json, "name");
	json_string(&json, log->name ? log->name : "");
	if (log->config)
		json_config(&json, log->config);
	json_limit(&json, "first", true, log->first);
	json_limit(&json, "last", true, log->last);
	json_limit(&json, "first_unix_ns", true, log->first_unix_ns);
	json_limit(&json, "last_unix_ns", true, log->last_unix_ns);
	json_limit(&json, "bytes", true, log->bytes);
	json_limit(&json, "segments", true, log->segments);
	json_limit(&json, "stored", true, log->stored);
	json_limit(&json, "commits", true, log->commits);
	json_limit(&json, "duplicates", true, log->duplicates);
	json_limit(&json, "refused", true, log->refused);
	json_limit(&json, "readers", true, log->readers);
	json_limit(&json, "cursors", true, log->cursors);
	json_key(&json, "fault");
	json_string(&json, log->fault ? log->fault : "");
	json_close(&json, '}');
	fputc('\n', stdout);
}

void log_admin_show(const Helio__Log__V1__Log *log, int format)
{
	if (format == FORMAT_JSON)
		write_json_of(log);
	else
		write_text_of(log);
}

static int run_show(const void *settings)
{
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	const Helio__Log__V1__Log *log;
	int r = logs_open(&logs, &admin->common);

	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r == EXIT_OK)
		r = logs_get(&logs, &log);
	if (r != EXIT_OK)
		return r;
	log_admin_show(log, admin->common.format);
	return EXIT_OK;
}

static const struct column cursor_columns[] = {
	{ "CURSOR", "name", CELL_TEXT },
	{ "SHARED", "shared", CELL_BOOL },
	{ "NEXT", "next", CELL_NUMBER },
	{ "PENDING", "pending", CELL_NUMBER },
	{ "READERS", "readers", CELL_NUMBER },
	{ "DELIVERED", "delivered", CELL_NUMBER },
	{ "AGAIN", "redelivered", CELL_NUMBER },
	{ "DEAD", "dead", CELL_NUMBER },
	{ "OWNER", "owner", CELL_TEXT },
	{ "FAULT", "fault", CELL_TEXT },
};
#define N_CURSOR_COLUMNS (sizeof(cursor_columns) / sizeof(*cursor_columns))

static int add_cursor(struct table *table, const Helio__Log__V1__Cursor *cursor)
{
	const struct cell cells[N_CURSOR_COLUMNS] = {
		cell_text(cursor->name),
		cell_number(cursor->config && cursor->config->shared),
		cell_number(cursor->next),
		cell_number(cursor->pending),
		cell_number(cursor->readers),
		cell_number(cursor->delivered),
		cell_number(cursor->redelivered),
		cell_number(cursor->dead),
		cell_text(cursor->owner),
		cell_text(cursor->fault),
	};

	return table_add(table, cells);
}

static int run_cursors(const void *settings)
{
	Helio__Log__V1__ListCursorsRequest request =
		HELIO__LOG__V1__LIST_CURSORS_REQUEST__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	_cleanup_(table_deinit) struct table table;
	const Helio__Log__V1__ListCursorsReply *found;
	const struct log_admin *admin = settings;
	ProtobufCMessage *reply;
	int r;

	table_init(&table, cursor_columns, N_CURSOR_COLUMNS);
	r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	request.log = logs.name;
	if (r == EXIT_OK)
		r = logs_call(&logs, "ListCursors", &request.base,
			      &helio__log__v1__list_cursors_reply__descriptor,
			      &reply);
	if (r != EXIT_OK)
		return r;
	found = (const Helio__Log__V1__ListCursorsReply *)reply;
	for (size_t i = 0; i < found->n_cursors; i++)
		if (add_cursor(&table, found->cursors[i]) < 0)
			return session_complain("log", -ENOMEM, NULL);
	table_write(&table, admin->common.format);
	return EXIT_OK;
}

static const struct log_admin defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = { OPTION_ROWS_LOGGER };

static const struct argument log_arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_admin, log), false, NULL,
	  "which; the only one if it is left out" },
	ARGUMENT_END,
};

const struct command command_log_ls = {
	.name = "log ls",
	.summary = "list the logs",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_ls,
};

const struct command command_log_show = {
	.name = "log show",
	.summary = "show how a log is set up, and how it stands",
	.options = options,
	.arguments = log_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_show,
};

const struct command command_log_cursors = {
	.name = "log cursors",
	.summary = "list the cursors of a log",
	.options = options,
	.arguments = log_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_cursors,
};
