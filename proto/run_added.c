/* SPDX-License-Identifier: MIT */

/* What was added to a run in the making: looked at, and changed. */

#include <string.h>

#include "proto/run.h"
#include "proto/run_form.h"
#include "proto/run_words.h"

bool run_builder_next(const struct run_builder *builder, size_t *at,
		      struct run_added *ret_added)
{
	const uint8_t *record = builder->records + *at;
	size_t n_metadata;

	if (*at == builder->n_bytes)
		return false;
	n_metadata = le16_load(record + RECORD_METADATA);
	*ret_added = (struct run_added){
		.sequence = le32_load(record + RECORD_SEQUENCE),
		.source = le16_load(record + RECORD_SOURCE),
		.flags = record[RECORD_FLAGS],
		.n_bytes = le32_load(record),
		.body = record + RUN_RECORD_BYTES + n_metadata,
		.n_body = le32_load(record) - RUN_RECORD_BYTES - n_metadata,
	};
	*at += ret_added->n_bytes;
	return true;
}

uint16_t run_builder_n_subjects(const struct run_builder *builder)
{
	return (uint16_t)builder->subjects->n_words;
}

const char *run_builder_subject(const struct run_builder *builder,
				uint16_t place, size_t *ret_n,
				struct run_use *ret_use)
{
	const struct run_word *word = &builder->subjects->words[place];

	*ret_n = word->n - 1;
	*ret_use = word->use;
	return (const char *)builder->subjects->bytes + word->at + 1;
}

uint16_t run_builder_n_sources(const struct run_builder *builder)
{
	return (uint16_t)builder->sources->n_words;
}

struct run_source run_builder_source(const struct run_builder *builder,
				     uint16_t place, struct run_use *ret_use)
{
	const struct run_word *word = &builder->sources->words[place];
	const uint8_t *at = builder->sources->bytes + word->at;

	*ret_use = word->use;
	return run_source_at(at);
}

void run_builder_not_before(struct run_builder *builder, uint64_t time_ns)
{
	uint64_t late_us;

	if (builder->base_time_ns >= time_ns)
		return;
	/* Rounded up, or what is after the new base could be before it. */
	late_us = (time_ns - builder->base_time_ns + NS_PER_MICRO - 1) /
		  NS_PER_MICRO;
	builder->base_time_ns = time_ns;
	for (size_t at = 0; at < builder->n_bytes;) {
		uint8_t *record = builder->records + at;
		uint64_t time_us = le32_load(record + RECORD_TIME);

		time_us = time_us > late_us ? time_us - late_us : 0;
		le32_store(record + RECORD_TIME, (uint32_t)time_us);
		builder->last_time_us = (uint32_t)time_us;
		at += le32_load(record);
	}
}

static void forget_uses(struct run_words *words)
{
	for (size_t i = 0; i < words->n_words; i++)
		words->words[i].use = (struct run_use){ 0 };
}

static void count_again(struct run_builder *builder, const uint8_t *record)
{
	uint16_t subject = le16_load(record + RECORD_SUBJECT);
	uint16_t source = le16_load(record + RECORD_SOURCE);
	struct run_use use = run_use_of(record);

	builder->n_records++;
	builder->n_bytes += use.n_bytes;
	builder->last_sequence = le32_load(record + RECORD_SEQUENCE);
	builder->last_time_us = le32_load(record + RECORD_TIME);
	run_words_use(builder->subjects, subject, &use);
	run_words_use(builder->sources, source, &use);
}

void run_builder_remove(struct run_builder *builder, const uint32_t *places,
			size_t n_places)
{
	uint32_t n_records = builder->n_records;
	uint8_t *from = builder->records;
	size_t n_gone = 0;

	forget_uses(builder->subjects);
	forget_uses(builder->sources);
	builder->n_records = 0;
	builder->n_bytes = 0;
	for (uint32_t place = 0; place < n_records; place++) {
		uint8_t *to = builder->records + builder->n_bytes;
		size_t n = le32_load(from);

		if (n_gone < n_places && places[n_gone] == place) {
			n_gone++;
		} else {
			le32_store(from + RECORD_SEQUENCE,
				   le32_load(from + RECORD_SEQUENCE) -
					   (uint32_t)n_gone);
			memmove(to, from, n);
			count_again(builder, to);
		}
		from += n;
	}
	if (!builder->n_records)
		run_builder_clear(builder);
}
