/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/run.h"
#include "proto/run_form.h"
#include "proto/run_words.h"

enum {
	BYTES_FIRST = 4096,
	SUBJECT_BYTES_MAX = 255,
};

/* `from` may be NULL if there is nothing. */
static uint8_t *put(uint8_t *at, const void *from, size_t n)
{
	if (n)
		memcpy(at, from, n);
	return at + n;
}

int run_builder_init(struct run_builder *builder)
{
	int r;

	*builder = (struct run_builder){ 0 };
	r = run_words_new(&builder->subjects);
	if (r >= 0)
		r = run_words_new(&builder->sources);
	if (r >= 0)
		r = run_words_new(&builder->schemas);
	if (r < 0)
		run_builder_deinit(builder);
	return r;
}

void run_builder_deinit(struct run_builder *builder)
{
	run_words_free(builder->subjects);
	run_words_free(builder->sources);
	run_words_free(builder->schemas);
	free(builder->records);
	free(builder->dictionary);
	*builder = (struct run_builder){ 0 };
}

void run_builder_clear(struct run_builder *builder)
{
	run_words_clear(builder->subjects);
	run_words_clear(builder->sources);
	run_words_clear(builder->schemas);
	builder->n_bytes = 0;
	builder->n_records = 0;
	builder->base_time_ns = 0;
	builder->first_sequence = 0;
	builder->last_sequence = 0;
	builder->last_time_us = 0;
}

static size_t n_dictionary(const struct run_builder *builder)
{
	return builder->subjects->n_bytes + builder->sources->n_bytes +
	       builder->schemas->n_bytes;
}

size_t run_builder_bytes(const struct run_builder *builder)
{
	return RUN_HEAD_BYTES + n_dictionary(builder) + builder->n_bytes;
}

uint64_t run_builder_last_ns(const struct run_builder *builder)
{
	return builder->base_time_ns +
	       (uint64_t)builder->last_time_us * NS_PER_MICRO;
}

/* ---- adding ---- */

size_t run_record_bytes(const struct run_record *record)
{
	return RUN_RECORD_BYTES + record->n_metadata +
	       run_n_prefix(record->kind) + record->n_body;
}

static bool fits_any(const struct run_record *record)
{
	size_t n_words = record->n_subject + record->source.n_principal +
			 record->source.n_durable_id;

	return record->n_subject <= SUBJECT_BYTES_MAX &&
	       record->source.n_principal <= RUN_NAME_MAX &&
	       record->source.n_durable_id <= RUN_NAME_MAX &&
	       record->n_metadata <= UINT16_MAX &&
	       record->n_body <= RUN_BYTES_MAX &&
	       run_record_bytes(record) + n_words <=
		       RUN_BYTES_MAX - RUN_HEAD_BYTES - SOURCE_BYTES -
			       RUN_SCHEMA_BYTES - 1;
}

/* What it stands at in this run, after the first. */
static int find_offsets(const struct run_builder *builder,
			const struct run_record *record, uint32_t *ret_sequence,
			uint32_t *ret_time_us)
{
	uint64_t last = builder->first_sequence + builder->last_sequence;
	uint64_t time = 0, sequence = 0;

	if (builder->n_records) {
		sequence = (uint64_t)builder->last_sequence + 1;
		if (record->sequence > last)
			sequence = record->sequence - builder->first_sequence;
		if (record->time_ns > builder->base_time_ns)
			time = record->time_ns - builder->base_time_ns;
	}
	if (sequence > UINT32_MAX || time > RUN_SPAN_MAX_NS)
		return -EMSGSIZE;
	time /= NS_PER_MICRO;
	if (time < builder->last_time_us)
		time = builder->last_time_us;
	*ret_sequence = (uint32_t)sequence;
	*ret_time_us = (uint32_t)time;
	return 0;
}

static int make_room(struct run_builder *builder, size_t n)
{
	size_t n_max = builder->n_bytes_max;
	uint8_t *records;

	if (n <= n_max - builder->n_bytes)
		return 0;
	n_max = n_max ? n_max : BYTES_FIRST;
	while (n_max - builder->n_bytes < n)
		n_max *= 2;
	records = realloc(builder->records, n_max);
	if (!records)
		return -ENOMEM;
	builder->records = records;
	builder->n_bytes_max = n_max;
	return 0;
}

/* Both may be NULL if there is nothing. */
static bool is_same(const void *a, const void *b, size_t n)
{
	return !n || !memcmp(a, b, n);
}

/*
 * Most records have the words of the last. Those are looked at where they are:
 * to compare bytes just after they were put together stalls the processor.
 */
static int add_subject(struct run_builder *builder,
		       const struct run_record *record, uint16_t *ret_place)
{
	const uint8_t *last = run_words_last(builder->subjects);
	uint8_t word[1 + SUBJECT_BYTES_MAX];

	if (last && *last == record->n_subject &&
	    is_same(last + 1, record->subject, record->n_subject)) {
		*ret_place = (uint16_t)builder->subjects->last;
		return 0;
	}
	word[0] = (uint8_t)record->n_subject;
	put(word + 1, record->subject, record->n_subject);
	return run_words_add(builder->subjects, word, 1 + record->n_subject,
			     ret_place);
}

static bool is_source(const uint8_t *word, const struct run_source *source)
{
	struct run_source known = run_source_at(word);

	return known.incarnation == source->incarnation &&
	       known.n_principal == source->n_principal &&
	       known.n_durable_id == source->n_durable_id &&
	       is_same(known.principal, source->principal, known.n_principal) &&
	       is_same(known.durable_id, source->durable_id,
		       known.n_durable_id);
}

static int add_source(struct run_builder *builder,
		      const struct run_source *source, uint16_t *ret_place)
{
	const uint8_t *last = run_words_last(builder->sources);
	uint8_t word[SOURCE_BYTES + 2 * RUN_NAME_MAX];

	if (last && is_source(last, source)) {
		*ret_place = (uint16_t)builder->sources->last;
		return 0;
	}
	le64_store(word, source->incarnation);
	le16_store(word + SOURCE_PRINCIPAL, (uint16_t)source->n_principal);
	le16_store(word + SOURCE_DURABLE, (uint16_t)source->n_durable_id);
	put(put(word + SOURCE_BYTES, source->principal, source->n_principal),
	    source->durable_id, source->n_durable_id);
	return run_words_add(builder->sources, word,
			     SOURCE_BYTES + source->n_principal +
				     source->n_durable_id,
			     ret_place);
}

/* The places of a record's words; schemas are counted from 1. */
struct places {
	uint16_t subject, source, schema;
};

static int add_words(struct run_builder *builder,
		     const struct run_record *record, struct places *ret)
{
	int r;

	*ret = (struct places){ 0 };
	r = add_subject(builder, record, &ret->subject);
	if (r < 0)
		return r;
	r = add_source(builder, &record->source, &ret->source);
	if (r < 0 || !record->schema)
		return r;
	r = run_words_add(builder->schemas, record->schema, RUN_SCHEMA_BYTES,
			  &ret->schema);
	ret->schema++;
	return r;
}

static void write_content(uint8_t *at, const struct run_record *record)
{
	bool is_gap = record->kind == RUN_GAP;

	at = put(at, record->metadata, record->n_metadata);
	if (record->kind != RUN_MESSAGE) {
		le64_store(at, is_gap ? record->n_lost : record->slot);
		le64_store(at + 8, 0);
		at += RUN_PREFIX_BYTES;
	}
	put(at, record->body, record->n_body);
}

/* The checksum is drawn at the end, when the base is known. */
static void write_record(struct run_builder *builder,
			 const struct run_record *record,
			 const struct places *places)
{
	uint8_t *at = builder->records + builder->n_bytes;
	size_t n = run_record_bytes(record);
	struct run_use use;

	le32_store(at, (uint32_t)n);
	le32_store(at + RECORD_SEQUENCE, builder->last_sequence);
	le32_store(at + RECORD_TIME, builder->last_time_us);
	le16_store(at + RECORD_SUBJECT, places->subject);
	le16_store(at + RECORD_SOURCE, places->source);
	le16_store(at + RECORD_SCHEMA, places->schema);
	le16_store(at + RECORD_METADATA, (uint16_t)record->n_metadata);
	at[RECORD_KIND] = (uint8_t)record->kind;
	at[RECORD_FLAGS] = record->flags;
	le16_store(at + RECORD_STATUS, record->status);
	write_content(at + RUN_RECORD_BYTES, record);
	builder->n_bytes += n;
	builder->n_records++;
	use = run_use_of(at);
	run_words_use(builder->subjects, places->subject, &use);
	run_words_use(builder->sources, places->source, &use);
}

int run_builder_add(struct run_builder *builder,
		    const struct run_record *record)
{
	size_t n_subjects = builder->subjects->n_words;
	size_t n_sources = builder->sources->n_words;
	size_t n_schemas = builder->schemas->n_words;
	uint32_t sequence, time_us;
	struct places places;
	int r;

	if (!fits_any(record))
		return -EINVAL;
	if (builder->n_records == RUN_RECORDS_MAX)
		return -EMSGSIZE;
	r = find_offsets(builder, record, &sequence, &time_us);
	if (r < 0)
		return r;
	r = make_room(builder, run_record_bytes(record));
	if (r < 0)
		return r;
	r = add_words(builder, record, &places);
	if (r >= 0 && run_builder_bytes(builder) + run_record_bytes(record) >
			      RUN_BYTES_MAX)
		r = -EMSGSIZE;
	if (r < 0) {
		run_words_cut(builder->subjects, n_subjects);
		run_words_cut(builder->sources, n_sources);
		run_words_cut(builder->schemas, n_schemas);
		return r;
	}
	if (!builder->n_records) {
		builder->first_sequence = record->sequence;
		builder->base_time_ns = record->time_ns;
	}
	builder->last_sequence = sequence;
	builder->last_time_us = time_us;
	write_record(builder, record, &places);
	return 0;
}

/* ---- finishing ---- */

static void write_head(struct run_builder *builder, uint64_t base_sequence,
		       uint8_t *at)
{
	size_t n = n_dictionary(builder);

	memset(at, 0, RUN_HEAD_BYTES);
	le32_store(at, RUN_MAGIC);
	le32_store(at + HEAD_LENGTH, (uint32_t)run_builder_bytes(builder));
	le64_store(at + HEAD_SEQUENCE, base_sequence);
	le64_store(at + HEAD_TIME, builder->base_time_ns);
	le32_store(at + HEAD_RECORDS, builder->n_records);
	le32_store(at + HEAD_DICTIONARY, (uint32_t)n);
	le16_store(at + HEAD_SUBJECTS, (uint16_t)builder->subjects->n_words);
	le16_store(at + HEAD_SOURCES, (uint16_t)builder->sources->n_words);
	le16_store(at + HEAD_SCHEMAS, (uint16_t)builder->schemas->n_words);
	le32_store(at + HEAD_CRC,
		   crc32c(crc32c(0, at, HEAD_CRC), at + RUN_HEAD_BYTES, n));
}

static int make_dictionary(struct run_builder *builder)
{
	size_t n = RUN_HEAD_BYTES + n_dictionary(builder);
	uint8_t *at;

	if (n > builder->dictionary_max) {
		at = realloc(builder->dictionary, 2 * n);
		if (!at)
			return -ENOMEM;
		builder->dictionary = at;
		builder->dictionary_max = 2 * n;
	}
	at = put(builder->dictionary + RUN_HEAD_BYTES, builder->subjects->bytes,
		 builder->subjects->n_bytes);
	at = put(at, builder->sources->bytes, builder->sources->n_bytes);
	put(at, builder->schemas->bytes, builder->schemas->n_bytes);
	return 0;
}

int run_builder_finish(struct run_builder *builder, uint64_t base_sequence,
		       const void *ret_pieces[2], size_t ret_lengths[2])
{
	uint32_t seed = run_seed(base_sequence);
	int r;

	r = make_dictionary(builder);
	if (r < 0)
		return r;
	write_head(builder, base_sequence, builder->dictionary);
	for (size_t at = 0; at < builder->n_bytes;) {
		uint8_t *record = builder->records + at;
		size_t n = le32_load(record);

		le32_store(record + RECORD_CRC,
			   crc32c(seed, record + RECORD_SEQUENCE,
				  n - RECORD_SEQUENCE));
		at += n;
	}
	ret_pieces[0] = builder->dictionary;
	ret_lengths[0] = RUN_HEAD_BYTES + n_dictionary(builder);
	ret_pieces[1] = builder->records;
	ret_lengths[1] = builder->n_bytes;
	return 0;
}
