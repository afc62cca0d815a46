/* SPDX-License-Identifier: MIT */

/* helio replay: what a log recorded is said, or asked, again. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/comparison.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/logs.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/text.h"

enum {
	UNDER_WAY_MAX = 256,
	SUBJECT_BYTES = 256,
	HEADERS_MAX = 2048,
	TURN_MS = 1000,
};

struct replay {
	struct common common; /* timeout_ms: of each call */
	const char *log;
	const char *since;
	const char *until;
	const char *into;
	const char *strip;
	const char *speed;
	struct texts subjects;
};

struct replayer {
	const struct replay *settings;
	struct logs logs;
	struct comparison comparison;
	struct helio_header *headers; /* owned: those of one message */
	size_t n_under_way;
	uint64_t n_records;
	uint64_t n_published;
	uint64_t n_called;
	uint64_t n_passed_over;
	uint64_t n_taken;   /* messages that somebody took */
	uint64_t n_refused; /* that were not published */
	char refusal[512];  /* of the first one */
	int r;
};

/* One that is under way. */
struct again {
	struct replayer *replayer;
	uint64_t slot;
	char method[SUBJECT_BYTES];
};

static void replayer_deinit(struct replayer *replayer)
{
	logs_close(&replayer->logs);
	comparison_deinit(&replayer->comparison);
	free(replayer->headers);
}

/* ---- where to ---- */

/*
 * SUBJECT stands before the subject as it was, or instead of what it began
 * with. Returns whether it is one that can be, and not as it was.
 */
static bool shadow_subject(const struct replay *replay, const char *subject,
			   char shadow[SUBJECT_BYTES])
{
	size_t n = replay->strip ? strlen(replay->strip) : 0;
	const char *rest = subject;
	int length;

	if (!*subject || *subject == '$')
		return false;
	if (replay->strip) {
		if (strncmp(subject, replay->strip, n) != 0 ||
		    (subject[n] != '.' && subject[n] != '\0'))
			return false;
		rest = subject[n] ? subject + n + 1 : "";
	}
	length = snprintf(shadow, SUBJECT_BYTES, "%s%s%s", replay->into,
			  *rest ? "." : "", rest);
	return length < SUBJECT_BYTES && strcmp(shadow, subject) != 0;
}

/* The method as it was called, at the service that is to answer now. */
static bool shadow_method(const struct replay *replay, const char *subject,
			  char shadow[SUBJECT_BYTES])
{
	const char *method = strrchr(subject, '.');

	return method && method[1] &&
	       snprintf(shadow, SUBJECT_BYTES, "%s%s", replay->into, method) <
		       SUBJECT_BYTES;
}

/* ---- what is said of it ---- */

static void put_header(struct helio_header *header, const char *name,
		       const char *value)
{
	*header = (struct helio_header){ name, value, strlen(value) };
}

/* Its own headers, without those of a replay before this one. */
static size_t set_headers(struct replayer *replayer,
			  const struct helio_log_record *record,
			  const char *place, const char *moment)
{
	const struct helio_message *message = &record->message;
	size_t n = 0;

	put_header(&replayer->headers[n++], "helio-replayed", place);
	put_header(&replayer->headers[n++], "helio-source", message->source);
	put_header(&replayer->headers[n++], "helio-time", moment);
	for (size_t i = 0; i < message->n_headers && n < HEADERS_MAX; i++) {
		const char *name = message->headers[i].name;

		if (strcmp(name, "helio-replayed") != 0 &&
		    strcmp(name, "helio-source") != 0 &&
		    strcmp(name, "helio-time") != 0)
			replayer->headers[n++] = message->headers[i];
	}
	return n;
}

static void set_place(const struct replayer *replayer,
		      const struct helio_log_record *record,
		      char place[LOGS_NAME_BYTES + 24])
{
	snprintf(place, LOGS_NAME_BYTES + 24, "%s/%" PRIu64,
		 replayer->logs.name, record->sequence);
}

/* ---- answers ---- */

static void note_refusal(struct replayer *replayer, const char *name,
			 const char *reason)
{
	if (replayer->n_refused++ == 0)
		snprintf(replayer->refusal, sizeof(replayer->refusal), "%s: %s",
			 name, reason);
}

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct replayer *replayer = userdata;

	replayer->n_under_way--;
	if (ack->status != HELIO_OK)
		note_refusal(replayer, helio_status_name(ack->status),
			     ack->reason);
	else
		replayer->n_taken += ack->n_took > 0;
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct again *again = userdata;
	struct comparison_reply now = { .status = reply->status };

	if (reply->message) {
		now.body = reply->message->body;
		now.n_body = reply->message->n_body;
	}
	again->replayer->n_under_way--;
	comparison_now(&again->replayer->comparison, again->slot, again->method,
		       &now);
	free(again);
}

/* Until fewer than `n` are under way. */
static int wait_for_room(struct replayer *replayer, size_t n)
{
	int r = 0;

	while (r >= 0 && replayer->n_under_way >= n)
		r = helio_run(replayer->logs.session.bus, TURN_MS);
	return r < 0 ? r : 0;
}

/* ---- sending ---- */

static int publish(struct replayer *replayer,
		   const struct helio_log_record *record)
{
	const struct helio_message *message = &record->message;
	char shadow[SUBJECT_BYTES], place[LOGS_NAME_BYTES + 24];
	char moment[MOMENT_TEXT_BYTES];
	struct helio_publish_options options = {
		.flags = HELIO_ACK_ROUTED,
		.on_ack = on_ack,
		.userdata = replayer,
		.content_type = message->content_type,
		.traceparent = message->traceparent,
		.schema_hash = message->schema_hash,
		.headers = replayer->headers,
	};
	int r;

	if (!shadow_subject(replayer->settings, message->subject, shadow)) {
		replayer->n_passed_over++;
		return 0;
	}
	set_place(replayer, record, place);
	moment_format_utc(record->time_ns, moment);
	options.n_headers = set_headers(replayer, record, place, moment);
	while ((r = helio_publish(replayer->logs.session.bus, shadow,
				  message->body, message->n_body, &options)) ==
	       -EAGAIN)
		if (helio_run(replayer->logs.session.bus, TURN_MS) < 0)
			break;
	if (r < 0 && r != -EINVAL && r != -EMSGSIZE && r != -E2BIG)
		return r;
	if (r < 0) {
		note_refusal(replayer, shadow, strerror(-r));
		return 0;
	}
	replayer->n_published++;
	replayer->n_under_way++;
	return 0;
}

static int start_call(struct replayer *replayer,
		      const struct helio_log_record *record, const char *shadow,
		      struct again *again)
{
	const struct helio_message *message = &record->message;
	char place[LOGS_NAME_BYTES + 24], moment[MOMENT_TEXT_BYTES];
	struct helio_call_options options = {
		.timeout_ms = replayer->settings->common.timeout_ms,
		.is_patient = true,
		.content_type = message->content_type,
		.traceparent = message->traceparent,
		.headers = replayer->headers,
	};
	int r;

	set_place(replayer, record, place);
	moment_format_utc(record->time_ns, moment);
	options.n_headers = set_headers(replayer, record, place, moment);
	while ((r = helio_call_start(replayer->logs.session.bus, shadow,
				     message->body, message->n_body, &options,
				     on_reply, again, NULL)) == -EAGAIN)
		if (helio_run(replayer->logs.session.bus, TURN_MS) < 0)
			break;
	return r;
}

static int call(struct replayer *replayer,
		const struct helio_log_record *record)
{
	const char *subject = record->message.subject;
	struct again *again;
	char shadow[SUBJECT_BYTES];
	int r;

	if (!shadow_method(replayer->settings, subject, shadow)) {
		replayer->n_passed_over++;
		return 0;
	}
	again = malloc(sizeof(*again));
	if (!again)
		return -ENOMEM;
	again->replayer = replayer;
	again->slot = record->slot;
	snprintf(again->method, sizeof(again->method), "%s", shadow);
	comparison_begin(&replayer->comparison, record->slot, record->sequence,
			 shadow);
	r = start_call(replayer, record, shadow, again);
	if (r < 0) {
		free(again);
		return r;
	}
	replayer->n_called++;
	replayer->n_under_way++;
	return 0;
}

static void note_reply(struct replayer *replayer,
		       const struct helio_log_record *record)
{
	const struct comparison_reply then = {
		.status = record->status,
		.body = record->message.body,
		.n_body = record->message.n_body,
	};

	comparison_then(&replayer->comparison, record->slot, &then);
}

static bool take(const struct helio_log_record *record, void *userdata)
{
	struct replayer *replayer = userdata;
	int r = wait_for_room(replayer, UNDER_WAY_MAX);

	replayer->n_records++;
	if (r == 0 && record->kind == HELIO_LOG_MESSAGE)
		r = publish(replayer, record);
	else if (r == 0 && record->kind == HELIO_LOG_CALL)
		r = call(replayer, record);
	else if (r == 0 && record->kind == HELIO_LOG_REPLY)
		note_reply(replayer, record);
	else if (r == 0)
		replayer->n_passed_over++;
	replayer->r = r;
	return r == 0;
}

/* ---- the report ---- */

static void report_methods_json(const struct replayer *replayer,
				struct json *json)
{
	const struct comparison *comparison = &replayer->comparison;

	json_key(json, "methods");
	json_open(json, '[');
	for (size_t i = 0; i < comparison->n_methods; i++) {
		const struct comparison_method *method =
			&comparison->methods[i];

		json_open(json, '{');
		json_key(json, "method");
		json_string(json, method->name);
		json_key(json, "statuses");
		json_open(json, '{');
		for (unsigned s = 0; s < COMPARISON_STATUSES; s++) {
			if (method->n_statuses[s] == 0)
				continue;
			json_key(json, helio_status_name(s));
			json_number(json, method->n_statuses[s]);
		}
		json_close(json, '}');
		json_key(json, "differing");
		json_number(json, method->n_differing);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_count(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_number(json, number);
}

static void report_json(const struct replayer *replayer)
{
	const struct comparison *comparison = &replayer->comparison;
	struct json json = { .out = stdout };

	json_open(&json, '{');
	json_count(&json, "records", replayer->n_records);
	json_count(&json, "published", replayer->n_published);
	json_count(&json, "taken", replayer->n_taken);
	json_count(&json, "refused", replayer->n_refused);
	json_count(&json, "called", replayer->n_called);
	json_count(&json, "passed_over", replayer->n_passed_over);
	report_methods_json(replayer, &json);
	json_count(&json, "equal", comparison->n_equal);
	json_count(&json, "differing", comparison->n_differing);
	json_count(&json, "not_compared",
		   comparison->n_unknown + comparison_open(comparison));
	if (comparison->first_differing > 0)
		json_count(&json, "first_differing",
			   comparison->first_differing);
	if (replayer->n_refused > 0) {
		json_key(&json, "first_refusal");
		json_string(&json, replayer->refusal);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void report_method(const struct comparison_method *method)
{
	text_write_escaped(stdout, method->name, strlen(method->name));
	fputc(':', stdout);
	for (unsigned s = 0; s < COMPARISON_STATUSES; s++)
		if (method->n_statuses[s] > 0)
			printf(" %" PRIu64 " %s", method->n_statuses[s],
			       helio_status_name(s));
	if (method->n_differing > 0)
		printf(", %" PRIu64 " differ", method->n_differing);
	fputc('\n', stdout);
}

static void report_text(const struct replayer *replayer)
{
	const struct comparison *comparison = &replayer->comparison;
	size_t n_open = comparison_open(comparison);

	printf("%" PRIu64 " records: %" PRIu64 " messages published, %" PRIu64
	       " calls made, %" PRIu64 " passed over\n",
	       replayer->n_records, replayer->n_published, replayer->n_called,
	       replayer->n_passed_over);
	if (replayer->n_published > 0)
		printf("%" PRIu64 " messages were taken by somebody\n",
		       replayer->n_taken);
	for (size_t i = 0; i < comparison->n_methods; i++)
		report_method(&comparison->methods[i]);
	if (replayer->n_called > 0)
		printf("%" PRIu64 " replies as they were, %" PRIu64
		       " differ, %" PRIu64 " not compared\n",
		       comparison->n_equal, comparison->n_differing,
		       comparison->n_unknown + n_open);
	if (comparison->first_differing > 0)
		printf("the first that differs answers %s:%" PRIu64 "\n",
		       replayer->logs.name, comparison->first_differing);
	if (replayer->n_refused > 0)
		talk("%" PRIu64 " were refused, the first: %s",
		     replayer->n_refused, replayer->refusal);
}

static int report(const struct replayer *replayer)
{
	if (replayer->settings->common.format == FORMAT_JSON)
		report_json(replayer);
	else
		report_text(replayer);
	return replayer->n_refused > 0 || replayer->comparison.n_differing > 0
		       ? EXIT_NEGATIVE
		       : EXIT_OK;
}

/* ---- running ---- */

static int parse(const struct replay *replay,
		 struct helio_log_read_options *options)
{
	uint64_t now_ns = moment_now();
	int r = EXIT_OK;

	if ((replay->since && moment_parse(replay->since, now_ns,
					   &options->place.unix_ns) < 0) ||
	    (replay->until && moment_parse(replay->until, now_ns,
					   &options->until_unix_ns) < 0)) {
		talk("replay: --since and --until are times like '-1h' or "
		     "'2026-11-30 13:00'");
		return EXIT_USAGE;
	}
	if (!replay->into || !*replay->into) {
		talk("replay: --into says where to");
		return EXIT_USAGE;
	}
	r = moment_parse_speed(replay->speed, &options->pace_permille);
	if (r < 0) {
		talk("replay: --speed is 'original', 'max' or how many times "
		     "as fast");
		return EXIT_USAGE;
	}
	options->until_unix_ns += replay->until != NULL;
	options->filter.subjects = replay->subjects.at;
	options->filter.n_subjects = replay->subjects.n;
	return EXIT_OK;
}

static int replay_all(struct replayer *replayer,
		      const struct helio_log_read_options *options)
{
	struct reading reading = { .logs = &replayer->logs,
				   .take = take,
				   .userdata = replayer };
	int r = reading_run(&reading, options);

	if (r == EXIT_OK && replayer->r == 0)
		replayer->r = wait_for_room(replayer, 1);
	if (r == EXIT_OK && replayer->r < 0)
		return session_complain("replay", replayer->r, NULL);
	if (r == EXIT_OK)
		r = report(replayer);
	return r == EXIT_OK && reading.is_interrupted ? EXIT_INTERRUPTED : r;
}

static int run(const void *settings)
{
	_cleanup_(replayer_deinit) struct replayer replayer = {
		.settings = settings
	};
	struct helio_log_read_options options = { 0 };
	const struct replay *replay = settings;
	int r = parse(replay, &options);

	if (r != EXIT_OK)
		return r;
	replayer.headers = calloc(HEADERS_MAX + 3, sizeof(*replayer.headers));
	if (!replayer.headers || comparison_init(&replayer.comparison) < 0)
		return session_complain("replay", -ENOMEM, NULL);
	r = logs_open(&replayer.logs, &replay->common);
	if (r == EXIT_OK)
		r = logs_find(&replayer.logs, replay->log);
	return r == EXIT_OK ? replay_all(&replayer, &options) : r;
}

static const struct replay defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = {
	{ 'L', "log", OPTION_TEXT, offsetof(struct replay, log), "LOG",
	  "which; the only one if it is left out" },
	{ 'S', "since", OPTION_TEXT, offsetof(struct replay, since), "TIME",
	  "from there on" },
	{ 'U', "until", OPTION_TEXT, offsetof(struct replay, until), "TIME",
	  "up to there" },
	{ 'i', "into", OPTION_TEXT, offsetof(struct replay, into),
	  "SUBJECT|SERVICE",
	  "what stands before the subject of each message, as in "
	  "SUBJECT.vm.web.console; calls are made to SERVICE" },
	{ 0, "strip", OPTION_TEXT, offsetof(struct replay, strip), "PREFIX",
	  "--into stands instead of this; messages whose subject does not "
	  "begin so are passed over" },
	{ 0, "speed", OPTION_TEXT, offsetof(struct replay, speed),
	  "original|max|N",
	  "at the pace at which it was stored, at once "
	  "(which is the default), or N times as fast" },
	{ 0, "subject", OPTION_TEXTS, offsetof(struct replay, subjects),
	  "PATTERN", "only these subjects; may be given again" },
	OPTION_ROW_TIMEOUT("how long each call may take (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

const struct command command_replay = {
	.name = "replay",
	.summary = "say again what a log has recorded",
	.description =
		"Messages are published under another subject, calls that were "
		"recorded are made to another service, and each says by its "
		"headers what it is: helio-replayed (LOG/SEQUENCE), "
		"helio-source and helio-time are those of the record. What "
		"comes back is counted by method and status, and compared "
		"with the replies that were recorded.\n\n"
		"The exit status is 1 when a reply differs from the recorded "
		"one, or something was refused.",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct replay),
	.run = run,
};
