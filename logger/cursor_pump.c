/* SPDX-License-Identifier: MIT */

/* What a cursor gives out, to whom, and when. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logger/consumer.h"
#include "logger/cursor.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"

enum {
	REPLY_BYTES = 256 * 1024, /* and one record */
	REPLIES_PER_PUMP = 64,
};

static uint32_t pending_max(const struct cursor *cursor)
{
	return cursor->config->pending_max ? cursor->config->pending_max
					   : CURSOR_PENDING_DEFAULT;
}

static bool is_due(const struct cursor_item *item, uint64_t now_ns)
{
	return item->state != ITEM_PUBLISHING && item->due_ns <= now_ns;
}

uint64_t cursor_next_sequence(const struct cursor *cursor, uint64_t now_ns,
			      struct cursor_item **ret_item)
{
	struct cursor_item *item = cursor_items_waiting(&cursor->items);

	*ret_item = NULL;
	if (item && is_due(item, now_ns)) {
		*ret_item = item;
		return item->sequence;
	}
	if ((item && cursor->items.is_ordered) ||
	    cursor->items.n >= pending_max(cursor) ||
	    cursor->read_from > cursor->keeper->status.last)
		return 0;
	return cursor->read_from;
}

/* They take turns. */
static struct consumer *pick(struct cursor *cursor)
{
	struct list *link;

	list_for_each (link, &cursor->consumers) {
		struct consumer *consumer =
			container_of(link, struct consumer, link);

		if (!consumer_has_room(consumer))
			continue;
		list_unlink(link);
		list_push_back(&cursor->consumers, link);
		return consumer;
	}
	return NULL;
}

/* ---- giving out ---- */

/* A reply in the making. */
struct gift {
	struct cursor *cursor;
	struct consumer *consumer;
	uint64_t end; /* of the run: the first sequence behind it */
	uint64_t now_ns;
	uint64_t first; /* sequence that is given */
	uint32_t n;
	bool is_full;
};

static bool is_gift_full(const struct gift *gift)
{
	const struct consumer *consumer = gift->consumer;

	return consumer->n_out >= consumer->batch ||
	       run_builder_bytes(&consumer->sieve.builder) >= REPLY_BYTES;
}

static int give_one(struct gift *gift, struct cursor_item *item,
		    const struct run_record *record)
{
	struct consumer *consumer = gift->consumer;
	struct cursor *cursor = gift->cursor;
	struct run_record copy = *record;
	int r;

	gift->first = gift->n ? gift->first : record->sequence;
	copy.sequence -= gift->first;
	r = run_builder_add(&consumer->sieve.builder, &copy);
	if (r < 0)
		return r;
	cursor->fence = (cursor->fence + 1) & 0xffffff;
	item->fence = cursor->fence;
	item->consumer = consumer;
	list_push_back(&consumer->given, &item->given_link);
	cursor_items_set(&cursor->items, item, ITEM_OUT,
			 gift->now_ns + cursor_ack_wait_ns(cursor));
	consumer->tokens[gift->n] = cursor_token(item);
	consumer->again[gift->n] = item->n_given;
	cursor->n_again += item->n_given > 0;
	cursor->n_given++;
	item->n_given++;
	consumer->n_out++;
	gift->n++;
	return 0;
}

/*
 * What of the run was not seen below `sequence` is passed over. Returns what
 * comes next, as cursor_next_sequence().
 */
static uint64_t pass_unseen(const struct gift *gift, uint64_t sequence,
			    struct cursor_item **ret_item)
{
	struct cursor *cursor = gift->cursor;
	uint64_t next;

	while ((next = cursor_next_sequence(cursor, gift->now_ns, ret_item)) &&
	       next < sequence && *ret_item && (*ret_item)->state == ITEM_READY)
		cursor_item_finish(cursor, *ret_item);
	return next;
}

enum fate { FATE_PASS, FATE_GIVE, FATE_STOP };

/* What becomes of a record that is seen. */
static enum fate judge(const struct gift *gift, uint64_t sequence,
		       struct cursor_item **ret_item)
{
	uint64_t next;

	if (is_gift_full(gift))
		return FATE_STOP;
	next = pass_unseen(gift, sequence, ret_item);
	if (!next || next >= gift->end ||
	    (*ret_item && (*ret_item)->state == ITEM_DEAD))
		return FATE_STOP;
	return next <= sequence ? FATE_GIVE : FATE_PASS;
}

static int take(struct gift *gift, struct cursor_item *item,
		const struct run_record *record)
{
	int r = item ? 0 : cursor_item_add(gift->cursor, record->sequence);

	if (r < 0)
		return r;
	if (!item)
		item = cursor_items_lookup(&gift->cursor->items,
					   record->sequence);
	/* It may be one that is remembered. */
	return item && item->state == ITEM_READY ? give_one(gift, item, record)
						 : 0;
}

/* Returns 0, -EINPROGRESS, or another negative errno. */
static int gather(struct gift *gift, const uint8_t *run, size_t n)
{
	struct consumer *consumer = gift->consumer;
	struct run_record record;
	int r = sieve_begin(&consumer->sieve, run, n, &consumer->wait);

	if (r < 0)
		return r;
	run_builder_clear(&consumer->sieve.builder);
	while ((r = sieve_next(&consumer->sieve, &record)) == 1) {
		struct cursor_item *item;
		enum fate fate = judge(gift, record.sequence, &item);

		r = fate == FATE_GIVE ? take(gift, item, &record) : 0;
		gift->is_full =
			fate == FATE_STOP || (r == -EMSGSIZE && gift->n);
		if (gift->is_full)
			return 0;
		if (r < 0)
			return r;
	}
	return r;
}

static int send_gift(struct gift *gift)
{
	struct consumer *consumer = gift->consumer;
	Helio__Log__V1__ConsumeReply reply =
		HELIO__LOG__V1__CONSUME_REPLY__INIT;
	const void *pieces[2];
	size_t lengths[2];
	int r;

	if (!gift->n)
		return 0;
	r = run_builder_finish(&consumer->sieve.builder, gift->first, pieces,
			       lengths);
	if (r < 0)
		return r;
	reply.has_run = 1;
	reply.run.len = lengths[0] + lengths[1];
	reply.run.data = malloc(reply.run.len);
	if (!reply.run.data)
		return -ENOMEM;
	memcpy(reply.run.data, pieces[0], lengths[0]);
	memcpy(reply.run.data + lengths[0], pieces[1], lengths[1]);
	reply.token = consumer->tokens;
	reply.n_token = gift->n;
	reply.redelivered = consumer->again;
	reply.n_redelivered = gift->n;
	r = consumer_send(consumer, &reply);
	free(reply.run.data);
	return r;
}

/* The end of the run was reached. */
static void step_over(const struct gift *gift)
{
	struct cursor *cursor = gift->cursor;
	struct cursor_item *item;

	(void)pass_unseen(gift, gift->end, &item);
	if (cursor->read_from < gift->end)
		cursor->read_from = gift->end;
	cursor_advance(cursor);
}

/* The first sequence behind a run that is in the buffer. */
static uint64_t end_of_run(const struct cursor *cursor, const uint8_t *run,
			   size_t n)
{
	const struct fetch *fetch = &cursor->fetch;
	size_t at = (size_t)(run - fetch_bytes(fetch)) + n;
	struct run_head head;

	if (at < fetch->n &&
	    run_head_decode(run + n, fetch->n - at, &head) == 0)
		return head.base_sequence;
	return fetch->next;
}

static int give(struct cursor *cursor, struct consumer *consumer,
		uint64_t start, uint64_t now_ns)
{
	struct gift gift = {
		.cursor = cursor,
		.consumer = consumer,
		.now_ns = now_ns,
	};
	size_t n = 0;
	const uint8_t *run = fetch_find(&cursor->fetch, start, &n);
	int r;

	if (!run)
		return -EBADMSG;
	gift.end = end_of_run(cursor, run, n);
	r = gather(&gift, run, n);
	if (r < 0 && !gift.n)
		return r;
	if (!gift.is_full && r == 0)
		step_over(&gift);
	r = send_gift(&gift);
	if (gift.n)
		cursor_wake_at(cursor, now_ns + cursor_ack_wait_ns(cursor));
	return r;
}

/* ---- the pump ---- */

/* Returns whether to go on. */
static bool step(struct cursor *cursor)
{
	uint64_t now_ns = clock_now_ns();
	struct cursor_item *item;
	uint64_t sequence = cursor_next_sequence(cursor, now_ns, &item);
	struct consumer *consumer = NULL;
	bool is_dead = item && item->state == ITEM_DEAD;
	int r;

	if (!sequence || cursor->fetch.is_busy)
		return false;
	if (!is_dead)
		consumer = pick(cursor);
	if (!is_dead && !consumer)
		return false;
	if (!cursor_has(cursor, sequence)) {
		cursor_fetch(cursor, sequence);
		return false;
	}
	if (is_dead) {
		cursor_bury(cursor, item);
		return true;
	}
	r = give(cursor, consumer, sequence, now_ns);
	if (r == -EINPROGRESS || r == -EAGAIN)
		return true; /* others may have room */
	if (r < 0)
		consumer_end(
			consumer,
			r == -EBADMSG ? HELIO_DATA_LOSS : HELIO_UNAVAILABLE,
			r == -EBADMSG ? "the log is damaged" : strerror(-r));
	return r == 0;
}

void cursor_pump(struct cursor *cursor)
{
	if (cursor->is_pumping || cursor->is_gone ||
	    !keeper_is_served(cursor->keeper) || !cursor->n_consumers)
		return;
	cursor->is_pumping = true;
	for (int i = 0; step(cursor); i++) {
		if (i < REPLIES_PER_PUMP)
			continue;
		cursor_wake_at(cursor, 0);
		break;
	}
	cursor->is_pumping = false;
	/* Some was passed over. */
	if (cursor->is_dirty && !cursor->is_gone) {
		cursor_advance(cursor);
		cursor_touch(cursor);
	}
	cursor_free_if_gone(cursor);
}
