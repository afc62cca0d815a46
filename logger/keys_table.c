/* SPDX-License-Identifier: MIT */

#include "logger/keys_table.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 1024, SLOTS_MAX = 1 << 20 };

static void half_deinit(struct keys_half *half)
{
	free(half->tags);
	free(half->sequences);
	*half = (struct keys_half){ 0 };
}

void keys_table_deinit(struct keys_table *table)
{
	half_deinit(&table->halves[0]);
	half_deinit(&table->halves[1]);
}

static uint32_t tag_of(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	return tag ? tag : 1;
}

static int half_init(struct keys_half *half, size_t n_slots)
{
	half->tags = calloc(n_slots, sizeof(*half->tags));
	half->sequences = calloc(n_slots, sizeof(*half->sequences));
	half->n_slots = n_slots;
	if (half->tags && half->sequences)
		return 0;
	half_deinit(half);
	return -ENOMEM;
}

static void put(struct keys_half *half, uint64_t at, uint32_t tag,
		uint64_t sequence)
{
	size_t slot = at & (half->n_slots - 1);

	while (half->tags[slot])
		slot = (slot + 1) & (half->n_slots - 1);
	half->tags[slot] = tag;
	half->sequences[slot] = sequence;
	half->n++;
}

/*
 * Tags alone are kept, so the place of one is where its tag leads: the hashes
 * are of SHA-256, and any bits of them are as good.
 */
static uint64_t place_of(uint32_t tag)
{
	return tag;
}

static int half_grow(struct keys_half *half)
{
	struct keys_half larger = { 0 };
	int r;

	if (half->n_slots && half->n < half->n_slots / 4 * 3)
		return 0;
	r = half_init(&larger, half->n_slots ? 2 * half->n_slots : SLOTS_FIRST);
	if (r < 0)
		return r;
	for (size_t i = 0; i < half->n_slots; i++)
		if (half->tags[i])
			put(&larger, place_of(half->tags[i]), half->tags[i],
			    half->sequences[i]);
	half_deinit(half);
	*half = larger;
	return 0;
}

int keys_table_add(struct keys_table *table, uint64_t hash, uint64_t sequence)
{
	struct keys_half *newer = &table->halves[0];
	int r;

	if (newer->n >= KEYS_TABLE_MAX) {
		half_deinit(&table->halves[1]);
		table->halves[1] = *newer;
		*newer = (struct keys_half){ 0 };
	}
	r = half_grow(newer);
	if (r < 0)
		return r;
	put(newer, place_of(tag_of(hash)), tag_of(hash), sequence);
	return 0;
}

uint64_t keys_table_next(const struct keys_table *table, uint64_t hash,
			 struct keys_walk *walk)
{
	uint32_t tag = tag_of(hash);

	for (; walk->half < 2; walk->half++, walk->n_passed = 0) {
		const struct keys_half *half = &table->halves[walk->half];

		while (walk->n_passed < half->n_slots) {
			size_t slot = (place_of(tag) + walk->n_passed) &
				      (half->n_slots - 1);

			if (!half->tags[slot])
				break;
			walk->n_passed++;
			if (half->tags[slot] == tag)
				return half->sequences[slot];
		}
	}
	return 0;
}
