/* SPDX-License-Identifier: MIT */

#include "logger/cursor_state.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/le.h"

enum { VERSION = 1, IS_DONE = 1 };

static const char magic[4] = "HCUR";

void cursor_head_encode(const struct cursor_head *head, struct buffer *out)
{
	uint8_t bytes[CURSOR_HEAD_BYTES];

	memcpy(bytes, magic, sizeof(magic));
	le32_store(bytes + 4, VERSION);
	le64_store(bytes + 8, head->next);
	le64_store(bytes + 16, head->n_given);
	le64_store(bytes + 24, head->n_again);
	le64_store(bytes + 32, head->n_dead);
	le32_store(bytes + 40, head->n_items);
	le16_store(bytes + 44, (uint16_t)head->n_owner);
	le16_store(bytes + 46, (uint16_t)head->n_config);
	buffer_add(out, bytes, sizeof(bytes));
	buffer_add(out, head->owner, head->n_owner);
	buffer_add(out, head->config, head->n_config);
}

void cursor_memory_encode(const struct cursor_memory *memory,
			  struct buffer *out)
{
	uint8_t bytes[CURSOR_ITEM_BYTES];
	uint32_t n_failed = memory->n_failed < CURSOR_FAILED_MAX
				    ? memory->n_failed
				    : CURSOR_FAILED_MAX;

	le64_store(bytes, memory->sequence);
	le32_store(bytes + 8, memory->n_given);
	le32_store(bytes + 12, n_failed);
	bytes[15] = memory->is_done ? IS_DONE : 0;
	buffer_add(out, bytes, sizeof(bytes));
}

void cursor_memory_decode(const void *bytes, const struct cursor_head *head,
			  uint32_t nth, struct cursor_memory *ret_memory)
{
	const uint8_t *item = (const uint8_t *)bytes + CURSOR_HEAD_BYTES +
			      head->n_owner + head->n_config +
			      (size_t)nth * CURSOR_ITEM_BYTES;

	*ret_memory = (struct cursor_memory){
		.sequence = le64_load(item),
		.n_given = le32_load(item + 8),
		.n_failed = le32_load(item + 12) & CURSOR_FAILED_MAX,
		.is_done = item[15] & IS_DONE,
	};
}

static bool are_items_ascending(const void *bytes,
				const struct cursor_head *head)
{
	uint64_t least = head->next;

	for (uint32_t i = 0; i < head->n_items; i++) {
		struct cursor_memory memory;

		cursor_memory_decode(bytes, head, i, &memory);
		if (memory.sequence < least || memory.sequence == UINT64_MAX)
			return false;
		least = memory.sequence + 1;
	}
	return true;
}

int cursor_head_decode(const void *bytes, size_t n,
		       struct cursor_head *ret_head)
{
	const uint8_t *at = bytes;
	struct cursor_head head;

	if (n < CURSOR_HEAD_BYTES || memcmp(at, magic, sizeof(magic)) != 0 ||
	    le32_load(at + 4) != VERSION)
		return -EBADMSG;
	head = (struct cursor_head){
		.next = le64_load(at + 8),
		.n_given = le64_load(at + 16),
		.n_again = le64_load(at + 24),
		.n_dead = le64_load(at + 32),
		.n_items = le32_load(at + 40),
		.n_owner = le16_load(at + 44),
		.n_config = le16_load(at + 46),
		.owner = (const char *)at + CURSOR_HEAD_BYTES,
	};
	head.config = at + CURSOR_HEAD_BYTES + head.n_owner;
	if (head.n_items > CURSOR_ITEMS_MAX ||
	    head.n_owner > CURSOR_OWNER_MAX ||
	    head.n_config > CURSOR_CONFIG_MAX ||
	    n != CURSOR_HEAD_BYTES + head.n_owner + head.n_config +
			    (size_t)head.n_items * CURSOR_ITEM_BYTES ||
	    !are_items_ascending(bytes, &head))
		return -EBADMSG;
	*ret_head = head;
	return 0;
}
