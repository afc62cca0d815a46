/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_STATE_H
#define LOGGER_CURSOR_STATE_H

/**
 * What of a cursor is kept on disk. All numbers are little-endian:
 *	 0  u32  "HCUR"
 *	 4  u32  1, the version
 *	 8  u64  next: all records below it are done with
 *	16  u64  given out; given out again; dead
 *	40  u32  items
 *	44  u16  bytes of the owner's durable id
 *	46  u16  bytes of the configuration
 * then the owner, the configuration (helio.log.v1.CursorConfig), and the items,
 * ascending, 16 bytes each: those at or above `next` of which something is to
 * be remembered:
 *	 0  u64  sequence
 *	 8  u32  how often it was given out
 *	12  u24  how often that failed
 *	15  u8   1: it is done with
 */

#include <stddef.h>
#include <stdint.h>

struct buffer;

enum {
	CURSOR_HEAD_BYTES = 48,
	CURSOR_ITEM_BYTES = 16,
	CURSOR_ITEMS_MAX = 8192, /* all are looked at for one message */
	CURSOR_OWNER_MAX = 255,
	CURSOR_CONFIG_MAX = 16384,
	CURSOR_FAILED_MAX = 0xffffff,
};

struct cursor_head {
	uint64_t next;
	uint64_t n_given;
	uint64_t n_again;
	uint64_t n_dead;
	uint32_t n_items;
	const char *owner; /* not terminated */
	size_t n_owner;
	const uint8_t *config;
	size_t n_config;
};

struct cursor_memory {
	uint64_t sequence;
	uint32_t n_given;
	uint32_t n_failed;
	int is_done;
};

/** Add the head, of which n_items is counted already. */
void cursor_head_encode(const struct cursor_head *head, struct buffer *out);
void cursor_memory_encode(const struct cursor_memory *memory,
			  struct buffer *out);

/** Returns 0, or -EBADMSG: this is no cursor. It points into the bytes. */
int cursor_head_decode(const void *bytes, size_t n,
		       struct cursor_head *ret_head);
/** The n-th item of what was decoded, below n_items. */
void cursor_memory_decode(const void *bytes, const struct cursor_head *head,
			  uint32_t nth, struct cursor_memory *ret_memory);

#endif
