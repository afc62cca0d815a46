/* SPDX-License-Identifier: MIT */

#include "logger/tail.h"

#include <stdlib.h>
#include <string.h>

void tail_init(struct tail *tail)
{
	*tail = (struct tail){ 0 };
	list_init(&tail->runs);
}

struct tail_run *tail_run_unref(struct tail_run *run)
{
	if (run && !--run->n_refs)
		free(run);
	return NULL;
}

static void drop_oldest(struct tail *tail)
{
	struct tail_run *run = container_of(list_pop_front(&tail->runs),
					    struct tail_run, link);

	tail->n_bytes -= run->n;
	tail_run_unref(run);
}

void tail_clear(struct tail *tail)
{
	while (tail->runs.next && !list_is_empty(&tail->runs))
		drop_oldest(tail);
}

void tail_push(struct tail *tail, uint64_t first, uint64_t last,
	       const void *const pieces[2], const size_t lengths[2])
{
	size_t n = TAIL_HEADROOM + lengths[0] + lengths[1];
	struct tail_run *run = malloc(sizeof(*run) + n);

	if (!run) {
		tail_clear(tail);
		return;
	}
	*run = (struct tail_run){
		.n_refs = 1,
		.first = first,
		.last = last,
		.n = n,
	};
	memcpy(run->bytes + TAIL_HEADROOM, pieces[0], lengths[0]);
	memcpy(run->bytes + TAIL_HEADROOM + lengths[0], pieces[1], lengths[1]);
	list_push_back(&tail->runs, &run->link);
	tail->n_bytes += n;
	while (tail->n_bytes > TAIL_BYTES_MAX && tail->runs.next != &run->link)
		drop_oldest(tail);
}

struct tail_run *tail_find(const struct tail *tail, uint64_t sequence)
{
	struct list *link;

	for (link = tail->runs.prev; link != &tail->runs; link = link->prev) {
		struct tail_run *run =
			container_of(link, struct tail_run, link);

		if (run->last < sequence)
			return NULL;
		if (run->first > sequence)
			continue;
		run->n_refs++;
		return run;
	}
	return NULL;
}
