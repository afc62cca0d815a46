/* SPDX-License-Identifier: MIT */

#include "switch/sketch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct sketch_entry *lookup(struct sketch *sketch, uint64_t hash,
				   const char *subject, size_t n_subject)
{
	for (size_t i = 0; i < sketch->n_entries; i++) {
		struct sketch_entry *entry = &sketch->entries[i];

		if (sketch->hashes[i] == hash &&
		    entry->n_subject == n_subject &&
		    !memcmp(entry->subject, subject, n_subject))
			return entry;
	}
	return NULL;
}

static size_t find_rarest(const struct sketch *sketch)
{
	size_t rarest = 0;

	for (size_t i = 1; i < sketch->n_entries; i++)
		if (sketch->entries[i].count < sketch->entries[rarest].count)
			rarest = i;
	return rarest;
}

/* An empty place, or that of the rarest with what was counted there. */
static struct sketch_entry *take_place(struct sketch *sketch, uint64_t hash)
{
	size_t place;

	if (sketch->n_entries < SKETCH_ENTRIES)
		place = sketch->n_entries++;
	else
		place = find_rarest(sketch);
	sketch->hashes[place] = hash;
	sketch->entries[place].error = sketch->entries[place].count;
	return &sketch->entries[place];
}

void sketch_add(struct sketch *sketch, uint64_t hash, const char *subject,
		size_t n_subject, uint64_t weight)
{
	struct sketch_entry *entry = lookup(sketch, hash, subject, n_subject);

	if (!entry) {
		entry = take_place(sketch, hash);
		memcpy(entry->subject, subject, n_subject);
		entry->n_subject = (uint8_t)n_subject;
	}
	entry->count += weight;
}

/* Rounded so that count - error does not grow. */
void sketch_halve(struct sketch *sketch)
{
	for (size_t i = 0; i < sketch->n_entries; i++) {
		struct sketch_entry *entry = &sketch->entries[i];
		uint64_t sure = (entry->count - entry->error) / 2;

		entry->count -= entry->count / 2;
		entry->error = entry->count - sure;
	}
}

static int by_count_down(const void *a, const void *b)
{
	const struct sketch_entry *const *x = a;
	const struct sketch_entry *const *y = b;

	if ((*x)->count != (*y)->count)
		return (*x)->count < (*y)->count ? 1 : -1;
	return (*x)->error < (*y)->error ? -1 : (*x)->error > (*y)->error;
}

size_t sketch_busiest(const struct sketch *sketch,
		      const struct sketch_entry **ret_entries, size_t n_max)
{
	const struct sketch_entry *all[SKETCH_ENTRIES];
	size_t n = sketch->n_entries;

	for (size_t i = 0; i < n; i++)
		all[i] = &sketch->entries[i];
	qsort(all, n, sizeof(const struct sketch_entry *), by_count_down);
	if (n > n_max)
		n = n_max;
	for (size_t i = 0; i < n; i++)
		ret_entries[i] = all[i];
	return n;
}
