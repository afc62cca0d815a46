/* SPDX-License-Identifier: MIT */

#include "logger/answer_columns.h"

#include <string.h>

#include "base/utf8.h"

const struct question_column answer_columns[ANSWER_COLUMNS] = {
	[ANSWER_SEQUENCE] = { .name = "sequence", .type = QUESTION_NUMBER },
	[ANSWER_TIME] = { .name = "time", .type = QUESTION_NUMBER },
	[ANSWER_KIND] = { .name = "kind", .type = QUESTION_TEXT },
	[ANSWER_SUBJECT] = { .name = "subject", .type = QUESTION_TEXT },
	[ANSWER_SOURCE] = { .name = "source", .type = QUESTION_TEXT },
	[ANSWER_DURABLE_ID] = { .name = "durable_id", .type = QUESTION_TEXT },
	[ANSWER_SCHEMA] = { .name = "schema", .type = QUESTION_TEXT },
	[ANSWER_TYPE] = { .name = "type", .type = QUESTION_TEXT },
	[ANSWER_STATUS] = { .name = "status", .type = QUESTION_NUMBER },
	[ANSWER_SLOT] = { .name = "slot", .type = QUESTION_NUMBER },
	[ANSWER_LOST] = { .name = "lost", .type = QUESTION_NUMBER },
	[ANSWER_BODY] = { .name = "body", .type = QUESTION_BYTES },
	[ANSWER_MESSAGE] = { .name = "message", .type = QUESTION_TEXT },
	[ANSWER_RECORD] = { .name = "record",
			    .type = QUESTION_BYTES,
			    .is_hidden = true },
};

static void say_text(struct question_value *value, const void *bytes, size_t n)
{
	value->type = QUESTION_TEXT;
	value->bytes = bytes;
	value->n_bytes = n;
}

static void say_number(struct question_value *value, uint64_t number)
{
	value->type = QUESTION_NUMBER;
	value->number = (int64_t)number;
}

static void say_kind(const struct run_record *record,
		     struct question_value *value)
{
	static const char *const names[] = { "", "message", "call", "reply",
					     "gap" };
	const char *name = record->kind <= RUN_GAP ? names[record->kind] : "";

	say_text(value, name, strlen(name));
}

static void say_schema(const struct run_record *record,
		       char hex[ANSWER_HEX_BYTES], struct question_value *value)
{
	static const char digits[] = "0123456789abcdef";

	if (!record->schema)
		return;
	for (size_t i = 0; i < RUN_SCHEMA_BYTES; i++) {
		hex[2 * i] = digits[record->schema[i] >> 4];
		hex[2 * i + 1] = digits[record->schema[i] & 15];
	}
	say_text(value, hex, ANSWER_HEX_BYTES);
}

static void say_body(const struct run_record *record,
		     struct question_value *value)
{
	say_text(value, record->body, record->n_body);
	if (!utf8_is_valid(record->body, record->n_body))
		value->type = QUESTION_BYTES;
}

/* The numbers: some are of records of a kind. */
static void say_numbers(const struct run_record *record,
			enum answer_column column, struct question_value *value)
{
	bool is_reply = record->kind == RUN_REPLY;

	if (column == ANSWER_SEQUENCE)
		say_number(value, record->sequence);
	else if (column == ANSWER_TIME)
		say_number(value, record->time_ns);
	else if (column == ANSWER_STATUS && is_reply)
		say_number(value, record->status);
	else if (column == ANSWER_SLOT &&
		 (is_reply || record->kind == RUN_CALL))
		say_number(value, record->slot);
	else if (column == ANSWER_LOST && record->kind == RUN_GAP &&
		 record->n_lost)
		say_number(value, record->n_lost);
}

/* ---- what takes the schema ---- */

static int say_type(struct answer_bodies *bodies,
		    const struct run_record *record,
		    struct question_value *value)
{
	struct answer_body body;
	int r = answer_body_of(bodies, record, &body);

	if (r > 0)
		say_text(value, body.type, body.n_type);
	return r;
}

static int say_message(struct answer_bodies *bodies,
		       const struct run_record *record,
		       struct question_value *value)
{
	struct answer_body body;
	const char *json;
	size_t n;
	int r = answer_body_of(bodies, record, &body);

	if (r > 0)
		r = answer_body_decode(bodies, &body);
	if (r > 0)
		r = answer_body_json(bodies, NULL, NULL, &json, &n);
	if (r > 0)
		say_text(value, json, n);
	return r;
}

static int say_record(struct answer_bodies *bodies,
		      const struct run_record *record,
		      struct question_value *value)
{
	struct answer_body body;
	const void *bytes;
	size_t n;
	int r = answer_body_of(bodies, record, &body);

	if (r > 0)
		r = answer_body_pack(bodies, &body, &bytes, &n);
	if (r > 0) {
		say_text(value, bytes, n);
		value->type = QUESTION_BYTES;
	}
	return r;
}

int answer_column_value(struct answer_bodies *bodies,
			const struct run_record *record,
			enum answer_column column, char hex[ANSWER_HEX_BYTES],
			struct question_value *ret_value)
{
	int r = 0;

	*ret_value = (struct question_value){ .type = QUESTION_NULL };
	switch (column) {
	case ANSWER_KIND:
		say_kind(record, ret_value);
		break;
	case ANSWER_SUBJECT:
		say_text(ret_value, record->subject, record->n_subject);
		break;
	case ANSWER_SOURCE:
		say_text(ret_value, record->source.principal,
			 record->source.n_principal);
		break;
	case ANSWER_DURABLE_ID:
		say_text(ret_value, record->source.durable_id,
			 record->source.n_durable_id);
		break;
	case ANSWER_SCHEMA:
		say_schema(record, hex, ret_value);
		break;
	case ANSWER_BODY:
		say_body(record, ret_value);
		break;
	case ANSWER_TYPE:
		r = say_type(bodies, record, ret_value);
		break;
	case ANSWER_MESSAGE:
		r = say_message(bodies, record, ret_value);
		break;
	case ANSWER_RECORD:
		r = say_record(bodies, record, ret_value);
		break;
	default:
		say_numbers(record, column, ret_value);
		break;
	}
	return r < 0 ? r : 0;
}
