/* SPDX-License-Identifier: MIT */

/* Records that nobody could deal with, published where somebody looks. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logger/cursor.h"
#include "logger/cursor_letter.h"
#include "logger/logger.h"
#include "proto/run.h"
#include "proto/subject.h"
#include "rpc/heliograph.h"

enum { ACK_TIMEOUT_MS = 30000 };
#define RETRY_NS NS_PER_S

/* A publish under way. */
struct burial {
	struct cursor *cursor;
	uint64_t sequence;
};

static void try_again(struct cursor *cursor, struct cursor_item *item)
{
	cursor_items_set(&cursor->items, item, ITEM_DEAD,
			 clock_now_ns() + RETRY_NS);
	cursor_wake_at(cursor, item->due_ns);
}

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct burial *burial = userdata;
	struct cursor *cursor = burial->cursor;
	struct cursor_item *item =
		cursor_items_lookup(&cursor->items, burial->sequence);

	(void)bus;
	free(burial);
	cursor->n_publishing--;
	if (cursor->is_gone) {
		cursor_free_if_gone(cursor);
		return;
	}
	/* It may have been moved meanwhile. */
	if (!item || item->state != ITEM_PUBLISHING)
		return;
	if (ack->status != HELIO_OK) {
		snprintf(cursor->fault, sizeof(cursor->fault),
			 "dead letters are not stored: %s", ack->reason);
		try_again(cursor, item);
		return;
	}
	cursor->fault[0] = '\0';
	cursor->n_dead++;
	cursor_item_finish(cursor, item);
	cursor_advance(cursor);
	cursor_touch(cursor);
	cursor_pump(cursor);
}

static void write_subject(const struct cursor *cursor,
			  char subject[SUBJECT_MAX_BYTES + 1])
{
	if (cursor->config->dead_letters)
		snprintf(subject, SUBJECT_MAX_BYTES + 1, "%s",
			 cursor->config->dead_letters);
	else
		snprintf(subject, SUBJECT_MAX_BYTES + 1, "dead.%s.%s",
			 cursor->keeper->name, cursor->name);
}

static int publish(const struct cursor *cursor, const struct run_record *record,
		   const struct cursor_letter *letter, struct burial *burial)
{
	char subject[SUBJECT_MAX_BYTES + 1];
	char key[2 * LOG_NAME_MAX_BYTES + 32];
	const struct helio_publish_options options = {
		.flags = HELIO_ACK_STORED,
		.timeout_ms = ACK_TIMEOUT_MS,
		.on_ack = on_ack,
		.userdata = burial,
		.idempotency_key = key,
		.content_type = letter->content_type,
		.traceparent = letter->traceparent,
		.schema_hash = record->schema,
		.headers = letter->headers,
		.n_headers = letter->n_headers,
	};

	write_subject(cursor, subject);
	snprintf(key, sizeof(key), "%s:%s:%s", cursor->keeper->name,
		 cursor->name, letter->sequence);
	return helio_publish(cursor->keeper->logger->bus, subject, record->body,
			     record->n_body, &options);
}

/* Whatever was said of it, it is buried. */
static int publish_letter(const struct cursor *cursor,
			  const struct run_record *record,
			  struct burial *burial)
{
	struct cursor_letter letter;
	int r = cursor_letter_init(&letter, cursor, record);

	if (r < 0)
		return r;
	r = publish(cursor, record, &letter, burial);
	if (r == -E2BIG || r == -EINVAL) {
		cursor_letter_shorten(&letter);
		r = publish(cursor, record, &letter, burial);
	}
	cursor_letter_deinit(&letter);
	return r;
}

static void begin(struct cursor *cursor, struct cursor_item *item,
		  const struct run_record *record)
{
	struct burial *burial = calloc(1, sizeof(*burial));
	int r = -ENOMEM;

	if (burial) {
		burial->cursor = cursor;
		burial->sequence = record->sequence;
		r = publish_letter(cursor, record, burial);
	}
	if (r == 0) {
		cursor_items_set(&cursor->items, item, ITEM_PUBLISHING, 0);
		cursor->n_publishing++;
		return;
	}
	free(burial);
	snprintf(cursor->fault, sizeof(cursor->fault),
		 "dead letters are not published: %s", strerror(-r));
	try_again(cursor, item);
}

void cursor_bury(struct cursor *cursor, struct cursor_item *item)
{
	struct run_reader reader = { 0 };
	struct run_record record;
	bool is_found = false;
	size_t n = 0;
	const uint8_t *run = fetch_find(&cursor->fetch, item->sequence, &n);

	if (run && run_reader_begin(&reader, run, n) == 0)
		while (!is_found && run_reader_next(&reader, &record) == 1)
			is_found = record.sequence == item->sequence;
	if (is_found)
		begin(cursor, item, &record);
	else
		cursor_item_finish(cursor, item);
	run_reader_deinit(&reader);
}
