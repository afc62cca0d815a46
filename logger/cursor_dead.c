/* SPDX-License-Identifier: MIT */

/* Records that nobody could deal with, published where somebody looks. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logger/cursor.h"
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

static int publish(struct cursor *cursor, const struct run_record *record,
		   struct burial *burial)
{
	char subject[SUBJECT_MAX_BYTES + 1];
	char key[2 * LOG_NAME_MAX_BYTES + 32];
	char sequence[24];
	const struct helio_header headers[] = {
		{ "helio-log", cursor->keeper->name,
		  strlen(cursor->keeper->name) },
		{ "helio-cursor", cursor->name, strlen(cursor->name) },
		{ "helio-sequence", sequence, 0 },
		{ "helio-subject", record->subject, record->n_subject },
		{ "helio-source", record->source.principal,
		  record->source.n_principal },
	};
	struct helio_header shown[sizeof(headers) / sizeof(*headers)];
	struct helio_publish_options options = {
		.flags = HELIO_ACK_STORED,
		.timeout_ms = ACK_TIMEOUT_MS,
		.on_ack = on_ack,
		.userdata = burial,
		.idempotency_key = key,
		.schema_hash = record->schema,
		.headers = shown,
		.n_headers = sizeof(headers) / sizeof(*headers),
	};

	write_subject(cursor, subject);
	snprintf(sequence, sizeof(sequence), "%llu",
		 (unsigned long long)record->sequence);
	snprintf(key, sizeof(key), "%s:%s:%s", cursor->keeper->name,
		 cursor->name, sequence);
	memcpy(shown, headers, sizeof(headers));
	shown[2].n_value = strlen(sequence);
	return helio_publish(cursor->keeper->logger->bus, subject, record->body,
			     record->n_body, &options);
}

void cursor_bury(struct cursor *cursor, struct cursor_item *item,
		 const struct run_record *record)
{
	struct burial *burial = calloc(1, sizeof(*burial));
	int r = -ENOMEM;

	if (burial) {
		burial->cursor = cursor;
		burial->sequence = record->sequence;
		r = publish(cursor, record, burial);
	}
	if (r == 0) {
		cursor_items_set(&cursor->items, item, ITEM_PUBLISHING, 0);
		cursor->n_publishing++;
		return;
	}
	free(burial);
	try_again(cursor, item);
}
