/* SPDX-License-Identifier: MIT */

#include "logger/cursor_letter.h"

#include <errno.h>
#include <helio/bus/v1/control.pb-c.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "logger/cursor.h"
#include "proto/run.h"
#include "proto/unpack.h"

/* As many headers of nothing as may be. */
enum { ARENA_BYTES = 320 * 1024 };

static void add(struct cursor_letter *letter, const char *name,
		const void *value, size_t n_value)
{
	letter->headers[letter->n_headers++] = (struct helio_header){
		.name = name,
		.value = value,
		.n_value = n_value,
	};
}

static void add_text(struct cursor_letter *letter, const char *name,
		     const char *text)
{
	add(letter, name, text, strlen(text));
}

static void write_time(uint64_t time_ns, char *text, size_t n)
{
	time_t seconds = (time_t)(time_ns / NS_PER_S);
	char day[32] = "";
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm))
		*day = '\0';
	snprintf(text, n, "%s.%09uZ", day, (unsigned)(time_ns % NS_PER_S));
}

static void add_own(struct cursor_letter *letter, const struct cursor *cursor,
		    const struct run_record *record)
{
	const struct run_source *source = &record->source;

	snprintf(letter->sequence, sizeof(letter->sequence), "%" PRIu64,
		 record->sequence);
	write_time(record->time_ns, letter->time, sizeof(letter->time));
	add_text(letter, "helio-log", cursor->keeper->name);
	add_text(letter, "helio-cursor", cursor->name);
	add_text(letter, "helio-sequence", letter->sequence);
	add_text(letter, "helio-time", letter->time);
	add(letter, "helio-subject", record->subject, record->n_subject);
	add(letter, "helio-source", source->principal, source->n_principal);
	add(letter, "helio-durable-id", source->durable_id,
	    source->n_durable_id);
	letter->n_own = letter->n_headers;
}

/* NULL: there is none that can be read. */
static const Helio__Bus__V1__Metadata *unpack_metadata(
	struct cursor_letter *letter, const struct run_record *record)
{
	struct unpack_arena arena = { .bytes = letter->memory,
				      .n_bytes = ARENA_BYTES };
	ProtobufCMessage *message;

	if (unpack(&helio__bus__v1__metadata__descriptor, record->metadata,
		   record->n_metadata, &arena, &message) != 0)
		return NULL;
	return (const Helio__Bus__V1__Metadata *)message;
}

/* What is said of it now replaces what was said when it was buried before. */
static bool is_own(const struct cursor_letter *letter, const char *name)
{
	for (size_t i = 0; i < letter->n_own; i++)
		if (!strcmp(letter->headers[i].name, name))
			return true;
	return false;
}

static void add_its_own(struct cursor_letter *letter,
			const Helio__Bus__V1__Metadata *metadata)
{
	letter->content_type = metadata->content_type;
	letter->traceparent = metadata->traceparent;
	for (size_t i = 0; i < metadata->n_headers; i++) {
		const Helio__Bus__V1__Header *header = metadata->headers[i];

		if (header->name && !is_own(letter, header->name))
			add(letter, header->name, header->value.data,
			    header->value.len);
	}
}

int cursor_letter_init(struct cursor_letter *letter,
		       const struct cursor *cursor,
		       const struct run_record *record)
{
	const Helio__Bus__V1__Metadata *metadata = NULL;

	*letter = (struct cursor_letter){ .memory = malloc(ARENA_BYTES) };
	if (letter->memory && record->n_metadata)
		metadata = unpack_metadata(letter, record);
	letter->headers =
		calloc(CURSOR_LETTER_OWN + (metadata ? metadata->n_headers : 0),
		       sizeof(*letter->headers));
	if (!letter->memory || !letter->headers) {
		cursor_letter_deinit(letter);
		return -ENOMEM;
	}
	add_own(letter, cursor, record);
	if (metadata)
		add_its_own(letter, metadata);
	return 0;
}

void cursor_letter_deinit(struct cursor_letter *letter)
{
	free(letter->headers);
	free(letter->memory);
	letter->headers = NULL;
	letter->memory = NULL;
}

void cursor_letter_shorten(struct cursor_letter *letter)
{
	snprintf(letter->n_left_out, sizeof(letter->n_left_out), "%zu",
		 letter->n_headers - letter->n_own);
	letter->n_headers = letter->n_own;
	letter->content_type = NULL;
	letter->traceparent = NULL;
	add_text(letter, "helio-left-out", letter->n_left_out);
}
