/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_ROOM_H
#define LOGGER_CURSOR_ROOM_H

/**
 * Whether a log can have one more cursor. Its memory, as much as it can come to
 * need, is its owner's: of one durable id there is a limit in all logs
 * together, and one of all.
 */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>
#include <stdint.h>

struct keeper;

/* What a cursor counts as, in bytes: so much, and for each of pending_max. */
enum { CURSOR_BYTES = 16 * 1024, CURSOR_ITEM_BYTES = 256 };

#define CURSORS_OF_ONE_BYTES_MAX ((uint64_t)128 << 20)
#define CURSORS_BYTES_MAX        ((uint64_t)512 << 20)

enum { CURSOR_ROOM_TEXT_BYTES = 512 };

/** For one of this owner; false, and the text says what is full. */
bool cursor_has_room(const struct keeper *keeper, const char *owner,
		     const Helio__Log__V1__CursorConfig *config,
		     char text[CURSOR_ROOM_TEXT_BYTES]);

#endif
