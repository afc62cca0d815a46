/* SPDX-License-Identifier: MIT */

#include "base/wheel.h"

void wheel_init(struct wheel *wheel, uint64_t now_ns)
{
	for (unsigned i = 0; i < WHEEL_N_SLOTS; i++)
		list_init(&wheel->slots[i]);
	for (unsigned i = 0; i < WHEEL_N_WORDS; i++)
		wheel->occupied[i] = 0;
	wheel->position = now_ns / WHEEL_SLOT_NS;
}

void timer_init(struct timer *timer,
		void (*fire)(struct timer *timer, uint64_t now_ns))
{
	list_init(&timer->link);
	timer->due_ns = 0;
	timer->fire = fire;
}

void wheel_add(struct wheel *wheel, struct timer *timer, uint64_t due_ns)
{
	uint64_t position = (due_ns + WHEEL_SLOT_NS - 1) / WHEEL_SLOT_NS;
	unsigned slot;

	if (position < wheel->position)
		position = wheel->position;
	slot = position % WHEEL_N_SLOTS;

	list_unlink(&timer->link);
	timer->due_ns = due_ns;
	list_push_back(&wheel->slots[slot], &timer->link);
	wheel->occupied[slot / 64] |= UINT64_C(1) << slot % 64;
}

/* What is due in a later turn of the wheel goes back to its slot. */
static void fire_slot(struct wheel *wheel, unsigned slot, uint64_t now_ns)
{
	struct list due;
	struct list later;
	struct list *link;

	list_init(&due);
	list_init(&later);
	list_splice_back(&due, &wheel->slots[slot]);
	wheel->occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);

	while ((link = list_pop_front(&due))) {
		struct timer *timer = container_of(link, struct timer, link);

		if (timer->due_ns > now_ns)
			list_push_back(&later, link);
		else
			timer->fire(timer, now_ns);
	}
	if (list_is_empty(&later))
		return;
	list_splice_back(&wheel->slots[slot], &later);
	wheel->occupied[slot / 64] |= UINT64_C(1) << slot % 64;
}

void wheel_advance(struct wheel *wheel, uint64_t now_ns)
{
	uint64_t last = now_ns / WHEEL_SLOT_NS;
	uint64_t first = wheel->position;

	if (last < first)
		return;
	if (last - first >= WHEEL_N_SLOTS)
		first = last - WHEEL_N_SLOTS + 1;
	wheel->position = last + 1;
	for (uint64_t at = first; at <= last; at++) {
		unsigned slot = at % WHEEL_N_SLOTS;

		if (wheel->occupied[slot / 64] >> slot % 64 & 1)
			fire_slot(wheel, slot, now_ns);
	}
}

uint64_t wheel_next_ns(struct wheel *wheel)
{
	for (unsigned i = 0; i < WHEEL_N_SLOTS; i++) {
		uint64_t at = wheel->position + i;
		unsigned slot = at % WHEEL_N_SLOTS;

		if (!wheel->occupied[slot / 64]) {
			i += 63 - slot % 64;
			continue;
		}
		if (list_is_empty(&wheel->slots[slot]))
			wheel->occupied[slot / 64] &=
				~(UINT64_C(1) << slot % 64);
		else
			return at * WHEEL_SLOT_NS;
	}
	return UINT64_MAX;
}
