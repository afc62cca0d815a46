/* SPDX-License-Identifier: MIT */

#include "proto/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/le.h"
#include "proto/run_form.h"
#include "proto/subject.h"

/* In the order of the format; nothing is believed that was not compared. */
int run_head_decode(const void *bytes, size_t n, struct run_head *ret_head)
{
	const uint8_t *at = bytes;
	struct run_head head;

	if (n < RUN_HEAD_BYTES || le32_load(at) != RUN_MAGIC)
		return -EBADMSG;
	head = (struct run_head){
		.n_bytes = le32_load(at + HEAD_LENGTH),
		.base_sequence = le64_load(at + HEAD_SEQUENCE),
		.base_time_ns = le64_load(at + HEAD_TIME),
		.n_records = le32_load(at + HEAD_RECORDS),
		.n_dictionary = le32_load(at + HEAD_DICTIONARY),
		.n_subjects = le16_load(at + HEAD_SUBJECTS),
		.n_sources = le16_load(at + HEAD_SOURCES),
		.n_schemas = le16_load(at + HEAD_SCHEMAS),
	};
	if (head.n_bytes < RUN_HEAD_BYTES || head.n_bytes > RUN_BYTES_MAX ||
	    head.n_dictionary > head.n_bytes - RUN_HEAD_BYTES)
		return -EBADMSG;
	if (!head.n_records || head.n_records > RUN_RECORDS_MAX ||
	    head.n_records >
		    (head.n_bytes - RUN_HEAD_BYTES - head.n_dictionary) /
			    RUN_RECORD_BYTES)
		return -EBADMSG;
	/* Each record has a subject and a source. */
	if (!head.n_subjects || !head.n_sources)
		return -EBADMSG;
	if (!head.base_sequence || head.base_sequence > RUN_SEQUENCE_MAX ||
	    head.base_time_ns > INT64_MAX || le16_load(at + HEAD_ZERO) ||
	    le32_load(at + HEAD_ZERO_TOO))
		return -EBADMSG;
	*ret_head = head;
	return 0;
}

int run_head_check(const void *bytes, size_t n, struct run_head *ret_head)
{
	const uint8_t *at = bytes;
	struct run_head head;
	uint32_t crc;
	int r;

	r = run_head_decode(bytes, n, &head);
	if (r < 0)
		return r;
	if (head.n_bytes > n)
		return -EBADMSG;
	crc = crc32c(0, at, HEAD_CRC);
	crc = crc32c(crc, at + RUN_HEAD_BYTES, head.n_dictionary);
	if (crc != le32_load(at + HEAD_CRC))
		return -EBADMSG;
	*ret_head = head;
	return 0;
}

static int make_places(struct run_reader *reader)
{
	size_t n = (size_t)reader->head.n_subjects + reader->head.n_sources;
	uint32_t *places;

	if (n <= reader->places_max)
		return 0;
	places = reallocarray(reader->places, n, sizeof(*places));
	if (!places)
		return -ENOMEM;
	reader->places = places;
	reader->places_max = n;
	return 0;
}

/* Each is a pattern at least, or nothing; returns where they end, or 0. */
static size_t find_subjects(struct run_reader *reader, size_t end)
{
	const uint8_t *bytes = reader->bytes;
	size_t at = RUN_HEAD_BYTES;

	for (unsigned i = 0; i < reader->head.n_subjects; i++) {
		size_t n;

		if (at == end)
			return 0;
		n = bytes[at];
		if (n >= end - at)
			return 0;
		if (n && !pattern_is_valid((const char *)bytes + at + 1, n))
			return 0;
		reader->places[i] = (uint32_t)at;
		at += 1 + n;
	}
	return at;
}

/* No longer than anybody's is. */
static size_t source_bytes(const uint8_t *at)
{
	size_t n_principal = le16_load(at + SOURCE_PRINCIPAL);
	size_t n_durable_id = le16_load(at + SOURCE_DURABLE);

	if (n_principal > RUN_NAME_MAX || n_durable_id > RUN_NAME_MAX)
		return SIZE_MAX;
	return SOURCE_BYTES + n_principal + n_durable_id;
}

static size_t find_sources(struct run_reader *reader, size_t at, size_t end)
{
	const uint8_t *bytes = reader->bytes;
	uint32_t *places = reader->places + reader->head.n_subjects;

	for (unsigned i = 0; i < reader->head.n_sources; i++) {
		size_t n;

		if (end - at < SOURCE_BYTES)
			return 0;
		n = source_bytes(bytes + at);
		if (n > end - at)
			return 0;
		places[i] = (uint32_t)at;
		at += n;
	}
	return at;
}

int run_reader_begin(struct run_reader *reader, const void *bytes, size_t n)
{
	size_t at, end;
	int r;

	r = run_head_check(bytes, n, &reader->head);
	if (r < 0)
		return r;
	r = make_places(reader);
	if (r < 0)
		return r;
	reader->bytes = bytes;
	end = RUN_HEAD_BYTES + (size_t)reader->head.n_dictionary;
	at = find_subjects(reader, end);
	if (at)
		at = find_sources(reader, at, end);
	if (!at ||
	    end - at != (size_t)reader->head.n_schemas * RUN_SCHEMA_BYTES)
		return -EBADMSG;
	reader->schemas = reader->bytes + at;
	reader->at = end;
	reader->n_left = reader->head.n_records;
	reader->least = 0;
	reader->seed = run_seed(reader->head.base_sequence);
	return 0;
}

void run_reader_deinit(struct run_reader *reader)
{
	free(reader->places);
	*reader = (struct run_reader){ 0 };
}

const char *run_reader_subject(const struct run_reader *reader, uint16_t place,
			       size_t *ret_n)
{
	const uint8_t *at = reader->bytes + reader->places[place];

	*ret_n = *at;
	return (const char *)at + 1;
}

/* What a record has in its dictionary's words; all are in range. */
static void read_words(const struct run_reader *reader, const uint8_t *at,
		       struct run_record *record)
{
	size_t source =
		(size_t)reader->head.n_subjects + le16_load(at + RECORD_SOURCE);
	size_t schema = le16_load(at + RECORD_SCHEMA);

	record->place = le16_load(at + RECORD_SUBJECT);
	record->subject =
		run_reader_subject(reader, record->place, &record->n_subject);
	record->source = run_source_at(reader->bytes + reader->places[source]);
	record->schema =
		schema ? reader->schemas + (schema - 1) * RUN_SCHEMA_BYTES
		       : NULL;
}

/* A record that is as it was written can still be one that nobody may write. */
static bool is_possible(const struct run_reader *reader, const uint8_t *at,
			size_t n)
{
	unsigned kind = at[RECORD_KIND];
	size_t n_before = RUN_RECORD_BYTES + run_n_prefix(kind);

	return kind >= RUN_MESSAGE && kind <= RUN_GAP &&
	       le32_load(at + RECORD_SEQUENCE) >= reader->least &&
	       le16_load(at + RECORD_SUBJECT) < reader->head.n_subjects &&
	       le16_load(at + RECORD_SOURCE) < reader->head.n_sources &&
	       le16_load(at + RECORD_SCHEMA) <= reader->head.n_schemas &&
	       n_before <= n && le16_load(at + RECORD_METADATA) <= n - n_before;
}

static void read_record(const struct run_reader *reader, const uint8_t *at,
			size_t n, struct run_record *record)
{
	size_t n_metadata = le16_load(at + RECORD_METADATA);
	const uint8_t *body = at + RUN_RECORD_BYTES + n_metadata;
	size_t n_prefix = run_n_prefix(at[RECORD_KIND]);
	uint64_t first = n_prefix ? le64_load(body) : 0;

	*record = (struct run_record){
		.sequence = reader->head.base_sequence +
			    le32_load(at + RECORD_SEQUENCE),
		.time_ns = reader->head.base_time_ns +
			   (uint64_t)le32_load(at + RECORD_TIME) * NS_PER_MICRO,
		.kind = (enum run_kind)at[RECORD_KIND],
		.flags = at[RECORD_FLAGS],
		.status = le16_load(at + RECORD_STATUS),
		.metadata = at + RUN_RECORD_BYTES,
		.n_metadata = n_metadata,
		.body = body + n_prefix,
		.n_body = n - RUN_RECORD_BYTES - n_metadata - n_prefix,
		.slot = at[RECORD_KIND] == RUN_GAP ? 0 : first,
		.n_lost = at[RECORD_KIND] == RUN_GAP ? first : 0,
	};
	read_words(reader, at, record);
}

int run_reader_next(struct run_reader *reader, struct run_record *ret_record)
{
	const uint8_t *at = reader->bytes + reader->at;
	size_t n_left = reader->head.n_bytes - reader->at;
	size_t n;

	if (!reader->n_left)
		return n_left ? -EBADMSG : 0;
	if (n_left < RUN_RECORD_BYTES)
		return -EBADMSG;
	n = le32_load(at);
	if (n < RUN_RECORD_BYTES || n > n_left ||
	    crc32c(reader->seed, at + RECORD_SEQUENCE, n - RECORD_SEQUENCE) !=
		    le32_load(at + RECORD_CRC) ||
	    !is_possible(reader, at, n))
		return -EBADMSG;
	read_record(reader, at, n, ret_record);
	reader->least = (uint64_t)le32_load(at + RECORD_SEQUENCE) + 1;
	reader->at += n;
	reader->n_left--;
	return 1;
}
