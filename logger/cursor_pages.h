/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_PAGES_H
#define LOGGER_CURSOR_PAGES_H

/**
 * What a cursor remembers of records at or above its floor, in pages as they
 * lie on disk, and which of those have to be written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/order.h"
#include "logger/cursor_state.h"

struct cursor_page {
	struct order_node node; /* in pages.order */
	struct list link;       /* in pages.changed, pages.gone, or none */
	struct cursor_marks marks;
	struct cursor_failure *failures; /* ascending; marks.n_failures */
	uint32_t n_failures_max;
	bool is_on_disk; /* or on its way there */
};

struct cursor_pages {
	struct order order;       /* by their first sequences */
	struct list changed;      /* to be written */
	struct list gone;         /* on disk, and to be deleted; in no order */
	struct cursor_page *last; /* that was looked up, or NULL */
};

void cursor_pages_init(struct cursor_pages *pages);
void cursor_pages_deinit(struct cursor_pages *pages);

/** This record is done with, or failed so often. Returns 0 or -ENOMEM. */
int cursor_pages_done(struct cursor_pages *pages, uint64_t sequence);
int cursor_pages_failed(struct cursor_pages *pages, uint64_t sequence,
			uint32_t n);
/** What was said of this record. */
void cursor_pages_recall(struct cursor_pages *pages, uint64_t sequence,
			 bool *ret_is_done, uint32_t *ret_n_failed);

/** Of what is below the floor nothing is remembered. */
void cursor_pages_pass(struct cursor_pages *pages, uint64_t floor);
/** Nothing at all is. */
void cursor_pages_clear(struct cursor_pages *pages);

/** Before one is written: whether anything in it is at or above the floor. */
bool cursor_page_trim(struct cursor_page *page, uint64_t floor);
/** Those that changed and are gone are on their way to the disk. */
void cursor_pages_written(struct cursor_pages *pages);
/** They did not get there. */
void cursor_pages_not_written(struct cursor_pages *pages);

/**
 * What was found on disk and decoded. Returns 0; -EEXIST; -ENOMEM; -E2BIG:
 * there are more than a cursor can have.
 */
int cursor_pages_found(struct cursor_pages *pages, const void *bytes,
		       const struct cursor_marks *marks);

#endif
