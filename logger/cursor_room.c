/* SPDX-License-Identifier: MIT */

#include "logger/cursor_room.h"

#include <stdio.h>
#include <string.h>

#include "logger/cursor.h"
#include "logger/keeper.h"
#include "logger/logger.h"

/* Of all cursors of a logger. */
struct use {
	uint64_t n_own_bytes;
	uint64_t n_bytes;
};

static uint64_t price(const Helio__Log__V1__CursorConfig *config)
{
	uint64_t n = config->pending_max ? config->pending_max
					 : CURSOR_PENDING_DEFAULT;

	return CURSOR_BYTES + n * CURSOR_ITEM_BYTES;
}

static void add(struct use *use, const struct keeper *keeper, const char *owner)
{
	const struct list *link;

	list_for_each (link, &keeper->cursors) {
		const struct cursor *cursor =
			const_container_of(link, struct cursor, link);
		uint64_t n = price(cursor->config);

		use->n_bytes += n;
		if (!strcmp(cursor->owner, owner))
			use->n_own_bytes += n;
	}
}

static struct use used(const struct logger *logger, const char *owner)
{
	struct use use = { .n_bytes = 0 };
	const struct list *link;

	list_for_each (link, &logger->keepers)
		add(&use, const_container_of(link, struct keeper, link), owner);
	return use;
}

static size_t n_of(const struct keeper *keeper)
{
	const struct list *link;
	size_t n = 0;

	list_for_each (link, &keeper->cursors)
		n++;
	return n;
}

bool cursor_has_room(const struct keeper *keeper, const char *owner,
		     const Helio__Log__V1__CursorConfig *config,
		     char text[CURSOR_ROOM_TEXT_BYTES])
{
	const struct use use = used(keeper->logger, owner);
	uint64_t n = price(config);

	if (n_of(keeper) >= CURSORS_MAX)
		snprintf(text, CURSOR_ROOM_TEXT_BYTES,
			 "the log has %d cursors already", CURSORS_MAX);
	else if (use.n_own_bytes + n > CURSORS_OF_ONE_BYTES_MAX)
		snprintf(text, CURSOR_ROOM_TEXT_BYTES,
			 "the cursors of %s count %llu KiB of %llu, and one "
			 "with this pending_max %llu more",
			 owner, (unsigned long long)use.n_own_bytes >> 10,
			 (unsigned long long)CURSORS_OF_ONE_BYTES_MAX >> 10,
			 (unsigned long long)n >> 10);
	else if (use.n_bytes + n > CURSORS_BYTES_MAX)
		snprintf(text, CURSOR_ROOM_TEXT_BYTES,
			 "all cursors together count %llu KiB of %llu",
			 (unsigned long long)use.n_bytes >> 10,
			 (unsigned long long)CURSORS_BYTES_MAX >> 10);
	else
		return true;
	return false;
}
