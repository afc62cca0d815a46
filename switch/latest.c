/* SPDX-License-Identifier: MIT */

#include "switch/latest.h"

#include <errno.h>
#include <stdlib.h>

/* A frame may stand in memory for twice its length and this. */
enum { SPARE_BYTES = 256 };

struct entry {
	struct map_node node;
	struct list link;
	struct hash_tag tag;
	size_t n;
	size_t n_max;
	uint8_t bytes[];
};

int latest_init(struct latest *latest)
{
	*latest = (struct latest){ 0 };
	list_init(&latest->entries);
	return map_init(&latest->by_subject);
}

void latest_deinit(struct latest *latest)
{
	while (latest->n_frames)
		latest_pop(latest);
	map_deinit(&latest->by_subject);
}

static struct entry *entry_lookup(const struct latest *latest,
				  struct hash_tag tag)
{
	struct map_node *node;

	node = map_lookup(&latest->by_subject, tag.low);
	for (; node; node = map_next(node)) {
		struct entry *entry = container_of(node, struct entry, node);

		if (hash_tag_equal(entry->tag, tag))
			return entry;
	}
	return NULL;
}

const uint8_t *latest_lookup(const struct latest *latest, struct hash_tag tag,
			     size_t *ret_n)
{
	struct entry *entry = entry_lookup(latest, tag);

	if (!entry)
		return NULL;
	*ret_n = entry->n;
	return entry->bytes;
}

/* A new entry takes the place of `old`, if any, in the order. */
static struct entry *entry_new(struct latest *latest, struct hash_tag tag,
			       size_t n, struct entry *old)
{
	struct entry *entry = malloc(sizeof(*entry) + n);

	if (!entry)
		return NULL;
	*entry = (struct entry){ .tag = tag, .n_max = n };
	list_push_front(old ? &old->link : latest->entries.prev, &entry->link);
	map_add(&latest->by_subject, &entry->node, tag.low);
	latest->n_frames++;
	return entry;
}

static void entry_free(struct latest *latest, struct entry *entry)
{
	list_unlink(&entry->link);
	map_remove(&latest->by_subject, &entry->node);
	latest->n_frames--;
	latest->n_bytes -= entry->n;
	free(entry);
}

/* Only what waits is charged, so the memory of longer ones is not kept. */
static bool is_right_size(const struct entry *entry, size_t n)
{
	return entry->n_max >= n && entry->n_max - n <= n + SPARE_BYTES;
}

int latest_put(struct latest *latest, struct hash_tag tag, size_t n,
	       uint8_t **ret_room)
{
	struct entry *old = entry_lookup(latest, tag);
	struct entry *entry = old;

	if (!old || !is_right_size(old, n)) {
		entry = entry_new(latest, tag, n, old);
		if (!entry)
			return -ENOMEM;
		if (old)
			entry_free(latest, old);
	}
	latest->n_bytes += n - entry->n;
	entry->n = n;
	*ret_room = entry->bytes;
	return 0;
}

static struct entry *entry_first(const struct latest *latest)
{
	return container_of(latest->entries.next, struct entry, link);
}

const uint8_t *latest_peek(const struct latest *latest, size_t *ret_n)
{
	if (!latest->n_frames)
		return NULL;
	*ret_n = entry_first(latest)->n;
	return entry_first(latest)->bytes;
}

void latest_pop(struct latest *latest)
{
	entry_free(latest, entry_first(latest));
}
