/* SPDX-License-Identifier: MIT */
#ifndef BASE_LIST_H
#define BASE_LIST_H

/**
 * Intrusive doubly linked lists.
 *
 * A list head and a link are the same struct. A link that is in no list
 * points at itself, so unlinking twice is harmless; a link must have been
 * initialised before anything else is done with it.
 */

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev;
	struct list *next;
};

#define LIST_INIT(var)                         \
	(struct list)                          \
	{                                      \
		.prev = &(var), .next = &(var) \
	}

/** The object of `type` whose field `member` is at `ptr`. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/** The same of what must not be changed. */
#define const_container_of(ptr, type, member)                            \
	((const type *)(const void *)((const char *)(ptr)-offsetof(type, \
								   member)))

static inline void list_init(struct list *list)
{
	list->prev = list;
	list->next = list;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

/** For a link: whether it is in a list at all. */
static inline bool list_is_linked(const struct list *link)
{
	return link->next != link;
}

static inline void list_push_front(struct list *list, struct list *link)
{
	link->prev = list;
	link->next = list->next;
	list->next->prev = link;
	list->next = link;
}

static inline void list_push_back(struct list *list, struct list *link)
{
	list_push_front(list->prev, link);
}

static inline void list_unlink(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/** Unlink and return the first link, or NULL. */
static inline struct list *list_pop_front(struct list *list)
{
	struct list *first = list->next;

	if (first == list)
		return NULL;
	list_unlink(first);
	return first;
}

/** Move all of `from` to the end of `list`. */
static inline void list_splice_back(struct list *list, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = list->prev;
	list->prev->next = from->next;
	from->prev->next = list;
	list->prev = from->prev;
	list_init(from);
}

#define list_for_each(pos, list) \
	for ((pos) = (list)->next; (pos) != (list); (pos) = (pos)->next)

/** Like list_for_each(), but `pos` may be unlinked and freed in the body. */
#define list_for_each_safe(pos, after, list)                               \
	for ((pos) = (list)->next, (after) = (pos)->next; (pos) != (list); \
	     (pos) = (after), (after) = (pos)->next)

#endif
