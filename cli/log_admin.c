/* SPDX-License-Identifier: MIT */

/* helio log ls, show, create, change, delete, verify, cursors, sql. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/archive.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/logs.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"

struct log_admin {
	struct common common;
	const char *log;
	const char *other; /* SQL, or the name of a cursor */
	struct texts patterns;
	struct texts services;
	const char *age;
	const char *bytes;
	const char *principal_bytes;
	const char *body;
	uint64_t records;
	uint64_t subject_records;
	bool is_unlimited;
	bool has_no_patterns;
	bool has_no_services;
};

#define UNSET UINT64_MAX

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

/* ---- one log ---- */

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

static void show_log(const Helio__Log__V1__Log *log)
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

static void json_log(const Helio__Log__V1__Log *log)
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
	if (admin->common.format == FORMAT_JSON)
		json_log(log);
	else
		show_log(log);
	return EXIT_OK;
}

/* ---- making and changing ---- */

/* `5G`, `512K`, `1000`. */
static int parse_bytes(const char *text, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMGT";
	char digits[24];
	size_t n = strspn(text, "0123456789");
	const char *suffix = suffixes;
	uint64_t number;

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	snprintf(digits, sizeof(digits), "%.*s", (int)n, text);
	if (option_parse_number(digits, &number) < 0)
		return -EINVAL;
	if (text[n]) {
		suffix = strchr(suffixes, text[n]);
		if (!suffix || (text[n + 1] && strcmp(text + n + 1, "iB") != 0))
			return -EINVAL;
		if (__builtin_mul_overflow(
			    number,
			    UINT64_C(1) << (10 * (suffix - suffixes + 1)),
			    &number))
			return -EINVAL;
	}
	*ret_bytes = number;
	return 0;
}

static int set_bytes(const char *option, const char *text,
		     protobuf_c_boolean *has, uint64_t *ret_bytes)
{
	if (!text)
		return EXIT_OK;
	*has = true;
	if (parse_bytes(text, ret_bytes) == 0)
		return EXIT_OK;
	talk("log: --%s is a number of bytes like 512K, 5M or 1G, not '%s'",
	     option, text);
	return EXIT_USAGE;
}

static int set_age(const char *text, Helio__Log__V1__Config *config)
{
	uint64_t ns;

	if (!text)
		return EXIT_OK;
	if (moment_parse_span(text, &ns) < 0) {
		talk("log: --age is a time like 12h, 7d or '2 weeks', not '%s'",
		     text);
		return EXIT_USAGE;
	}
	config->has_age_max_ms = true;
	config->age_max_ms = ns / 1000000;
	return EXIT_OK;
}

/* protobuf-c's repeated strings are not const, and are not written to. */
static char **words_of(const struct texts *texts)
{
	char **words;

	memcpy(&words, &(const void *){ texts->at }, sizeof(words));
	return words;
}

static int fill_config(const struct log_admin *admin,
		       Helio__Log__V1__Config *config)
{
	int r;

	config->n_patterns = admin->patterns.n;
	config->patterns = words_of(&admin->patterns);
	config->n_services = admin->services.n;
	config->services = words_of(&admin->services);
	config->has_records_max = admin->records != UNSET;
	config->records_max = admin->records;
	config->has_subject_records_max = admin->subject_records != UNSET;
	config->subject_records_max = admin->subject_records;
	r = set_age(admin->age, config);
	if (r == EXIT_OK)
		r = set_bytes("bytes", admin->bytes, &config->has_bytes_max,
			      &config->bytes_max);
	if (r == EXIT_OK)
		r = set_bytes("principal-bytes", admin->principal_bytes,
			      &config->has_principal_bytes_max,
			      &config->principal_bytes_max);
	if (r == EXIT_OK)
		r = set_bytes("body", admin->body, &config->has_body_max,
			      &config->body_max);
	return r;
}

static void tell_log(const struct log_admin *admin,
		     const Helio__Log__V1__Log *log)
{
	if (admin->common.format == FORMAT_JSON && log)
		json_log(log);
}

static int run_create(const void *settings)
{
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	const Helio__Log__V1__CreateReply *created;
	ProtobufCMessage *reply;
	int r = fill_config(admin, &config);

	if (r == EXIT_OK)
		r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.name = logs.name;
	request.config = &config;
	r = logs_call(&logs, "Create", &request.base,
		      &helio__log__v1__create_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	created = (const Helio__Log__V1__CreateReply *)reply;
	if (created->was_there)
		talk("%s: it was there already", logs.name);
	tell_log(admin, created->log);
	return EXIT_OK;
}

static int run_change(const void *settings)
{
	Helio__Log__V1__ChangeRequest request =
		HELIO__LOG__V1__CHANGE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	ProtobufCMessage *reply;
	int r = fill_config(admin, &config);

	if (r == EXIT_OK)
		r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.name = logs.name;
	request.config = &config;
	request.has_set_patterns = true;
	request.set_patterns = admin->patterns.n > 0 || admin->has_no_patterns;
	request.has_set_services = true;
	request.set_services = admin->services.n > 0 || admin->has_no_services;
	r = logs_call(&logs, "Change", &request.base,
		      &helio__log__v1__change_reply__descriptor, &reply);
	if (r == EXIT_OK)
		tell_log(admin, ((Helio__Log__V1__ChangeReply *)reply)->log);
	return r;
}

static int run_delete(const void *settings)
{
	Helio__Log__V1__DeleteRequest request =
		HELIO__LOG__V1__DELETE_REQUEST__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	ProtobufCMessage *reply;
	int r = logs_open(&logs, &admin->common);

	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.name = logs.name;
	return logs_call(&logs, "Delete", &request.base,
			 &helio__log__v1__delete_reply__descriptor, &reply);
}

/* ---- verify ---- */

static void json_verdict(bool is_good, uint64_t records, uint64_t bad,
			 const char *file, const char *fault)
{
	struct json json = { .out = stdout };

	json_open(&json, '{');
	json_key(&json, "good");
	json_bool(&json, is_good);
	json_key(&json, "records");
	json_number(&json, records);
	if (!is_good) {
		json_key(&json, "bad_sequence");
		json_number(&json, bad);
		json_key(&json, "file");
		json_string(&json, file);
		json_key(&json, "fault");
		json_string(&json, fault);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int tell_verdict(const struct log_admin *admin, bool is_good,
			uint64_t records, uint64_t bad, const char *file,
			const char *fault)
{
	if (admin->common.format == FORMAT_JSON)
		json_verdict(is_good, records, bad, file, fault);
	else if (is_good)
		printf("good: %" PRIu64 " records\n", records);
	else
		talk("%s: the first bad record is %" PRIu64 ": %s", file, bad,
		     fault);
	return is_good ? EXIT_OK : EXIT_NEGATIVE;
}

static int verify_archive(const struct log_admin *admin)
{
	struct archive_totals totals = { 0 };
	char fault[ARCHIVE_ERROR_BYTES];
	uint64_t bad = 0;
	int r = archive_verify(admin->log, &totals, &bad, fault);

	if (r < 0 && r != -EBADMSG) {
		talk("%s: %s", admin->log, strerror(-r));
		return EXIT_USAGE;
	}
	return tell_verdict(admin, r == 0, totals.n_records, bad, admin->log,
			    fault);
}

static int run_verify(const void *settings)
{
	Helio__Log__V1__VerifyRequest request =
		HELIO__LOG__V1__VERIFY_REQUEST__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	const Helio__Log__V1__VerifyReply *found;
	ProtobufCMessage *reply;
	int r;

	/* No log's name has a slash or a dot, and most files have. */
	if (admin->log &&
	    (strpbrk(admin->log, "/.") || access(admin->log, F_OK) == 0))
		return verify_archive(admin);
	r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.log = logs.name;
	r = logs_call(&logs, "Verify", &request.base,
		      &helio__log__v1__verify_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	found = (const Helio__Log__V1__VerifyReply *)reply;
	return tell_verdict(admin, found->good, found->records,
			    found->bad_sequence,
			    found->file ? found->file : logs.name,
			    found->fault ? found->fault : "");
}

/* ---- cursors ---- */

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

/* ---- tables ---- */

static const struct log_admin defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.records = UNSET,
	.subject_records = UNSET,
};
static const struct log_admin verify_defaults = {
	.common.timeout_ms = 3600 * 1000,
};

#define OPTION_ROWS_LOGGER                                          \
	OPTION_ROW_TIMEOUT("how long to wait for the logger (5s)"), \
		OPTION_ROWS_BUS, OPTION_ROW_END

#define OPTION_ROWS_LIMITS                                                       \
	{ 'p',          "pattern",                                               \
	  OPTION_TEXTS, offsetof(struct log_admin, patterns),                    \
	  "PATTERN",    "subjects that it captures; may be given again" },       \
		{ 's',                                                           \
		  "service",                                                     \
		  OPTION_TEXTS,                                                  \
		  offsetof(struct log_admin, services),                          \
		  "SERVICE",                                                     \
		  "a service whose calls it records; may be given again" },      \
		{ 0,           "age",                                            \
		  OPTION_TEXT, offsetof(struct log_admin, age),                  \
		  "TIME",      "what is older is removed: 12h, 7d, '2 weeks'" }, \
		{ 0,                                                             \
		  "records",                                                     \
		  OPTION_NUMBER,                                                 \
		  offsetof(struct log_admin, records),                           \
		  "N",                                                           \
		  "so many are kept" },                                          \
		{ 0,           "bytes",                                          \
		  OPTION_TEXT, offsetof(struct log_admin, bytes),                \
		  "BYTES",     "so much is kept: 512M, 5G" },                    \
		{ 0,                                                             \
		  "subject-records",                                             \
		  OPTION_NUMBER,                                                 \
		  offsetof(struct log_admin, subject_records),                   \
		  "N",                                                           \
		  "so many of each subject are served" },                        \
		{ 0,           "principal-bytes",                                \
		  OPTION_TEXT, offsetof(struct log_admin, principal_bytes),      \
		  "BYTES",     "so much may be of one principal" },              \
	{                                                                        \
		0, "body", OPTION_TEXT, offsetof(struct log_admin, body),        \
			"BYTES", "longest body (1M)"                             \
	}

static const struct option options[] = { OPTION_ROWS_LOGGER };

static const struct option create_options[] = { OPTION_ROWS_LIMITS,
						OPTION_ROWS_LOGGER };

static const struct option change_options[] = {
	OPTION_ROWS_LIMITS,
	{ 0, "no-patterns", OPTION_FLAG,
	  offsetof(struct log_admin, has_no_patterns), NULL,
	  "let it capture nothing any more" },
	{ 0, "no-services", OPTION_FLAG,
	  offsetof(struct log_admin, has_no_services), NULL,
	  "let it record no calls any more" },
	OPTION_ROWS_LOGGER,
};

static const struct argument log_arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_admin, log), false, NULL,
	  "which; the only one if it is left out" },
	ARGUMENT_END,
};

static const struct argument name_arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_admin, log), true, NULL,
	  "its name: letters, digits, `-` and `_`" },
	ARGUMENT_END,
};

static const struct argument verify_arguments[] = {
	{ "LOG|FILE", OPTION_TEXT, offsetof(struct log_admin, log), false, NULL,
	  "a log, or an archive; the only log if it is left out" },
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

const struct command command_log_create = {
	.name = "log create",
	.summary = "make a log",
	.description = "No two logs capture the same subject. That it is there "
		       "already, set up in the same way, is fine.",
	.options = create_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_create,
};

const struct command command_log_change = {
	.name = "log change",
	.summary = "set up a log anew",
	.description = "What is not given stays as it is.",
	.options = change_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_change,
};

const struct command command_log_delete = {
	.name = "log delete",
	.summary = "delete a log and all its records",
	.options = options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_delete,
};

const struct command command_log_verify = {
	.name = "log verify",
	.summary = "look at every byte of a log, or of an archive",
	.description =
		"An archive needs no bus to be verified. The exit status is 1 "
		"when something is bad, and the first bad record is told.",
	.options = options,
	.arguments = verify_arguments,
	.defaults = &verify_defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_verify,
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
