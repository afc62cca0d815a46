/* SPDX-License-Identifier: MIT */

/* What of a cursor is kept with its log, and how it is found there again. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "logger/consumer.h"
#include "logger/cursor.h"
#include "logger/cursor_state.h"

/* ---- keeping ---- */

/* Returns NULL without memory. */
static struct keeping *new_keeping(const struct cursor *cursor,
				   const struct cursor_page *page)
{
	struct keeping *keeping = keeping_new();

	if (!keeping)
		return NULL;
	if (page)
		snprintf(keeping->key, sizeof(keeping->key),
			 "cursor/%s/%016" PRIx64, cursor->name,
			 page->marks.first);
	else
		snprintf(keeping->key, sizeof(keeping->key), "cursor/%s",
			 cursor->name);
	return keeping;
}

static void keep_all(struct keeper *keeper, struct list *keepings)
{
	struct list *link;

	while ((link = list_pop_front(keepings)))
		keeper_keep(keeper, container_of(link, struct keeping, link));
}

static int add_deleted(const struct cursor *cursor,
		       const struct cursor_page *page, struct list *keepings)
{
	struct keeping *keeping = new_keeping(cursor, page);

	if (!keeping)
		return -ENOMEM;
	keeping->is_delete = true;
	list_push_back(keepings, &keeping->link);
	return 0;
}

static int add_page(const struct cursor *cursor, struct cursor_page *page,
		    struct list *keepings)
{
	struct keeping *keeping = new_keeping(cursor, page);

	if (!keeping)
		return -ENOMEM;
	list_push_back(keepings, &keeping->link);
	if (!keeping_add_value(keeping, CURSOR_PAGE_BYTES_MAX))
		return -ENOMEM;
	page->marks.generation = cursor->generation;
	keeping->n_value = cursor_marks_encode(&page->marks, page->failures,
					       keeping->value);
	return 0;
}

/* Those that changed; what has become empty need not be there. */
static int add_pages(struct cursor *cursor, struct list *keepings)
{
	struct list *link, *after;
	int r = 0;

	list_for_each_safe (link, after, &cursor->pages.changed) {
		struct cursor_page *page =
			container_of(link, struct cursor_page, link);

		if (!cursor_page_trim(page, cursor->next))
			list_unlink(link);
		else if (r == 0)
			r = add_page(cursor, page, keepings);
	}
	list_for_each (link, &cursor->pages.gone)
		if (r == 0)
			r = add_deleted(
				cursor,
				container_of(link, struct cursor_page, link),
				keepings);
	return r;
}

static int write_head(const struct cursor *cursor, struct buffer *out)
{
	size_t n_config =
		protobuf_c_message_get_packed_size(&cursor->config->base);
	_cleanup_(freep) uint8_t *config = malloc(n_config + 1);
	const struct cursor_head head = {
		.next = cursor->next,
		.n_given = cursor->n_given,
		.n_again = cursor->n_again,
		.n_dead = cursor->n_dead,
		.generation = cursor->generation,
		.given_to = cursor->given_to,
		.owner = cursor->owner,
		.n_owner = strlen(cursor->owner),
		.config = config,
		.n_config = n_config,
	};

	if (!config)
		return -ENOMEM;
	protobuf_c_message_pack(&cursor->config->base, config);
	cursor_head_encode(&head, out);
	return buffer_error(out);
}

static void keep(struct cursor *cursor);

static void on_kept(struct keeping *keeping, int r)
{
	struct cursor *cursor = keeping->userdata;
	struct list *link, *after;

	cursor->is_keeping = false;
	if (cursor->is_gone) {
		cursor_free_if_gone(cursor);
		return;
	}
	if (r < 0) {
		/* A disk that is full may have room again. */
		cursor_pages_not_written(&cursor->pages);
		cursor->is_dirty = true;
		cursor_wake_at(cursor, clock_now_ns() + NS_PER_S);
		return;
	}
	cursor->kept_next = cursor->keeping_next;
	list_for_each_safe (link, after, &cursor->consumers)
		consumer_kept(container_of(link, struct consumer, link),
			      cursor->kept_next);
	if (cursor->is_dirty)
		keep(cursor);
}

static int add_head(struct cursor *cursor, struct list *keepings)
{
	struct keeping *keeping = new_keeping(cursor, NULL);
	struct buffer out;

	if (!keeping)
		return -ENOMEM;
	list_push_back(keepings, &keeping->link);
	buffer_init(&out, SIZE_MAX / 2);
	if (write_head(cursor, &out) < 0) {
		buffer_deinit(&out);
		return -ENOMEM;
	}
	keeping->value = take_ptr(out.bytes);
	keeping->n_value = out.n;
	keeping->on_kept = on_kept;
	keeping->userdata = cursor;
	return 0;
}

/* Head and pages go with one commit, together with what else waits. */
static void keep(struct cursor *cursor)
{
	struct list keepings = LIST_INIT(keepings);

	if (cursor->is_keeping || cursor->is_gone)
		return;
	if (cursor->given_to < cursor->read_from)
		cursor->given_to = cursor->read_from;
	if (add_pages(cursor, &keepings) < 0 ||
	    add_head(cursor, &keepings) < 0) {
		keepings_free(&keepings);
		cursor_wake_at(cursor, clock_now_ns() + NS_PER_S);
		return;
	}
	cursor_pages_written(&cursor->pages);
	cursor->is_dirty = false;
	cursor->is_keeping = true;
	cursor->keeping_next = cursor->next;
	keep_all(cursor->keeper, &keepings);
}

void cursor_touch(struct cursor *cursor)
{
	cursor->is_dirty = true;
	keep(cursor);
}

/* What stays behind without memory is of a generation that nobody has. */
void cursor_forget(struct cursor *cursor)
{
	struct list keepings = LIST_INIT(keepings);
	struct list *link;

	cursor_pages_clear(&cursor->pages);
	list_for_each (link, &cursor->pages.gone)
		(void)add_deleted(cursor,
				  container_of(link, struct cursor_page, link),
				  &keepings);
	keep_all(cursor->keeper, &keepings);
}

/* ---- finding ---- */

static int restore(struct keeper *keeper, const char *name, const void *value,
		   size_t n_value)
{
	Helio__Log__V1__CursorConfig *config;
	struct cursor_head head;
	struct cursor *cursor;
	char owner[CURSOR_OWNER_MAX + 1];
	int r = cursor_head_decode(value, n_value, &head);

	if (r < 0 || !config_is_name(name))
		return -EBADMSG;
	config = helio__log__v1__cursor_config__unpack(NULL, head.n_config,
						       head.config);
	if (!config)
		return -EBADMSG;
	snprintf(owner, sizeof(owner), "%.*s", (int)head.n_owner, head.owner);
	r = cursor_new(keeper, name, owner, config, &cursor);
	helio__log__v1__cursor_config__free_unpacked(config, NULL);
	if (r < 0)
		return r;
	cursor->next = cursor->read_from = cursor->kept_next = head.next;
	cursor->given_to = head.given_to;
	cursor->generation = head.generation;
	cursor->n_given = head.n_given;
	cursor->n_again = head.n_again;
	cursor->n_dead = head.n_dead;
	return 0;
}

/* One that means nothing any more was to be deleted, and goes now. */
static int restore_page(const struct keeper *keeper, const char *key,
			const char *name, const void *value, size_t n_value)
{
	struct cursor *cursor = cursor_lookup(keeper, name);
	struct cursor_marks marks;
	struct keeping *keeping;

	if (!cursor || cursor_marks_decode(value, n_value, &marks) < 0)
		return -EBADMSG;
	if (marks.generation == cursor->generation &&
	    marks.first + CURSOR_PAGE_SEQUENCES > cursor->next)
		return cursor_pages_found(&cursor->pages, value, &marks);
	keeping = new_keeping(cursor, NULL);
	if (!keeping)
		return 0;
	snprintf(keeping->key, sizeof(keeping->key), "%s", key);
	keeping->is_delete = true;
	keeper_keep(cursor->keeper, keeping);
	return 0;
}

void cursor_found(struct keeper *keeper, const char *key, const void *value,
		  size_t n_value)
{
	char name[LOG_NAME_MAX_BYTES + 1];
	const char *rest = key + strlen("cursor/");
	size_t n = strcspn(rest, "/");
	int r = -EBADMSG;

	snprintf(name, sizeof(name), "%.*s", (int)n, rest);
	if (n < sizeof(name) && rest[n])
		r = restore_page(keeper, key, name, value, n_value);
	else if (n < sizeof(name))
		r = restore(keeper, name, value, n_value);
	if (r < 0)
		log_error("%s: the cursor %s cannot be read: %s", keeper->name,
			  name, strerror(-r));
}
