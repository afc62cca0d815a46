/* SPDX-License-Identifier: MIT */

#include "switch/sketch.h"

#include <stdlib.h>
#include <string.h>

/* Returns its place, or n_entries. */
static size_t find(const struct sketch *sketch, uint64_t hash,
		   const char *subject, size_t n_subject)
{
	size_t place = 0;

	for (; place < sketch->n_entries; place++)
		if (sketch->hashes[place] == hash &&
		    sketch->n_subjects[place] == n_subject &&
		    !memcmp(sketch->subjects[place], subject, n_subject))
			break;
	return place;
}

static size_t find_rarest(const struct sketch *sketch)
{
	size_t rarest = 0;

	for (size_t i = 1; i < sketch->n_entries; i++)
		if (sketch->counts[i] < sketch->counts[rarest])
			rarest = i;
	return rarest;
}

/* An empty place, or that of the rarest with what was counted there. */
static size_t take_place(struct sketch *sketch)
{
	size_t place;

	if (sketch->n_entries < SKETCH_ENTRIES)
		return sketch->n_entries++;
	place = find_rarest(sketch);
	sketch->errors[place] = sketch->counts[place];
	return place;
}

void sketch_add(struct sketch *sketch, uint64_t hash, const char *subject,
		size_t n_subject, uint64_t weight)
{
	size_t place = find(sketch, hash, subject, n_subject);

	if (place == sketch->n_entries) {
		place = take_place(sketch);
		sketch->hashes[place] = hash;
		sketch->n_subjects[place] = (uint8_t)n_subject;
		memcpy(sketch->subjects[place], subject, n_subject);
	}
	sketch->counts[place] += weight;
}

/* Rounded so that count - error does not grow. */
void sketch_halve(struct sketch *sketch)
{
	for (size_t i = 0; i < sketch->n_entries; i++) {
		uint64_t sure = (sketch->counts[i] - sketch->errors[i]) / 2;

		sketch->counts[i] -= sketch->counts[i] / 2;
		sketch->errors[i] = sketch->counts[i] - sure;
	}
}

static int by_count_down(const void *a, const void *b)
{
	const struct sketch_entry *x = a;
	const struct sketch_entry *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->error < y->error ? -1 : x->error > y->error;
}

size_t sketch_busiest(const struct sketch *sketch,
		      struct sketch_entry *ret_entries, size_t n_max)
{
	struct sketch_entry all[SKETCH_ENTRIES];
	size_t n = sketch->n_entries;

	for (size_t i = 0; i < n; i++)
		all[i] = (struct sketch_entry){
			.subject = sketch->subjects[i],
			.n_subject = sketch->n_subjects[i],
			.count = sketch->counts[i],
			.error = sketch->errors[i],
		};
	qsort(all, n, sizeof(*all), by_count_down);
	if (n > n_max)
		n = n_max;
	memcpy(ret_entries, all, n * sizeof(*all));
	return n;
}
