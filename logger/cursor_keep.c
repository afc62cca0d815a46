/* SPDX-License-Identifier: MIT */

/* What of a cursor is kept with its log, and how it is found there again. */

#include <errno.h>
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

static int write_state(const struct cursor *cursor, struct buffer *out)
{
	size_t n_config =
		protobuf_c_message_get_packed_size(&cursor->config->base);
	_cleanup_(freep) uint8_t *config = malloc(n_config + 1);
	const struct cursor_head head = {
		.next = cursor->next,
		.n_given = cursor->n_given,
		.n_again = cursor->n_again,
		.n_dead = cursor->n_dead,
		.n_items = (uint32_t)cursor->n_items,
		.owner = cursor->owner,
		.n_owner = strlen(cursor->owner),
		.config = config,
		.n_config = n_config,
	};

	if (!config)
		return -ENOMEM;
	protobuf_c_message_pack(&cursor->config->base, config);
	cursor_head_encode(&head, out);
	for (size_t i = 0; i < cursor->n_items; i++) {
		const struct cursor_item *item = &cursor->items[i];

		cursor_memory_encode(
			&(struct cursor_memory){
				.sequence = item->sequence,
				.n_given = item->n_given,
				.n_failed = item->n_failed,
				.is_done = item->state == ITEM_DONE,
			},
			out);
	}
	return buffer_error(out);
}

static void keep(struct cursor *cursor);

static void on_kept(struct keeping *keeping, int r)
{
	struct cursor *cursor = keeping->userdata;
	struct list *link, *after;

	cursor->is_keeping = false;
	if (r == 0) {
		cursor->kept_next = cursor->keeping_next;
		list_for_each_safe (link, after, &cursor->consumers)
			consumer_kept(container_of(link, struct consumer, link),
				      cursor->kept_next);
	} else {
		/* A disk that is full may have room again. */
		cursor->is_dirty = true;
		cursor_wake_at(cursor, clock_now_ns() + NS_PER_S);
		return;
	}
	if (cursor->is_dirty)
		keep(cursor);
	cursor_free_if_gone(cursor);
}

static void keep(struct cursor *cursor)
{
	struct keeping *keeping;
	struct buffer out;

	if (cursor->is_keeping || cursor->is_gone)
		return;
	keeping = calloc(1, sizeof(*keeping));
	buffer_init(&out, SIZE_MAX / 2);
	if (!keeping || write_state(cursor, &out) < 0) {
		buffer_deinit(&out);
		free(keeping);
		cursor_wake_at(cursor, clock_now_ns() + NS_PER_S);
		return;
	}
	snprintf(keeping->key, sizeof(keeping->key), "cursor/%s", cursor->name);
	keeping->value = take_ptr(out.bytes);
	keeping->n_value = out.n;
	keeping->on_kept = on_kept;
	keeping->userdata = cursor;
	cursor->is_dirty = false;
	cursor->is_keeping = true;
	cursor->keeping_next = cursor->next;
	keeper_keep(cursor->keeper, keeping);
}

void cursor_touch(struct cursor *cursor)
{
	cursor->is_dirty = true;
	keep(cursor);
}

/* ---- finding ---- */

static int restore_items(struct cursor *cursor, const void *value,
			 const struct cursor_head *head)
{
	for (uint32_t i = 0; i < head->n_items; i++) {
		struct cursor_memory memory;
		struct cursor_item *item;

		cursor_memory_decode(value, head, i, &memory);
		item = cursor_item_add(cursor, memory.sequence);
		if (!item)
			return -ENOMEM;
		item->n_given = memory.n_given;
		item->n_failed = memory.n_failed;
		item->state = memory.is_done ? ITEM_DONE : ITEM_READY;
		cursor->read_from = memory.sequence + 1;
	}
	return 0;
}

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
	cursor->n_given = head.n_given;
	cursor->n_again = head.n_again;
	cursor->n_dead = head.n_dead;
	r = restore_items(cursor, value, &head);
	if (r < 0)
		cursor_free(cursor);
	return r;
}

void cursor_found(struct keeper *keeper, const char *key, const void *value,
		  size_t n_value)
{
	const char *name = key + strlen("cursor/");
	int r = restore(keeper, name, value, n_value);

	if (r < 0)
		log_error("%s: the cursor %s cannot be read: %s", keeper->name,
			  name, strerror(-r));
}
