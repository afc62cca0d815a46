/* SPDX-License-Identifier: MIT */

#include "cli/entry_in.h"

#include <string.h>

#include "cli/entry.h"
#include "cli/entry_in_inside.h"
#include "schema/json_time.h"

enum { NAME_MAX_BYTES = 255 };

#define NS_PER_SECOND 1000000000

/* ---- the members ---- */

static int read_sequence(struct line *line)
{
	return entry_in_number(line, &line->record->sequence);
}

static int read_time(struct line *line)
{
	int64_t seconds, nanos;
	struct json_text text;
	int r = entry_in_string(line, &text);

	if (r < 0)
		return r;
	if (json_time_parse((const char *)text.bytes, text.n, &seconds,
			    &nanos) < 0 ||
	    seconds < 0 || seconds > INT64_MAX / NS_PER_SECOND - 1)
		return entry_in_fail(line, "time is no time");
	line->record->time_ns =
		(uint64_t)seconds * NS_PER_SECOND + (uint64_t)nanos;
	return 0;
}

static int read_kind(struct line *line)
{
	char *text;
	int r = entry_in_text(line, &text);

	if (r < 0)
		return r;
	for (int kind = RUN_MESSAGE; kind <= RUN_GAP; kind++) {
		if (strcmp(text, entry_kind((enum helio_log_kind)kind)) != 0)
			continue;
		line->record->kind = (enum run_kind)kind;
		return 0;
	}
	return entry_in_fail(line, "kind is none that is known");
}

static int read_status(struct line *line)
{
	char *text;
	int r = entry_in_text(line, &text);

	if (r < 0)
		return r;
	for (unsigned status = HELIO_OK; status <= HELIO_UNAUTHENTICATED;
	     status++) {
		if (strcmp(text, helio_status_name(status)) != 0)
			continue;
		line->record->status = (uint16_t)status;
		return 0;
	}
	return entry_in_fail(line, "status is none of gRPC's");
}

static int read_slot(struct line *line)
{
	return entry_in_id(line, &line->record->slot);
}

static int read_lost(struct line *line)
{
	return entry_in_number(line, &line->record->n_lost);
}

static int get_name(struct line *line, const char **ret_text, size_t *ret_n)
{
	char *text;
	int r = entry_in_text(line, &text);

	if (r < 0)
		return r;
	*ret_text = text;
	*ret_n = strlen(text);
	return *ret_n > NAME_MAX_BYTES
		       ? entry_in_fail(line, "a name is too long")
		       : 0;
}

static int read_subject(struct line *line)
{
	return get_name(line, &line->record->subject, &line->record->n_subject);
}

static int read_source(struct line *line)
{
	struct run_source *source = &line->record->source;

	return get_name(line, &source->principal, &source->n_principal);
}

static int read_durable_id(struct line *line)
{
	struct run_source *source = &line->record->source;

	return get_name(line, &source->durable_id, &source->n_durable_id);
}

static int read_incarnation(struct line *line)
{
	return entry_in_id(line, &line->record->source.incarnation);
}

static int read_body(struct line *line)
{
	const uint8_t *bytes;
	int r = entry_in_bytes(line, &bytes, &line->record->n_body);

	if (r == 0)
		line->record->body = bytes;
	return r;
}

static int read_body_base64(struct line *line)
{
	const uint8_t *bytes;
	int r = entry_in_base64(line, &bytes, &line->record->n_body);

	if (r == 0)
		line->record->body = bytes;
	return r;
}

static const struct {
	const char *key;
	int (*read)(struct line *line);
} members[] = {
	{ "sequence", read_sequence },
	{ "time", read_time },
	{ "kind", read_kind },
	{ "status", read_status },
	{ "slot", read_slot },
	{ "lost", read_lost },
	{ "subject", read_subject },
	{ "source", read_source },
	{ "durable_id", read_durable_id },
	{ "incarnation", read_incarnation },
	{ "schema", entry_in_read_schema },
	{ "key", entry_in_read_key },
	{ "content_type", entry_in_read_content_type },
	{ "traceparent", entry_in_read_traceparent },
	{ "headers", entry_in_read_headers },
	{ "body", read_body },
	{ "body_base64", read_body_base64 },
	{ "details", entry_in_read_details },
	{ "details_base64", entry_in_read_details_base64 },
};
enum { N_MEMBERS = sizeof(members) / sizeof(*members) };

static int read_member(struct line *line, const struct json_text *key,
		       uint32_t *seen)
{
	for (size_t i = 0; i < N_MEMBERS; i++) {
		if (!entry_in_is_key(key, members[i].key))
			continue;
		if (*seen & UINT32_C(1) << i)
			return entry_in_fail(line, "a member comes twice");
		*seen |= UINT32_C(1) << i;
		return members[i].read(line);
	}
	return entry_in_skip(line);
}

static int read_members(struct line *line)
{
	struct json_text key;
	bool is_first = true;
	uint32_t seen = 0;
	int r = entry_in_scanned(line, json_scan_open(&line->scan, '{'));

	if (r < 0)
		return r;
	while ((r = json_scan_member(&line->scan, &is_first, &key)) > 0) {
		r = read_member(line, &key, &seen);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = json_scan_end(&line->scan);
	return entry_in_scanned(line, r);
}

int entry_in(struct arena *arena, const char *text, size_t n,
	     struct run_record *record, char error[ENTRY_IN_ERROR_BYTES])
{
	struct line line = {
		.arena = arena,
		.record = record,
		.metadata = HELIO__BUS__V1__METADATA__INIT,
		.error = error,
	};
	int r;

	*record = (struct run_record){ .kind = RUN_MESSAGE,
				       .subject = "",
				       .body = "",
				       .source = { .principal = "",
						   .durable_id = "" } };
	r = entry_in_scanned(&line, json_scan_init(&line.scan, arena, text, n));
	if (r == 0)
		r = read_members(&line);
	if (r < 0)
		return r;
	if (record->sequence == 0 || record->sequence > RUN_SEQUENCE_MAX)
		return entry_in_fail(&line, "sequence is none");
	if (record->time_ns == 0)
		return entry_in_fail(&line, "time is missing");
	return entry_in_pack(&line);
}
