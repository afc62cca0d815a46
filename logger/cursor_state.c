/* SPDX-License-Identifier: MIT */

#include "logger/cursor_state.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/le.h"

enum { VERSION = 2, FAILURE_BYTES = 4 };

static const char magic[4] = "HCUR";
static const char page_magic[4] = "HCPG";

void cursor_head_encode(const struct cursor_head *head, struct buffer *out)
{
	uint8_t bytes[CURSOR_HEAD_BYTES] = { 0 };

	memcpy(bytes, magic, sizeof(magic));
	le32_store(bytes + 4, VERSION);
	le64_store(bytes + 8, head->next);
	le64_store(bytes + 16, head->n_given);
	le64_store(bytes + 24, head->n_again);
	le64_store(bytes + 32, head->n_dead);
	le64_store(bytes + 40, head->generation);
	le64_store(bytes + 48, head->given_to);
	le16_store(bytes + 56, (uint16_t)head->n_owner);
	le16_store(bytes + 58, (uint16_t)head->n_config);
	buffer_add(out, bytes, sizeof(bytes));
	buffer_add(out, head->owner, head->n_owner);
	buffer_add(out, head->config, head->n_config);
}

int cursor_head_decode(const void *bytes, size_t n,
		       struct cursor_head *ret_head)
{
	const uint8_t *at = bytes;
	struct cursor_head head;

	if (n < CURSOR_HEAD_BYTES || memcmp(at, magic, sizeof(magic)) != 0 ||
	    le32_load(at + 4) != VERSION || le32_load(at + 60) != 0)
		return -EBADMSG;
	head = (struct cursor_head){
		.next = le64_load(at + 8),
		.n_given = le64_load(at + 16),
		.n_again = le64_load(at + 24),
		.n_dead = le64_load(at + 32),
		.generation = le64_load(at + 40),
		.given_to = le64_load(at + 48),
		.n_owner = le16_load(at + 56),
		.n_config = le16_load(at + 58),
		.owner = (const char *)at + CURSOR_HEAD_BYTES,
	};
	head.config = at + CURSOR_HEAD_BYTES + head.n_owner;
	if (head.given_to < head.next || head.n_owner > CURSOR_OWNER_MAX ||
	    head.n_config > CURSOR_CONFIG_MAX ||
	    n != CURSOR_HEAD_BYTES + head.n_owner + head.n_config)
		return -EBADMSG;
	*ret_head = head;
	return 0;
}

/* ---- pages ---- */

size_t cursor_marks_encode(const struct cursor_marks *marks,
			   const struct cursor_failure *failures,
			   uint8_t out[CURSOR_PAGE_BYTES_MAX])
{
	size_t n = CURSOR_PAGE_HEAD_BYTES;

	memcpy(out, page_magic, sizeof(page_magic));
	le32_store(out + 4, marks->n_failures);
	le64_store(out + 8, marks->generation);
	le64_store(out + 16, marks->first);
	memcpy(out + 24, marks->done, sizeof(marks->done));
	for (uint32_t i = 0; i < marks->n_failures; i++, n += FAILURE_BYTES)
		le32_store(out + n, failures[i].n << 8 | failures[i].place);
	return n;
}

struct cursor_failure cursor_marks_failure(const void *bytes, uint32_t nth)
{
	uint32_t word =
		le32_load((const uint8_t *)bytes + CURSOR_PAGE_HEAD_BYTES +
			  (size_t)nth * FAILURE_BYTES);

	return (struct cursor_failure){
		.place = (uint8_t)word,
		.n = word >> 8,
	};
}

static bool are_failures_ascending(const void *bytes, uint32_t n)
{
	unsigned least = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct cursor_failure failure = cursor_marks_failure(bytes, i);

		if (failure.place < least || !failure.n)
			return false;
		least = failure.place + 1u;
	}
	return true;
}

int cursor_marks_decode(const void *bytes, size_t n,
			struct cursor_marks *ret_marks)
{
	const uint8_t *at = bytes;
	struct cursor_marks marks;

	if (n < CURSOR_PAGE_HEAD_BYTES ||
	    memcmp(at, page_magic, sizeof(page_magic)) != 0)
		return -EBADMSG;
	marks = (struct cursor_marks){
		.n_failures = le32_load(at + 4),
		.generation = le64_load(at + 8),
		.first = le64_load(at + 16),
	};
	memcpy(marks.done, at + 24, sizeof(marks.done));
	if (marks.first % CURSOR_PAGE_SEQUENCES ||
	    marks.n_failures > CURSOR_PAGE_SEQUENCES ||
	    n != CURSOR_PAGE_HEAD_BYTES +
			    (size_t)marks.n_failures * FAILURE_BYTES ||
	    !are_failures_ascending(bytes, marks.n_failures))
		return -EBADMSG;
	*ret_marks = marks;
	return 0;
}
