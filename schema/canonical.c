/* SPDX-License-Identifier: MIT */

#include "schema/canonical.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/files.h"
#include "schema/wire.h"

/*
 * What a field of descriptor.proto holds: bytes that are kept as they stand,
 * or a message whose fields are put in order.
 */
enum kind {
	BYTES,
	PLAIN, /* a message in which nothing else is put in order */
	FILE_OPTIONS,
	FILE_,
	MESSAGE,
	FIELD,
	ONEOF,
	ENUM,
	VALUE,
	SERVICE,
	METHOD,
	RANGE, /* of extensions */
	N_KINDS,
};

enum {
	NESTED_MAX = 10,
	FIELDS_MAX = 256 * 1024, /* of a message and those that it is in */

	FILE_SOURCE_CODE_INFO = 9,
	FILE_SYNTAX = 12,
	FIELD_NAME = 1,
	FIELD_JSON_NAME = 10,
};

/* By the number of the field that they stand in. */
static const uint8_t nested[N_KINDS][NESTED_MAX] = {
	[FILE_] = { [4] = MESSAGE,
		    [5] = ENUM,
		    [6] = SERVICE,
		    [7] = FIELD,
		    [8] = FILE_OPTIONS },
	[MESSAGE] = { [2] = FIELD,
		      [3] = MESSAGE,
		      [4] = ENUM,
		      [5] = RANGE,
		      [6] = FIELD,
		      [7] = PLAIN,
		      [8] = ONEOF,
		      [9] = PLAIN },
	[FIELD] = { [8] = PLAIN },
	[ONEOF] = { [2] = PLAIN },
	[ENUM] = { [2] = VALUE, [3] = PLAIN, [4] = PLAIN },
	[VALUE] = { [3] = PLAIN },
	[SERVICE] = { [2] = METHOD, [3] = PLAIN },
	[METHOD] = { [4] = PLAIN },
	[RANGE] = { [3] = PLAIN },
};

/* Options of a file that only tell generators of code what to do. */
static const uint8_t for_generators[] = { 1,  8,  9,  10, 11, 16, 17,
					  18, 20, 27, 31, 36, 37, 39,
					  40, 41, 42, 44, 45 };

struct entry {
	struct wire_field field;
	size_t position; /* in the message, for those of the same number */
};

struct writer {
	uint8_t *bytes; /* CANONICAL_BYTES_MAX of them */
	size_t n;

	/* The fields of the message that is written, after those around it. */
	struct entry *entries;
	size_t n_entries;
	size_t n_allocated;

	struct canonical_reason *reason;
};

static int refuse(const struct writer *writer, const char *text)
{
	snprintf(writer->reason->text, sizeof(writer->reason->text), "%s",
		 text);
	return -EBADMSG;
}

static int add_entry(struct writer *writer, const struct wire_field *field)
{
	if (writer->n_entries == FIELDS_MAX)
		return refuse(writer, "too many fields");
	if (writer->n_entries == writer->n_allocated) {
		size_t n = writer->n_allocated ? 2 * writer->n_allocated : 256;
		struct entry *entries;

		entries = reallocarray(writer->entries, n, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		writer->entries = entries;
		writer->n_allocated = n;
	}
	writer->entries[writer->n_entries] = (struct entry){
		.field = *field,
		.position = writer->n_entries,
	};
	writer->n_entries++;
	return 0;
}

static int entry_compare(const void *a, const void *b)
{
	const struct entry *one = a;
	const struct entry *two = b;

	if (one->field.number != two->field.number)
		return one->field.number < two->field.number ? -1 : 1;
	return one->position < two->position ? -1 : 1;
}

static int gather(struct writer *writer, const uint8_t *bytes, size_t n)
{
	struct wire wire = { .at = bytes, .end = bytes + n };
	size_t first = writer->n_entries;
	struct wire_field field;
	int r;

	while ((r = wire_next(&wire, &field)) > 0) {
		r = add_entry(writer, &field);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return refuse(writer, "malformed protobuf");
	qsort(writer->entries + first, writer->n_entries - first,
	      sizeof(*writer->entries), entry_compare);
	return 0;
}

static int put(struct writer *writer, const uint8_t *bytes, size_t n)
{
	if (n > CANONICAL_BYTES_MAX - writer->n)
		return refuse(writer, "more than 256 KiB");
	memcpy(writer->bytes + writer->n, bytes, n);
	writer->n += n;
	return 0;
}

static int put_varint(struct writer *writer, uint64_t value)
{
	uint8_t bytes[VARINT_BYTES_MAX];

	return put(writer, bytes, wire_put_varint(bytes, value));
}

/* What was written from `start` on gets its length before it. */
static int put_length(struct writer *writer, size_t start)
{
	uint8_t bytes[VARINT_BYTES_MAX];
	size_t n_body = writer->n - start;
	size_t n = wire_put_varint(bytes, n_body);

	if (n > CANONICAL_BYTES_MAX - writer->n)
		return refuse(writer, "more than 256 KiB");
	memmove(writer->bytes + start + n, writer->bytes + start, n_body);
	memcpy(writer->bytes + start, bytes, n);
	writer->n += n;
	return 0;
}

/* protoc makes it of the name: underscores go, what follows is a capital. */
static bool is_default_json_name(const struct wire_field *name,
				 const struct wire_field *json)
{
	bool is_capital = false;
	size_t at = 0;

	for (size_t i = 0; i < name->n; i++) {
		uint8_t c = name->bytes[i];

		if (c == '_') {
			is_capital = true;
			continue;
		}
		if (is_capital && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		is_capital = false;
		if (at == json->n || json->bytes[at++] != c)
			return false;
	}
	return at == json->n;
}

/* The entry of a field's name, which sorting has brought to the front. */
static const struct wire_field *name_of(const struct writer *writer,
					size_t first)
{
	const struct wire_field *name = NULL;

	for (size_t i = first; i < writer->n_entries &&
			       writer->entries[i].field.number == FIELD_NAME;
	     i++)
		name = &writer->entries[i].field;
	return name;
}

static bool is_for_generators(uint32_t number)
{
	for (size_t i = 0; i < sizeof(for_generators); i++)
		if (for_generators[i] == number)
			return true;
	return false;
}

/* Whether a field says nothing but where it came from, or what goes unsaid. */
static bool is_left_out(const struct writer *writer, enum kind kind,
			size_t first, const struct wire_field *field)
{
	const struct wire_field *name;

	if (kind == FILE_ && field->number == FILE_SYNTAX)
		return field->n == 6 && !memcmp(field->bytes, "proto2", 6);
	if (kind == FILE_)
		return field->number == FILE_SOURCE_CODE_INFO;
	if (kind == FILE_OPTIONS)
		return is_for_generators(field->number);
	if (kind != FIELD || field->number != FIELD_JSON_NAME ||
	    field->type != WIRE_BYTES)
		return false;
	name = name_of(writer, first);
	return name && name->type == WIRE_BYTES &&
	       is_default_json_name(name, field);
}

static int put_message(struct writer *writer, enum kind kind,
		       const struct wire_field *message, unsigned depth);

static int put_field(struct writer *writer, enum kind kind,
		     const struct wire_field *field, unsigned depth)
{
	enum kind inner = BYTES;
	size_t start = writer->n;
	int r;

	if (field->number < NESTED_MAX)
		inner = (enum kind)nested[kind][field->number];
	r = put_varint(writer, (uint64_t)field->number << 3 | field->type);
	if (r < 0)
		return r;
	if (inner != BYTES && field->type != WIRE_BYTES)
		return refuse(writer, "a message is none");
	if (inner != BYTES) {
		r = put_message(writer, inner, field, depth + 1);
		/* Nothing is left: a key and a length of zero. */
		if (inner == FILE_OPTIONS && writer->n - start == 2)
			writer->n = start;
		return r;
	}
	if (field->type == WIRE_VARINT)
		return put_varint(writer, field->varint);
	if (field->type == WIRE_BYTES)
		r = put_varint(writer, field->n);
	return r < 0 ? r : put(writer, field->bytes, field->n);
}

/* Length and fields of a message; `depth` bounds the recursion. */
static int put_message(struct writer *writer, enum kind kind,
		       const struct wire_field *message, unsigned depth)
{
	size_t first = writer->n_entries;
	size_t start = writer->n;
	int r;

	if (depth > CANONICAL_DEPTH_MAX)
		return refuse(writer, "messages nested too deeply");
	r = gather(writer, message->bytes, message->n);
	for (size_t i = first; r >= 0 && i < writer->n_entries; i++) {
		/* The array may move while those inside are gathered. */
		struct wire_field field = writer->entries[i].field;

		if (!is_left_out(writer, kind, first, &field))
			r = put_field(writer, kind, &field, depth);
	}
	writer->n_entries = first;
	return r < 0 ? r : put_length(writer, start);
}

static int put_files(struct writer *writer, const struct files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct file *file = &files->files[i];
		const struct wire_field field = {
			.bytes = file->bytes,
			.n = file->n_bytes,
		};
		int r;

		if (!file->is_reached)
			continue;
		r = put_varint(writer, 1 << 3 | WIRE_BYTES);
		if (r >= 0)
			r = put_message(writer, FILE_, &field, 2);
		if (r < 0)
			return r;
	}
	return 0;
}

int canonical_hash(const uint8_t *bytes, size_t n,
		   uint8_t ret_hash[CANONICAL_HASH_BYTES])
{
	return EVP_Digest(bytes, n, ret_hash, NULL, EVP_sha256(), NULL)
		       ? 0
		       : -ENOMEM;
}

/* The result has only the bytes that it needs. */
static int finish(struct writer *writer, struct canonical *canonical)
{
	struct canonical whole = { .n_set = writer->n };

	if (canonical_hash(writer->bytes, writer->n, whole.hash) < 0)
		return -ENOMEM;
	whole.set = realloc(writer->bytes, writer->n);
	if (!whole.set)
		return -ENOMEM;
	writer->bytes = NULL;
	*canonical = whole;
	return 0;
}

static int write_files(struct canonical *canonical, const struct files *files,
		       struct canonical_reason *ret_reason)
{
	struct writer writer = { .reason = ret_reason };
	int r;

	writer.bytes = malloc(CANONICAL_BYTES_MAX);
	r = writer.bytes ? put_files(&writer, files) : -ENOMEM;
	if (r >= 0)
		r = finish(&writer, canonical);
	free(writer.entries);
	free(writer.bytes);
	return r;
}

int canonical_init(struct canonical *canonical, const uint8_t *bytes, size_t n,
		   const char *package, struct canonical_reason *ret_reason)
{
	struct files files = { 0 };
	int r;

	if (n > CANONICAL_INPUT_MAX) {
		snprintf(ret_reason->text, sizeof(ret_reason->text),
			 "more than 16 MiB");
		return -EBADMSG;
	}
	r = files_init(&files, bytes, n, ret_reason);
	if (r >= 0)
		r = files_reach(&files, package, ret_reason);
	if (r >= 0)
		r = write_files(canonical, &files, ret_reason);
	files_deinit(&files);
	return r;
}

void canonical_deinit(struct canonical *canonical)
{
	free(canonical->set);
	*canonical = (struct canonical){ 0 };
}
