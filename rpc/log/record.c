/* SPDX-License-Identifier: MIT */

#include "rpc/log/record.h"

#include <errno.h>
#include <string.h>

void record_deinit(struct record *record)
{
	metadata_reader_deinit(&record->metadata);
}

static int copy_text(char to[RECORD_TEXT_BYTES], const char *from, size_t n)
{
	if (n >= RECORD_TEXT_BYTES)
		return -EBADMSG;
	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
	return 0;
}

void record_forget(struct record *record)
{
	record->subject_at = NULL;
	record->principal_at = NULL;
}

static int copy_subject(struct record *record, const struct run_record *from)
{
	int r = copy_text(record->subject, from->subject, from->n_subject);

	record->subject_at = r == 0 ? from->subject : NULL;
	return r;
}

static int copy_source(struct record *record, const struct run_source *source)
{
	int r = copy_text(record->principal, source->principal,
			  source->n_principal);

	if (r == 0)
		r = copy_text(record->durable_id, source->durable_id,
			      source->n_durable_id);
	record->principal_at = r == 0 ? source->principal : NULL;
	return r;
}

static int copy_texts(struct record *record, const struct run_record *from)
{
	int r = 0;

	if (from->subject != record->subject_at)
		r = copy_subject(record, from);
	if (r == 0 && from->source.principal != record->principal_at)
		r = copy_source(record, &from->source);
	return r;
}

static int decode_metadata(struct record *record, const struct run_record *from)
{
	int r;

	if (from->n_metadata > FRAME_METADATA_MAX_BYTES)
		return -EBADMSG;
	r = metadata_decode(&record->metadata, from->metadata, from->n_metadata,
			    &record->log.message);
	if (r < 0)
		return r;
	record->log.details = record->metadata.details;
	record->log.n_details = record->metadata.n_details;
	return 0;
}

static bool is_plain(const struct run_record *record)
{
	return record->kind == RUN_MESSAGE && !record->n_metadata;
}

/* Whether it has the words of the last, as most have, and nothing else. */
static bool is_like_last(const struct record *record,
			 const struct run_record *from)
{
	return record->is_plain && is_plain(from) &&
	       from->subject == record->subject_at &&
	       from->source.principal == record->principal_at &&
	       from->schema == record->log.message.schema_hash;
}

static void set_rest(struct record *record, const struct run_record *from)
{
	record->log.sequence = from->sequence;
	record->log.time_ns = from->time_ns;
	record->log.has_key = from->flags & RUN_HAS_KEY;
	record->log.status = from->status;
	record->log.message.body = from->body;
	record->log.message.n_body = from->n_body;
}

int record_set(struct record *record, const struct run_record *from)
{
	int r;

	if (is_like_last(record, from)) {
		set_rest(record, from);
		return 0;
	}
	record->is_plain = is_plain(from);
	r = copy_texts(record, from);
	if (r < 0)
		return r;
	record->log = (struct helio_log_record){
		.sequence = from->sequence,
		.time_ns = from->time_ns,
		.kind = (enum helio_log_kind)from->kind,
		.has_key = from->flags & RUN_HAS_KEY,
		.status = from->status,
		.slot = from->slot,
		.n_lost = from->n_lost,
		.message = { .subject = record->subject,
			     .body = from->body,
			     .n_body = from->n_body,
			     .source = record->principal,
			     .durable_id = record->durable_id,
			     .incarnation = from->source.incarnation },
	};
	r = from->n_metadata ? decode_metadata(record, from) : 0;
	if (from->schema)
		record->log.message.schema_hash = from->schema;
	return r;
}
