/* SPDX-License-Identifier: MIT */

#include "rpc/deadline.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_FIRST = 16 };

void deadlines_deinit(struct deadlines *deadlines)
{
	free(deadlines->heap);
	*deadlines = (struct deadlines){ 0 };
}

static int make_room(struct deadlines *deadlines)
{
	size_t n_room = deadlines->n_room ? deadlines->n_room * 2 : ROOM_FIRST;
	struct deadline **heap;

	heap = realloc(deadlines->heap, n_room * sizeof(struct deadline *));
	if (!heap)
		return -ENOMEM;
	deadlines->heap = heap;
	deadlines->n_room = n_room;
	return 0;
}

static void put(struct deadlines *deadlines, size_t place,
		struct deadline *deadline)
{
	deadlines->heap[place] = deadline;
	deadline->place = place;
}

/* Put it at a free place or above, where its parent is not later. */
static size_t rise(struct deadlines *deadlines, size_t place,
		   struct deadline *deadline)
{
	while (place > 1 &&
	       deadlines->heap[place / 2]->at_ns > deadline->at_ns) {
		put(deadlines, place, deadlines->heap[place / 2]);
		place /= 2;
	}
	put(deadlines, place, deadline);
	return place;
}

/* Put it at a free place or below, where its children are not earlier. */
static void sink(struct deadlines *deadlines, size_t place,
		 struct deadline *deadline)
{
	struct deadline **heap = deadlines->heap;

	for (;;) {
		size_t child = place * 2;

		if (child < deadlines->n &&
		    heap[child + 1]->at_ns < heap[child]->at_ns)
			child++;
		if (child > deadlines->n ||
		    heap[child]->at_ns >= deadline->at_ns)
			break;
		put(deadlines, place, heap[child]);
		place = child;
	}
	put(deadlines, place, deadline);
}

int deadlines_add(struct deadlines *deadlines, struct deadline *deadline,
		  uint64_t at_ns)
{
	if (deadlines->n + 1 >= deadlines->n_room) {
		int r = make_room(deadlines);

		if (r < 0)
			return r;
	}
	deadline->at_ns = at_ns;
	rise(deadlines, ++deadlines->n, deadline);
	return 0;
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
	size_t place = deadline->place;
	struct deadline *last;

	if (!place)
		return;
	deadline->place = 0;
	last = deadlines->heap[deadlines->n--];
	if (last == deadline)
		return;
	if (rise(deadlines, place, last) == place)
		sink(deadlines, place, last);
}

void deadlines_expire(struct deadlines *deadlines, uint64_t now_ns)
{
	while (deadlines_next_ns(deadlines) <= now_ns) {
		struct deadline *first = deadlines->heap[1];

		deadlines_remove(deadlines, first);
		first->on_expiry(first);
	}
}
