/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/disk/slate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "storage/state/image.h"

enum { TEXT_MAX = 40000 };

void slate_init(struct slate *slate)
{
	*slate = (struct slate){
		.row_bytes = 300,
		.keep_from = UINT64_MAX,
	};
}

uint64_t slate_chance(uint64_t of)
{
	return map_hash_u64(of + 1);
}

static unsigned place_of(uint64_t revision)
{
	return (unsigned)(slate_chance(revision) % SLATE_PLACES);
}

static char *text_of(uint64_t number, size_t n)
{
	char *text = malloc(n + 1);

	assert_non_null(text);
	memset(text, 'a' + (int)(number % 26), n);
	text[n] = '\0';
	return text;
}

static size_t step_bytes(uint64_t revision)
{
	uint64_t chance = slate_chance(revision) >> 32;

	return chance % 50 ? chance % 700 : chance % TEXT_MAX;
}

void slate_step(struct slate *slate, struct buffer *out)
{
	uint64_t revision = ++slate->state.revision;
	Helio__Store__V1__Step step = HELIO__STORE__V1__STEP__INIT;

	step.has_revision = true;
	step.revision = revision;
	step.principal = text_of(revision, step_bytes(revision));
	slate->places[place_of(revision)] = revision;
	assert_int_equal(record_add(out, &step.base), 0);
	free(step.principal);
}

void slate_check(const struct slate *slate, uint64_t revision)
{
	uint64_t places[SLATE_PLACES] = { 0 };

	for (uint64_t i = 1; i <= revision; i++)
		places[place_of(i)] = i;
	assert_int_equal(slate->state.revision, revision);
	assert_memory_equal(slate->places, places, sizeof(places));
}

/* ---- as a snapshot ---- */

static struct slate *slate_of(const struct state *state)
{
	return container_of((uintptr_t)state, struct slate, state);
}

void image_begin(struct image_cursor *cursor, const struct state *state,
		 uint64_t keep_from)
{
	*cursor = (struct image_cursor){
		.begin = state->revision,
		.keep_from = keep_from,
	};
}

uint64_t state_keep_from(const struct state *state)
{
	return slate_of(state)->keep_from;
}

static int add_row(const struct slate *slate, uint64_t place,
		   struct buffer *out)
{
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Outgoing outgoing = HELIO__STORE__V1__OUTGOING__INIT;
	int r;

	row.what_case = HELIO__STORE__V1__ROW__WHAT_OUTGOING;
	row.outgoing = &outgoing;
	outgoing.has_number = true;
	outgoing.number = slate->places[place] * SLATE_PLACES + place;
	outgoing.key = text_of(place, slate->row_bytes);
	r = record_add(out, &row.base);
	free(outgoing.key);
	return r;
}

int image_next(const struct state *state, struct image_cursor *cursor,
	       size_t n_bytes, struct buffer *out)
{
	const struct slate *slate = slate_of(state);
	int r = 0;

	while (cursor->id < SLATE_PLACES && out->n < n_bytes && r >= 0)
		r = add_row(slate, cursor->id++, out);
	if (cursor->id == SLATE_PLACES)
		cursor->part = IMAGE_END;
	return r;
}

int image_load_row(struct state *state, const Helio__Store__V1__Row *row)
{
	struct slate *slate = slate_of(state);
	uint64_t number;

	if (row->what_case != HELIO__STORE__V1__ROW__WHAT_OUTGOING)
		return -EBADMSG;
	number = row->outgoing->number;
	slate->places[number % SLATE_PLACES] = number / SLATE_PLACES;
	slate->n_rows++;
	return 0;
}

int image_load_step(struct state *state, const Helio__Store__V1__Step *step,
		    uint64_t begin, uint64_t end)
{
	struct slate *slate = slate_of(state);
	uint64_t *place = &slate->places[place_of(step->revision)];

	if (!slate->first)
		slate->first = step->revision;
	slate->begin = begin;
	slate->end = end;
	if (strlen(step->principal) != step_bytes(step->revision))
		return -EBADMSG;
	if (step->revision > begin && step->revision > *place)
		*place = step->revision;
	state->revision = step->revision;
	return 0;
}

int image_loaded(struct state *state, uint64_t end)
{
	slate_of(state)->is_loaded = true;
	return state->revision < end ? -EBADMSG : 0;
}
