/* SPDX-License-Identifier: MIT */

#include "cli/entry_in.h"

#include <errno.h>
#include <helio/bus/v1/control.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "cli/entry.h"
#include "cli/registry.h"
#include "proto/frame.h"
#include "schema/json_scan.h"
#include "schema/json_time.h"

enum { HEADERS_MAX = 2048, DEPTH_MAX = 100, NAME_MAX_BYTES = 255 };

#define NS_PER_SECOND 1000000000

struct line {
	struct arena *arena;
	struct json_scan scan;
	struct run_record *record;
	Helio__Bus__V1__Metadata metadata;
	size_t n_headers_max;
	char *error;
};

static int fail(struct line *line, const char *what)
{
	snprintf(line->error, ENTRY_IN_ERROR_BYTES, "%s", what);
	return -EINVAL;
}

/* -EINVAL of the scanner says why. */
static int scanned(struct line *line, int r)
{
	return r == -EINVAL
		       ? fail(line, line->scan.why ? line->scan.why : "no JSON")
		       : r;
}

static int get_string(struct line *line, struct json_text *ret_text)
{
	return scanned(line, json_scan_string(&line->scan, ret_text));
}

static int get_number(struct line *line, uint64_t *ret_number)
{
	struct json_text text;
	uint64_t number = 0;
	int r = scanned(line, json_scan_number(&line->scan, &text));

	if (r < 0)
		return r;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t digit = (uint8_t)(text.bytes[i] - '0');

		if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return fail(line,
				    "a number is no whole one of 64 bits");
	}
	*ret_number = number;
	return 0;
}

/* A copy that is terminated, without a NUL inside. */
static int get_text(struct line *line, char **ret_text)
{
	struct json_text text;
	int r = get_string(line, &text);

	if (r < 0)
		return r;
	if (text.n > 0 && memchr(text.bytes, 0, text.n))
		return fail(line, "a text has a NUL in it");
	*ret_text = arena_copy(line->arena, text.bytes, text.n);
	return *ret_text ? 0 : arena_error(line->arena);
}

static int get_base64(struct line *line, const uint8_t **ret_bytes,
		      size_t *ret_n)
{
	struct json_text text;
	uint8_t *bytes;
	int r = get_string(line, &text);

	if (r < 0)
		return r;
	bytes = arena_alloc(line->arena, text.n + 1);
	if (!bytes)
		return arena_error(line->arena);
	if (!base64_decode(text.bytes, text.n, bytes, ret_n))
		return fail(line, "what should be base64 is none");
	*ret_bytes = bytes;
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int get_id(struct line *line, uint64_t *ret_id)
{
	struct json_text text;
	uint64_t id = 0;
	int r = get_string(line, &text);

	if (r < 0)
		return r;
	if (text.n != 16)
		return fail(line, "an id has 16 hexadecimal digits");
	for (size_t i = 0; i < text.n; i++) {
		int digit = hex_digit(text.bytes[i]);

		if (digit < 0)
			return fail(line, "an id has 16 hexadecimal digits");
		id = id << 4 | (uint64_t)digit;
	}
	*ret_id = id;
	return 0;
}

/* ---- the members ---- */

static int read_sequence(struct line *line)
{
	return get_number(line, &line->record->sequence);
}

static int read_time(struct line *line)
{
	int64_t seconds, nanos;
	struct json_text text;
	int r = get_string(line, &text);

	if (r < 0)
		return r;
	if (json_time_parse((const char *)text.bytes, text.n, &seconds,
			    &nanos) < 0 ||
	    seconds < 0 || seconds > INT64_MAX / NS_PER_SECOND - 1)
		return fail(line, "time is no time");
	line->record->time_ns =
		(uint64_t)seconds * NS_PER_SECOND + (uint64_t)nanos;
	return 0;
}

static int read_kind(struct line *line)
{
	char *text;
	int r = get_text(line, &text);

	if (r < 0)
		return r;
	for (int kind = RUN_MESSAGE; kind <= RUN_GAP; kind++) {
		if (strcmp(text, entry_kind((enum helio_log_kind)kind)) != 0)
			continue;
		line->record->kind = (enum run_kind)kind;
		return 0;
	}
	return fail(line, "kind is none that is known");
}

static int read_status(struct line *line)
{
	char *text;
	int r = get_text(line, &text);

	if (r < 0)
		return r;
	for (unsigned status = HELIO_OK; status <= HELIO_UNAUTHENTICATED;
	     status++) {
		if (strcmp(text, helio_status_name(status)) != 0)
			continue;
		line->record->status = (uint16_t)status;
		return 0;
	}
	return fail(line, "status is none of gRPC's");
}

static int read_slot(struct line *line)
{
	return get_id(line, &line->record->slot);
}

static int read_lost(struct line *line)
{
	return get_number(line, &line->record->n_lost);
}

static int get_name(struct line *line, const char **ret_text, size_t *ret_n)
{
	char *text;
	int r = get_text(line, &text);

	if (r < 0)
		return r;
	*ret_text = text;
	*ret_n = strlen(text);
	return *ret_n > NAME_MAX_BYTES ? fail(line, "a name is too long") : 0;
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
	return get_id(line, &line->record->source.incarnation);
}

static int read_schema(struct line *line)
{
	uint8_t *hash = arena_alloc(line->arena, REGISTRY_HASH_BYTES);
	char *text;
	int r = get_text(line, &text);

	if (r < 0)
		return r;
	if (!hash)
		return arena_error(line->arena);
	if (registry_parse_hash(text, hash) < 0)
		return fail(line, "schema has 64 hexadecimal digits");
	line->record->schema = hash;
	line->metadata.has_schema_hash = true;
	line->metadata.schema_hash =
		(ProtobufCBinaryData){ REGISTRY_HASH_BYTES, hash };
	return 0;
}

static int read_key(struct line *line)
{
	line->record->flags |= RUN_HAS_KEY;
	return get_text(line, &line->metadata.idempotency_key);
}

static int read_content_type(struct line *line)
{
	return get_text(line, &line->metadata.content_type);
}

static int read_traceparent(struct line *line)
{
	return get_text(line, &line->metadata.traceparent);
}

static int get_body(struct line *line, const uint8_t **ret_bytes, size_t *ret_n)
{
	struct json_text text;
	int r = get_string(line, &text);

	if (r < 0)
		return r;
	*ret_bytes = text.bytes;
	*ret_n = text.n;
	return 0;
}

static int read_body(struct line *line)
{
	const uint8_t *bytes;
	int r = get_body(line, &bytes, &line->record->n_body);

	if (r == 0)
		line->record->body = bytes;
	return r;
}

static int read_body_base64(struct line *line)
{
	const uint8_t *bytes;
	int r = get_base64(line, &bytes, &line->record->n_body);

	if (r == 0)
		line->record->body = bytes;
	return r;
}

/* protobuf-c's bytes are not const, and are not written to. */
static int set_bytes(struct line *line, ProtobufCBinaryData *to,
		     const uint8_t *bytes, size_t n)
{
	to->data = (uint8_t *)arena_copy(line->arena, bytes, n);
	to->len = n;
	return to->data ? 0 : arena_error(line->arena);
}

static int read_bytes(struct line *line, bool is_base64,
		      protobuf_c_boolean *has, ProtobufCBinaryData *to)
{
	const uint8_t *bytes;
	size_t n;
	int r = is_base64 ? get_base64(line, &bytes, &n)
			  : get_body(line, &bytes, &n);

	*has = true;
	return r < 0 ? r : set_bytes(line, to, bytes, n);
}

static int read_details(struct line *line)
{
	return read_bytes(line, false, &line->metadata.has_status_details,
			  &line->metadata.status_details);
}

static int read_details_base64(struct line *line)
{
	return read_bytes(line, true, &line->metadata.has_status_details,
			  &line->metadata.status_details);
}

static bool is_key(const struct json_text *key, const char *name)
{
	return key->n == strlen(name) && memcmp(key->bytes, name, key->n) == 0;
}

static int skip(struct line *line)
{
	return scanned(line, json_scan_skip(&line->scan, DEPTH_MAX));
}

static int read_header_members(struct line *line,
			       Helio__Bus__V1__Header *header)
{
	struct json_text key;
	bool is_first = true;
	int r;

	while ((r = json_scan_member(&line->scan, &is_first, &key)) > 0) {
		if (is_key(&key, "name"))
			r = get_text(line, &header->name);
		else if (is_key(&key, "value"))
			r = read_bytes(line, false, &header->has_value,
				       &header->value);
		else if (is_key(&key, "value_base64"))
			r = read_bytes(line, true, &header->has_value,
				       &header->value);
		else
			r = skip(line);
		if (r < 0)
			return r;
	}
	return scanned(line, r);
}

static int read_header(struct line *line)
{
	Helio__Bus__V1__Metadata *metadata = &line->metadata;
	Helio__Bus__V1__Header *header;
	void *headers;

	if (metadata->n_headers == HEADERS_MAX)
		return fail(line, "too many headers");
	header = arena_alloc(line->arena, sizeof(*header));
	headers = arena_grow(line->arena, metadata->headers,
			     metadata->n_headers, &line->n_headers_max,
			     sizeof(Helio__Bus__V1__Header *));
	if (!header || !headers)
		return arena_error(line->arena);
	helio__bus__v1__header__init(header);
	metadata->headers = headers;
	metadata->headers[metadata->n_headers++] = header;
	return read_header_members(line, header);
}

static int read_headers(struct line *line)
{
	bool is_first = true;
	int r = scanned(line, json_scan_open(&line->scan, '['));

	if (r < 0)
		return r;
	while ((r = json_scan_element(&line->scan, &is_first)) > 0) {
		r = scanned(line, json_scan_open(&line->scan, '{'));
		if (r == 0)
			r = read_header(line);
		if (r < 0)
			return r;
	}
	return scanned(line, r);
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
	{ "schema", read_schema },
	{ "key", read_key },
	{ "content_type", read_content_type },
	{ "traceparent", read_traceparent },
	{ "headers", read_headers },
	{ "body", read_body },
	{ "body_base64", read_body_base64 },
	{ "details", read_details },
	{ "details_base64", read_details_base64 },
};
enum { N_MEMBERS = sizeof(members) / sizeof(*members) };

static int read_member(struct line *line, const struct json_text *key,
		       uint32_t *seen)
{
	for (size_t i = 0; i < N_MEMBERS; i++) {
		if (!is_key(key, members[i].key))
			continue;
		if (*seen & UINT32_C(1) << i)
			return fail(line, "a member comes twice");
		*seen |= UINT32_C(1) << i;
		return members[i].read(line);
	}
	return skip(line);
}

static int read_members(struct line *line)
{
	struct json_text key;
	bool is_first = true;
	uint32_t seen = 0;
	int r = scanned(line, json_scan_open(&line->scan, '{'));

	if (r < 0)
		return r;
	while ((r = json_scan_member(&line->scan, &is_first, &key)) > 0) {
		r = read_member(line, &key, &seen);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = json_scan_end(&line->scan);
	return scanned(line, r);
}

static int pack_metadata(struct line *line)
{
	size_t n = helio__bus__v1__metadata__get_packed_size(&line->metadata);
	uint8_t *bytes;

	if (n == 0)
		return 0;
	if (n > FRAME_METADATA_MAX_BYTES)
		return fail(line, "more than 16 KiB of headers");
	bytes = arena_alloc(line->arena, n);
	if (!bytes)
		return arena_error(line->arena);
	helio__bus__v1__metadata__pack(&line->metadata, bytes);
	line->record->metadata = bytes;
	line->record->n_metadata = n;
	return 0;
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
	r = scanned(&line, json_scan_init(&line.scan, arena, text, n));
	if (r == 0)
		r = read_members(&line);
	if (r < 0)
		return r;
	if (record->sequence == 0 || record->sequence > RUN_SEQUENCE_MAX)
		return fail(&line, "sequence is none");
	if (record->time_ns == 0)
		return fail(&line, "time is missing");
	return pack_metadata(&line);
}
