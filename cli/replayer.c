/* SPDX-License-Identifier: MIT */

#include "cli/replayer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/moment.h"

enum {
	UNDER_WAY_MAX = 256,
	SUBJECT_BYTES = 256,
	TURN_MS = 1000,
};

/* One that is under way. */
struct again {
	struct replayer *replayer;
	uint64_t slot;
	char method[SUBJECT_BYTES];
};

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
	for (size_t i = 0; i < message->n_headers && n < REPLAYER_HEADERS_MAX;
	     i++) {
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

bool replayer_take(const struct helio_log_record *record, void *userdata)
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

int replayer_wait(struct replayer *replayer)
{
	return wait_for_room(replayer, 1);
}
