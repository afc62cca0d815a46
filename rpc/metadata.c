/* SPDX-License-Identifier: MIT */

#include "rpc/metadata.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"

/* UNPACK_FIELDS_MAX headers of nothing, unpacked and then handed on. */
enum { ARENA_BYTES = 320 * 1024 };

/* The fields' numbers are those of control.proto. */
enum {
	FIELD_IDEMPOTENCY_KEY = 1,
	FIELD_TRACEPARENT = 2,
	FIELD_SCHEMA_HASH = 3,
	FIELD_CONTENT_TYPE = 4,
	FIELD_HEADERS = 5,
	FIELD_STATUS_DETAILS = 6,
	FIELD_EXPECTED_SEQUENCE = 7,
	FIELD_HEADER_NAME = 1,
	FIELD_HEADER_VALUE = 2,
};

/* Counts on when there is no more room, so that one check at the end does. */
struct writer {
	uint8_t *out;
	size_t n;
};

static size_t varint_bytes(size_t value)
{
	size_t n = 1;

	for (; value >= 0x80; value >>= 7)
		n++;
	return n;
}

static size_t field_bytes(size_t n)
{
	return 1 + varint_bytes(n) + n;
}

static void write_bytes(struct writer *writer, const void *bytes, size_t n)
{
	if (writer->n + n <= FRAME_METADATA_MAX_BYTES && n)
		memcpy(writer->out + writer->n, bytes, n);
	writer->n += n;
}

/* A key, which is a byte for our numbers, and the varint that follows it. */
static void write_varint(struct writer *writer, unsigned key, uint64_t value)
{
	uint8_t bytes[11] = { (uint8_t)key };
	size_t n = 1;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	write_bytes(writer, bytes, n);
}

/* The key of a length-delimited field (protobuf's wire type 2), and length. */
static void write_key(struct writer *writer, unsigned number, size_t n)
{
	write_varint(writer, number << 3 | 2, n);
}

static void write_text(struct writer *writer, unsigned number, const char *text)
{
	if (!text)
		return;
	write_key(writer, number, strlen(text));
	write_bytes(writer, text, strlen(text));
}

/* A field that is a number (protobuf's wire type 0). */
static void write_number(struct writer *writer, unsigned number, uint64_t value)
{
	write_varint(writer, number << 3, value);
}

static void write_header(struct writer *writer,
			 const struct helio_header *header)
{
	size_t n_name = strlen(header->name);

	write_key(writer, FIELD_HEADERS,
		  field_bytes(n_name) + field_bytes(header->n_value));
	write_text(writer, FIELD_HEADER_NAME, header->name);
	write_key(writer, FIELD_HEADER_VALUE, header->n_value);
	write_bytes(writer, header->value, header->n_value);
}

/* Stops as soon as it is too long, and so long before `n` can overflow. */
int metadata_encode(const struct metadata *metadata,
		    uint8_t out[FRAME_METADATA_MAX_BYTES])
{
	struct writer writer = { .out = out };

	write_text(&writer, FIELD_IDEMPOTENCY_KEY, metadata->idempotency_key);
	write_text(&writer, FIELD_TRACEPARENT, metadata->traceparent);
	if (metadata->schema_hash) {
		write_key(&writer, FIELD_SCHEMA_HASH, METADATA_HASH_BYTES);
		write_bytes(&writer, metadata->schema_hash,
			    METADATA_HASH_BYTES);
	}
	write_text(&writer, FIELD_CONTENT_TYPE, metadata->content_type);
	for (size_t i = 0; i < metadata->n_headers; i++) {
		if (metadata->headers[i].n_value > FRAME_METADATA_MAX_BYTES)
			return -E2BIG;
		write_header(&writer, &metadata->headers[i]);
		if (writer.n > FRAME_METADATA_MAX_BYTES)
			return -E2BIG;
	}
	if (metadata->n_details > FRAME_METADATA_MAX_BYTES)
		return -E2BIG;
	if (metadata->details) {
		write_key(&writer, FIELD_STATUS_DETAILS, metadata->n_details);
		write_bytes(&writer, metadata->details, metadata->n_details);
	}
	if (metadata->has_expected)
		write_number(&writer, FIELD_EXPECTED_SEQUENCE,
			     metadata->expected_sequence);
	return writer.n > FRAME_METADATA_MAX_BYTES ? -E2BIG : (int)writer.n;
}

void metadata_reader_deinit(struct metadata_reader *reader)
{
	free(reader->arena);
	free(reader->copy);
	*reader = (struct metadata_reader){ 0 };
}

static int make_room(struct metadata_reader *reader)
{
	if (!reader->copy)
		reader->copy = malloc(FRAME_METADATA_MAX_BYTES);
	if (!reader->arena)
		reader->arena = malloc(ARENA_BYTES);
	return reader->copy && reader->arena ? 0 : -ENOMEM;
}

/* The rest of the arena takes the headers in the form that programs see. */
static int hand_headers_on(const Helio__Bus__V1__Metadata *metadata,
			   struct unpack_arena *arena,
			   struct helio_message *message)
{
	size_t start = (arena->n_used + 15) & ~(size_t)15;
	struct helio_header *headers = (void *)(arena->bytes + start);

	if (start + metadata->n_headers * sizeof(*headers) > arena->n_bytes)
		return -EBADMSG;
	for (size_t i = 0; i < metadata->n_headers; i++) {
		const Helio__Bus__V1__Header *header = metadata->headers[i];

		headers[i] = (struct helio_header){
			.name = header->name ? header->name : "",
			.value = header->value.data,
			.n_value = header->value.len,
		};
	}
	message->headers = headers;
	message->n_headers = metadata->n_headers;
	return 0;
}

int metadata_decode(struct metadata_reader *reader, const uint8_t *bytes,
		    size_t n, struct helio_message *message)
{
	struct unpack_arena arena = { .n_bytes = ARENA_BYTES };
	const Helio__Bus__V1__Metadata *metadata;
	ProtobufCMessage *unpacked;
	int r;

	reader->details = NULL;
	reader->n_details = 0;
	r = make_room(reader);
	if (r < 0)
		return r;
	arena.bytes = reader->arena;
	memcpy(reader->copy, bytes, n);
	r = unpack(&helio__bus__v1__metadata__descriptor, reader->copy, n,
		   &arena, &unpacked);
	if (r)
		return -EBADMSG;

	metadata = (const Helio__Bus__V1__Metadata *)unpacked;
	r = hand_headers_on(metadata, &arena, message);
	if (r < 0)
		return r;
	message->idempotency_key = metadata->idempotency_key;
	message->content_type = metadata->content_type;
	message->traceparent = metadata->traceparent;
	message->metadata = reader->copy;
	message->n_metadata = n;
	if (metadata->schema_hash.len == METADATA_HASH_BYTES)
		message->schema_hash = metadata->schema_hash.data;
	message->has_expected = metadata->has_expected_sequence;
	message->expected_sequence = metadata->expected_sequence;
	if (metadata->has_status_details) {
		reader->details = metadata->status_details.data;
		reader->n_details = metadata->status_details.len;
	}
	return 0;
}
