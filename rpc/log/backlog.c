/* SPDX-License-Identifier: MIT */

#include "rpc/log/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { SPARE_BYTES_MAX = 512 * 1024 };

void backlog_init(struct backlog *backlog, size_t n_bytes_max)
{
	*backlog = (struct backlog){ .n_bytes_max = n_bytes_max };
	list_init(&backlog->items);
}

void backlog_deinit(struct backlog *backlog)
{
	struct backlog_item *item;

	while ((item = backlog_pop(backlog)))
		backlog_item_free(backlog, item);
	free(backlog->spare);
	backlog->spare = NULL;
}

/* Large ones come back to the system when they are freed, and cost it pages. */
static struct backlog_item *item_new(struct backlog *backlog, size_t n)
{
	struct backlog_item *item = NULL;
	size_t n_room = n;

	if (backlog->spare && backlog->spare->n_room >= n) {
		item = take_ptr(backlog->spare);
		n_room = item->n_room;
	} else {
		item = malloc(sizeof(*item) + n);
	}
	if (item)
		*item = (struct backlog_item){
			.kind = BACKLOG_RUN,
			.bytes = item->room,
			.n = n,
			.n_room = n_room,
		};
	return item;
}

struct backlog_item *backlog_item_copy(struct backlog *backlog,
				       const void *bytes, size_t n)
{
	struct backlog_item *item = item_new(backlog, n);

	if (item && n)
		memcpy(item->room, bytes, n);
	return item;
}

struct backlog_item *backlog_item_adopt(struct backlog *backlog, void *memory,
					const void *bytes, size_t n)
{
	struct backlog_item *item = item_new(backlog, 0);

	if (!item) {
		free(memory);
		return NULL;
	}
	item->memory = memory;
	item->bytes = bytes;
	item->n = n;
	return item;
}

void backlog_item_free(struct backlog *backlog, struct backlog_item *item)
{
	if (!item)
		return;
	free(item->memory);
	if (item->n_room > SPARE_BYTES_MAX ||
	    (backlog->spare && backlog->spare->n_room >= item->n_room)) {
		free(item);
		return;
	}
	free(backlog->spare);
	backlog->spare = item;
}

void backlog_add(struct backlog *backlog, struct backlog_item *item)
{
	list_push_back(&backlog->items, &item->link);
	backlog->n_bytes += item->n;
}

int backlog_push(struct backlog *backlog, enum backlog_kind kind,
		 uint64_t sequence, const void *bytes, size_t n)
{
	struct backlog_item *item = backlog_item_copy(backlog, bytes, n);

	if (!item)
		return -ENOMEM;
	item->kind = kind;
	item->sequence = sequence;
	backlog_add(backlog, item);
	return 0;
}

struct backlog_item *backlog_pop(struct backlog *backlog)
{
	struct list *link = list_pop_front(&backlog->items);
	struct backlog_item *item;

	if (!link)
		return NULL;
	item = container_of(link, struct backlog_item, link);
	backlog->n_bytes -= item->n;
	return item;
}

bool backlog_is_full(const struct backlog *backlog)
{
	return backlog->n_bytes >= backlog->n_bytes_max;
}

bool backlog_is_low(const struct backlog *backlog)
{
	return backlog->n_bytes <= backlog->n_bytes_max / 2;
}
