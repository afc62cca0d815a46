/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/job_shot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/record.h"

enum { PIECE_BYTES_MAX = 800, ROWS_BYTES_MAX = 1 << 24 };

static void begin(struct job_shot *shot, const struct state *state)
{
	shot->is_begun = true;
	shot->has_ended = false;
	shot->begin = state->revision;
	buffer_init(&shot->rows, ROWS_BYTES_MAX);
	image_begin(&shot->cursor, state, UINT64_MAX);
}

static void forget(struct job_shot *shot)
{
	if (shot->is_begun)
		buffer_deinit(&shot->rows);
	shot->is_begun = false;
}

/* ---- read ---- */

static void load_rows(struct state *state, const struct buffer *rows)
{
	struct record_reader reader = { (const uint8_t *)rows->bytes, rows->n };
	const uint8_t *message;
	size_t n;

	while (record_next(&reader, &message, &n) > 0) {
		Helio__Store__V1__Row *row =
			helio__store__v1__row__unpack(NULL, n, message);

		assert_non_null(row);
		assert_int_equal(image_load_row(state, row), 0);
		helio__store__v1__row__free_unpacked(row, NULL);
	}
	assert_int_equal(reader.n_left, 0);
}

static void load_steps(struct state *state, const struct job_world *world,
		       uint64_t after, uint64_t end)
{
	for (size_t i = 0; i < world->n_steps; i++) {
		const struct world_step *at = &world->steps[i];
		Helio__Store__V1__Step *step;

		if (at->revision <= after)
			continue;
		step = helio__store__v1__step__unpack(NULL, at->n, at->bytes);
		assert_non_null(step);
		assert_int_equal(image_load_step(state, step, after, end), 0);
		helio__store__v1__step__free_unpacked(step, NULL);
	}
}

static void assert_same(const struct state *state, const struct state *other)
{
	char *text = world_dump(state), *expected = world_dump(other);

	assert_string_equal(text, expected);
	free(text);
	free(expected);
}

/* Nothing but what is on disk: all is committed. */
static void read_back(struct job_world *world, const struct buffer *rows,
		      uint64_t after, uint64_t end)
{
	struct state state;

	assert_int_equal(world->state.revision, world->state.committed);
	assert_int_equal(state_init(&state, &world->state.limits), 0);
	if (rows)
		load_rows(&state, rows);
	load_steps(&state, world, after, end);
	assert_int_equal(image_loaded(&state, end), 0);
	assert_same(&state, &world->state);
	world_check(&state);
	state_deinit(&state);
}

/* ---- taken ---- */

void job_shot_go_on(struct job_shot *shot, struct job_world *world,
		    struct dice *dice)
{
	if (!shot->is_begun) {
		begin(shot, &world->state);
		return;
	}
	if (shot->has_ended) {
		if (!dice_is(dice, 30))
			return;
		read_back(world, &shot->rows, shot->begin, shot->end);
		shot->n_read++;
		forget(shot);
		return;
	}
	assert_int_equal(
		image_next(&world->state, &shot->cursor,
			   shot->rows.n + 1 + dice_below(dice, PIECE_BYTES_MAX),
			   &shot->rows),
		0);
	shot->end = world->state.revision;
	shot->has_ended = shot->cursor.part == IMAGE_END;
}

void job_shot_end(struct job_shot *shot, struct job_world *world)
{
	if (shot->is_begun && shot->has_ended)
		read_back(world, &shot->rows, shot->begin, shot->end);
	read_back(world, NULL, 0, 0);
	forget(shot);
}
