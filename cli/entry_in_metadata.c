/* SPDX-License-Identifier: MIT */

#include "cli/entry_in_inside.h"
#include "cli/registry.h"
#include "proto/frame.h"

enum { HEADERS_MAX = 2048 };

int entry_in_read_schema(struct line *line)
{
	uint8_t *hash = arena_alloc(line->arena, REGISTRY_HASH_BYTES);
	char *text;
	int r = entry_in_text(line, &text);

	if (r < 0)
		return r;
	if (!hash)
		return arena_error(line->arena);
	if (registry_parse_hash(text, hash) < 0)
		return entry_in_fail(line, "schema has 64 hexadecimal digits");
	line->record->schema = hash;
	line->metadata.has_schema_hash = true;
	line->metadata.schema_hash =
		(ProtobufCBinaryData){ REGISTRY_HASH_BYTES, hash };
	return 0;
}

int entry_in_read_key(struct line *line)
{
	line->record->flags |= RUN_HAS_KEY;
	return entry_in_text(line, &line->metadata.idempotency_key);
}

int entry_in_read_content_type(struct line *line)
{
	return entry_in_text(line, &line->metadata.content_type);
}

int entry_in_read_traceparent(struct line *line)
{
	return entry_in_text(line, &line->metadata.traceparent);
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
	int r = is_base64 ? entry_in_base64(line, &bytes, &n)
			  : entry_in_bytes(line, &bytes, &n);

	*has = true;
	return r < 0 ? r : set_bytes(line, to, bytes, n);
}

int entry_in_read_details(struct line *line)
{
	return read_bytes(line, false, &line->metadata.has_status_details,
			  &line->metadata.status_details);
}

int entry_in_read_details_base64(struct line *line)
{
	return read_bytes(line, true, &line->metadata.has_status_details,
			  &line->metadata.status_details);
}

static int read_header_members(struct line *line,
			       Helio__Bus__V1__Header *header)
{
	struct json_text key;
	bool is_first = true;
	int r;

	while ((r = json_scan_member(&line->scan, &is_first, &key)) > 0) {
		if (entry_in_is_key(&key, "name"))
			r = entry_in_text(line, &header->name);
		else if (entry_in_is_key(&key, "value"))
			r = read_bytes(line, false, &header->has_value,
				       &header->value);
		else if (entry_in_is_key(&key, "value_base64"))
			r = read_bytes(line, true, &header->has_value,
				       &header->value);
		else
			r = entry_in_skip(line);
		if (r < 0)
			return r;
	}
	return entry_in_scanned(line, r);
}

static int read_header(struct line *line)
{
	Helio__Bus__V1__Metadata *metadata = &line->metadata;
	Helio__Bus__V1__Header *header;
	void *headers;

	if (metadata->n_headers == HEADERS_MAX)
		return entry_in_fail(line, "too many headers");
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

int entry_in_read_headers(struct line *line)
{
	bool is_first = true;
	int r = entry_in_scanned(line, json_scan_open(&line->scan, '['));

	if (r < 0)
		return r;
	while ((r = json_scan_element(&line->scan, &is_first)) > 0) {
		r = entry_in_scanned(line, json_scan_open(&line->scan, '{'));
		if (r == 0)
			r = read_header(line);
		if (r < 0)
			return r;
	}
	return entry_in_scanned(line, r);
}

int entry_in_pack(struct line *line)
{
	size_t n = helio__bus__v1__metadata__get_packed_size(&line->metadata);
	uint8_t *bytes;

	if (n == 0)
		return 0;
	if (n > FRAME_METADATA_MAX_BYTES)
		return entry_in_fail(line, "more than 16 KiB of headers");
	bytes = arena_alloc(line->arena, n);
	if (!bytes)
		return arena_error(line->arena);
	helio__bus__v1__metadata__pack(&line->metadata, bytes);
	line->record->metadata = bytes;
	line->record->n_metadata = n;
	return 0;
}
