/* SPDX-License-Identifier: MIT */

#include "rpc/log/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void backlog_init(struct backlog *backlog, size_t n_bytes_max)
{
	*backlog = (struct backlog){ .n_bytes_max = n_bytes_max };
	list_init(&backlog->items);
}

void backlog_deinit(struct backlog *backlog)
{
	struct backlog_item *item;

	while ((item = backlog_pop(backlog)))
		free(item);
}

int backlog_push(struct backlog *backlog, enum backlog_kind kind,
		 uint64_t sequence, const void *bytes, size_t n)
{
	struct backlog_item *item = malloc(sizeof(*item) + n);

	if (!item)
		return -ENOMEM;
	*item = (struct backlog_item){ .kind = kind,
				       .sequence = sequence,
				       .n = n };
	if (n)
		memcpy(item->bytes, bytes, n);
	list_push_back(&backlog->items, &item->link);
	backlog->n_bytes += n;
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
