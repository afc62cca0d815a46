/* SPDX-License-Identifier: MIT */

#include "logger/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "logger/consumer.h"
#include "logger/cursor_state.h"
#include "logger/logger.h"
#include "proto/subject.h"
#include "rpc/heliograph.h"

struct cursor *cursor_lookup(const struct keeper *keeper, const char *name)
{
	struct list *link;

	list_for_each (link, &keeper->cursors) {
		struct cursor *cursor = container_of(link, struct cursor, link);

		if (!strcmp(cursor->name, name))
			return cursor;
	}
	return NULL;
}

const char *cursor_config_fault(const Helio__Log__V1__CursorConfig *config)
{
	const Helio__Log__V1__Filter *filter = config->filter;
	const char *dead = config->dead_letters;

	if (filter && (filter->n_subjects > SIEVE_FILTERS_MAX ||
		       filter->n_principals > SIEVE_FILTERS_MAX))
		return "the filter has more than 32 patterns";
	for (size_t i = 0; filter && i < filter->n_subjects; i++)
		if (!pattern_is_valid(filter->subjects[i],
				      strlen(filter->subjects[i])))
			return "one of the patterns is none";
	if (dead && (*dead == '$' || !subject_is_valid(dead, strlen(dead))))
		return "dead_letters is no subject";
	if (config->pending_max > CURSOR_ITEMS_MAX)
		return "pending_max is more than 8192";
	if (protobuf_c_message_get_packed_size(&config->base) >
	    CURSOR_CONFIG_MAX)
		return "it is too long";
	return NULL;
}

bool cursor_is_filtered(const struct cursor *cursor)
{
	return cursor->config->filter && cursor->config->filter->n_subjects;
}

/* ---- items ---- */

/* What is remembered of it, of before it was opened. */
static void recall(struct cursor *cursor, struct cursor_item *item)
{
	uint32_t max = cursor->config->max_deliver;
	bool is_done;

	cursor_pages_recall(&cursor->pages, item->sequence, &is_done,
			    &item->n_failed);
	item->n_given = item->n_failed;
	if (item->sequence < cursor->given_to && !item->n_given)
		item->n_given = 1;
	if (is_done)
		cursor_items_finish(&cursor->items, item);
	else if (max && item->n_failed >= max)
		cursor_items_set(&cursor->items, item, ITEM_DEAD, 0);
}

int cursor_item_add(struct cursor *cursor, uint64_t sequence)
{
	struct cursor_item *item = cursor_items_add(&cursor->items, sequence);

	if (!item)
		return -ENOMEM;
	cursor->read_from = sequence + 1;
	recall(cursor, item);
	return 0;
}

static void take_from_consumer(struct cursor_item *item)
{
	if (item->consumer)
		item->consumer->n_out--;
	item->consumer = NULL;
	list_unlink(&item->given_link);
}

void cursor_item_finish(struct cursor *cursor, struct cursor_item *item)
{
	take_from_consumer(item);
	/* Without memory it is known no later than the floor has passed it. */
	(void)cursor_pages_done(&cursor->pages, item->sequence);
	cursor_items_finish(&cursor->items, item);
	cursor->is_dirty = true;
}

void cursor_item_return(struct cursor *cursor, struct cursor_item *item,
			uint64_t due_ns)
{
	take_from_consumer(item);
	cursor_items_set(&cursor->items, item, ITEM_READY, due_ns);
}

size_t cursor_n_pending(const struct cursor *cursor)
{
	return cursor->items.n - cursor->items.n_done;
}

void cursor_advance(struct cursor *cursor)
{
	uint64_t first = cursor_items_advance(&cursor->items);

	cursor->next = first ? first : cursor->read_from;
	cursor_pages_pass(&cursor->pages, cursor->next);
}

/* ---- time ---- */

static void on_timer(struct helio *bus, void *userdata)
{
	struct cursor *cursor = userdata;

	(void)bus;
	cursor->timer = NULL;
	cursor_expire(cursor, clock_now_ns());
	if (cursor->is_dirty)
		cursor_touch(cursor);
	cursor_pump(cursor);
}

void cursor_wake_at(struct cursor *cursor, uint64_t due_ns)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t wait_ms = 0;

	if (cursor->is_gone || (cursor->timer && cursor->timer_ns <= due_ns))
		return;
	if (due_ns > now_ns)
		wait_ms = (due_ns - now_ns) / NS_PER_MS + 1;
	if (wait_ms > UINT32_MAX)
		wait_ms = UINT32_MAX;
	helio_timer_cancel(cursor->timer);
	cursor->timer = NULL;
	cursor->timer_ns = due_ns;
	(void)helio_timer_start(cursor->keeper->logger->bus, (uint32_t)wait_ms,
				on_timer, cursor, &cursor->timer);
}

/* ---- life ---- */

static void on_news(struct follower *follower)
{
	struct cursor *cursor = container_of(follower, struct cursor, follower);
	struct list *link, *after;

	if (keeper_is_served(cursor->keeper)) {
		cursor_pump(cursor);
		return;
	}
	list_for_each_safe (link, after, &cursor->consumers)
		consumer_end(container_of(link, struct consumer, link),
			     HELIO_UNAVAILABLE, "the log is closed");
}

static Helio__Log__V1__CursorConfig *copy_config(
	const Helio__Log__V1__CursorConfig *config)
{
	size_t n = protobuf_c_message_get_packed_size(&config->base);
	_cleanup_(freep) uint8_t *packed = malloc(n + 1);

	if (!packed)
		return NULL;
	helio__log__v1__cursor_config__pack(config, packed);
	return helio__log__v1__cursor_config__unpack(NULL, n, packed);
}

static void draw_generation(struct cursor *cursor)
{
	(void)getrandom(&cursor->generation, sizeof(cursor->generation), 0);
}

int cursor_new(struct keeper *keeper, const char *name, const char *owner,
	       const Helio__Log__V1__CursorConfig *config,
	       struct cursor **ret_cursor)
{
	static const Helio__Log__V1__CursorConfig usual =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	struct cursor *cursor;

	if (config && cursor_config_fault(config))
		return -EINVAL;
	cursor = calloc(1, sizeof(*cursor));
	if (!cursor)
		return -ENOMEM;
	cursor->config = copy_config(config ? config : &usual);
	if (!cursor->config) {
		free(cursor);
		return -ENOMEM;
	}
	cursor->keeper = keeper;
	snprintf(cursor->name, sizeof(cursor->name), "%s", name);
	snprintf(cursor->owner, sizeof(cursor->owner), "%s", owner);
	(void)getrandom(&cursor->fence, sizeof(cursor->fence), 0);
	draw_generation(cursor);
	cursor_items_init(&cursor->items, !cursor->config->shared);
	cursor_pages_init(&cursor->pages);
	cursor->next = cursor->read_from = 1;
	cursor->follower.on_news = on_news;
	list_init(&cursor->link);
	list_init(&cursor->follower.link);
	list_init(&cursor->consumers);
	list_push_back(&keeper->cursors, &cursor->link);
	*ret_cursor = cursor;
	return 0;
}

struct cursor *cursor_free(struct cursor *cursor)
{
	if (!cursor)
		return NULL;
	list_unlink(&cursor->link);
	list_unlink(&cursor->follower.link);
	helio_timer_cancel(cursor->timer);
	fetch_deinit(&cursor->fetch);
	if (cursor->config)
		helio__log__v1__cursor_config__free_unpacked(cursor->config,
							     NULL);
	cursor_items_deinit(&cursor->items);
	cursor_pages_deinit(&cursor->pages);
	free(cursor);
	return NULL;
}

void cursor_free_if_gone(struct cursor *cursor)
{
	if (cursor->is_gone && !cursor->fetch.is_busy && !cursor->is_pumping &&
	    !cursor->is_keeping && !cursor->n_publishing)
		cursor_free(cursor);
}

void cursor_remove(struct cursor *cursor)
{
	struct list *link, *after;

	cursor->is_gone = true;
	list_for_each_safe (link, after, &cursor->consumers)
		consumer_end(container_of(link, struct consumer, link),
			     HELIO_ABORTED, "the cursor was deleted");
	list_unlink(&cursor->link);
	list_unlink(&cursor->follower.link);
	helio_timer_cancel(take_ptr(cursor->timer));
	cursor_free_if_gone(cursor);
}

void cursor_move(struct cursor *cursor, uint64_t sequence)
{
	struct list *link;

	cursor_items_clear(&cursor->items);
	cursor_pages_clear(&cursor->pages);
	draw_generation(cursor);
	list_for_each (link, &cursor->consumers)
		container_of(link, struct consumer, link)->n_out = 0;
	cursor->next = cursor->read_from = sequence ? sequence : 1;
	cursor->given_to = cursor->next;
	cursor->has_runs = false;
	cursor->fault[0] = '\0';
	cursor_touch(cursor);
	cursor_pump(cursor);
}

/* ---- consumers ---- */

int cursor_join(struct cursor *cursor, struct consumer *consumer)
{
	if (!cursor->config->shared && cursor->n_consumers)
		return -EBUSY;
	list_push_back(&cursor->consumers, &consumer->link);
	cursor->n_consumers++;
	if (!list_is_linked(&cursor->follower.link))
		keeper_follow(cursor->keeper, &cursor->follower);
	return 0;
}

void cursor_leave(struct cursor *cursor, struct consumer *consumer,
		  bool is_fault)
{
	struct list *link;

	list_unlink(&consumer->link);
	cursor->n_consumers--;
	while ((link = list_pop_front(&consumer->given))) {
		struct cursor_item *item =
			container_of(link, struct cursor_item, given_link);

		if (is_fault)
			cursor_fail_item(cursor, item, 0);
		else
			cursor_item_return(cursor, item, 0);
		/* In order, only the first can have been what ended it. */
		is_fault &= cursor->config->shared;
	}
	if (!cursor->n_consumers) {
		list_unlink(&cursor->follower.link);
		cursor_rest(cursor);
	}
	if (!cursor->is_gone) {
		cursor_touch(cursor);
		cursor_pump(cursor);
	}
}
