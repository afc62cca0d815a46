/* SPDX-License-Identifier: MIT */

#include "logger/cursor_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES_FIRST = 4 };

static uint64_t first_of(const struct order_node *node)
{
	return const_container_of(node, struct cursor_page, node)->marks.first;
}

static int compare(const struct order_node *a, const struct order_node *b)
{
	return (first_of(a) > first_of(b)) - (first_of(a) < first_of(b));
}

static int compare_key(const void *key, const struct order_node *node)
{
	uint64_t first = *(const uint64_t *)key;

	return (first > first_of(node)) - (first < first_of(node));
}

void cursor_pages_init(struct cursor_pages *pages)
{
	order_init(&pages->order, compare);
	list_init(&pages->changed);
	list_init(&pages->gone);
	pages->last = NULL;
}

static void page_free(struct cursor_page *page)
{
	list_unlink(&page->link);
	free(page->failures);
	free(page);
}

static void free_gone(struct cursor_pages *pages)
{
	struct list *link;

	while ((link = list_pop_front(&pages->gone)))
		page_free(container_of(link, struct cursor_page, link));
}

void cursor_pages_deinit(struct cursor_pages *pages)
{
	cursor_pages_clear(pages);
	free_gone(pages);
}

static struct cursor_page *lookup(struct cursor_pages *pages, uint64_t sequence)
{
	uint64_t first = sequence - sequence % CURSOR_PAGE_SEQUENCES;
	struct order_node *node = order_last(&pages->order);

	if (pages->last && pages->last->marks.first == first)
		return pages->last;
	if (!node || first_of(node) < first)
		return NULL;
	node = order_seek(&pages->order, &first, compare_key);
	if (!node || first_of(node) != first)
		return NULL;
	pages->last = container_of(node, struct cursor_page, node);
	return pages->last;
}

static struct cursor_page *page_new(struct cursor_pages *pages,
				    uint64_t sequence)
{
	struct cursor_page *page = calloc(1, sizeof(*page));

	if (!page)
		return NULL;
	page->marks.first = sequence - sequence % CURSOR_PAGE_SEQUENCES;
	list_init(&page->link);
	order_add(&pages->order, &page->node);
	pages->last = page;
	return page;
}

/* The page of it, which is about to change; NULL without memory. */
static struct cursor_page *change(struct cursor_pages *pages, uint64_t sequence)
{
	struct cursor_page *page = lookup(pages, sequence);

	if (!page)
		page = page_new(pages, sequence);
	if (page && !list_is_linked(&page->link))
		list_push_back(&pages->changed, &page->link);
	return page;
}

int cursor_pages_done(struct cursor_pages *pages, uint64_t sequence)
{
	struct cursor_page *page = change(pages, sequence);
	unsigned place = sequence % CURSOR_PAGE_SEQUENCES;

	if (!page)
		return -ENOMEM;
	page->marks.done[place / 8] |= (uint8_t)(1u << place % 8);
	return 0;
}

/* ---- failures ---- */

/* Where it stands, or would. */
static uint32_t seek_failure(const struct cursor_page *page, unsigned place)
{
	uint32_t low = 0;
	uint32_t high = page->marks.n_failures;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (page->failures[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_failure_at(const struct cursor_page *page, uint32_t nth,
			  unsigned place)
{
	return nth < page->marks.n_failures &&
	       page->failures[nth].place == place;
}

static int make_room(struct cursor_page *page)
{
	uint32_t n = page->n_failures_max ? page->n_failures_max * 2
					  : FAILURES_FIRST;
	struct cursor_failure *grown;

	if (page->marks.n_failures < page->n_failures_max)
		return 0;
	grown = realloc(page->failures, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	page->failures = grown;
	page->n_failures_max = n;
	return 0;
}

int cursor_pages_failed(struct cursor_pages *pages, uint64_t sequence,
			uint32_t n)
{
	struct cursor_page *page = change(pages, sequence);
	unsigned place = sequence % CURSOR_PAGE_SEQUENCES;
	uint32_t nth;

	if (!page || make_room(page) < 0)
		return -ENOMEM;
	nth = seek_failure(page, place);
	if (!is_failure_at(page, nth, place)) {
		memmove(page->failures + nth + 1, page->failures + nth,
			(page->marks.n_failures - nth) *
				sizeof(*page->failures));
		page->marks.n_failures++;
	}
	page->failures[nth] = (struct cursor_failure){
		.place = (uint8_t)place,
		.n = n < CURSOR_FAILED_MAX ? n : CURSOR_FAILED_MAX,
	};
	return 0;
}

void cursor_pages_recall(struct cursor_pages *pages, uint64_t sequence,
			 bool *ret_is_done, uint32_t *ret_n_failed)
{
	const struct cursor_page *page = lookup(pages, sequence);
	unsigned place = sequence % CURSOR_PAGE_SEQUENCES;
	uint32_t nth;

	*ret_is_done = false;
	*ret_n_failed = 0;
	if (!page)
		return;
	*ret_is_done = page->marks.done[place / 8] >> place % 8 & 1;
	nth = seek_failure(page, place);
	if (is_failure_at(page, nth, place))
		*ret_n_failed = page->failures[nth].n;
}

/* ---- forgetting ---- */

static void drop(struct cursor_pages *pages, struct cursor_page *page)
{
	order_remove(&pages->order, &page->node);
	if (pages->last == page)
		pages->last = NULL;
	list_unlink(&page->link);
	if (page->is_on_disk)
		list_push_back(&pages->gone, &page->link);
	else
		page_free(page);
}

void cursor_pages_pass(struct cursor_pages *pages, uint64_t floor)
{
	struct order_node *node;

	while ((node = order_first(&pages->order)) && first_of(node) < floor &&
	       floor - first_of(node) >= CURSOR_PAGE_SEQUENCES)
		drop(pages, container_of(node, struct cursor_page, node));
}

void cursor_pages_clear(struct cursor_pages *pages)
{
	struct order_node *node;

	while ((node = order_first(&pages->order)))
		drop(pages, container_of(node, struct cursor_page, node));
}

bool cursor_page_trim(struct cursor_page *page, uint64_t floor)
{
	struct cursor_marks *marks = &page->marks;
	unsigned n = 0; /* places below the floor */
	uint32_t nth;
	bool has_any;

	if (floor > marks->first)
		n = floor - marks->first < CURSOR_PAGE_SEQUENCES
			    ? (unsigned)(floor - marks->first)
			    : CURSOR_PAGE_SEQUENCES;
	memset(marks->done, 0, n / 8);
	if (n % 8)
		marks->done[n / 8] &= (uint8_t)(0xffu << n % 8);
	nth = seek_failure(page, n);
	marks->n_failures -= nth;
	if (nth)
		memmove(page->failures, page->failures + nth,
			marks->n_failures * sizeof(*page->failures));
	has_any = marks->n_failures;
	for (size_t i = 0; i < sizeof(marks->done); i++)
		has_any |= marks->done[i];
	return has_any;
}

void cursor_pages_written(struct cursor_pages *pages)
{
	struct list *link;

	while ((link = list_pop_front(&pages->changed)))
		container_of(link, struct cursor_page, link)->is_on_disk = true;
	free_gone(pages);
}

void cursor_pages_not_written(struct cursor_pages *pages)
{
	for (struct order_node *node = order_first(&pages->order); node;
	     node = order_next(node)) {
		struct cursor_page *page =
			container_of(node, struct cursor_page, node);

		if (!list_is_linked(&page->link))
			list_push_back(&pages->changed, &page->link);
	}
}

/* ---- finding ---- */

int cursor_pages_found(struct cursor_pages *pages, const void *bytes,
		       const struct cursor_marks *marks)
{
	struct cursor_failure *failures;
	struct cursor_page *page;

	if (lookup(pages, marks->first))
		return -EEXIST;
	if (pages->order.n_nodes >= CURSOR_ITEMS_MAX)
		return -E2BIG;
	failures = malloc((marks->n_failures + 1) * sizeof(*failures));
	page = failures ? page_new(pages, marks->first) : NULL;
	if (!page) {
		free(failures);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < marks->n_failures; i++)
		failures[i] = cursor_marks_failure(bytes, i);
	page->marks = *marks;
	page->failures = failures;
	page->n_failures_max = marks->n_failures + 1;
	page->is_on_disk = true;
	return 0;
}
