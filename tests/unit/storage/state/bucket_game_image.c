/* SPDX-License-Identifier: MIT */

/* Images are made piece by piece, and read back. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/record.h"
#include "tests/unit/storage/state/bucket_check.h"
#include "tests/unit/storage/state/bucket_game.h"

void game_image(void)
{
	uint64_t keep_from = state_keep_from(game.state);

	if (game.is_imaging || game.is_imaged)
		return;
	game.is_cut = draw(3) == 0 && keep_from < game.state->committed;
	if (game.is_cut)
		keep_from +=
			draw((unsigned)(game.state->committed - keep_from));
	game.is_imaging = true;
	buffer_clear(&game.rows);
	image_begin(&game.cursor, game.state, keep_from);
}

void game_image_piece(void)
{
	size_t n = game.rows.n + draw(9000) + 1;

	assert_int_equal(image_next(game.state, &game.cursor, n, &game.rows),
			 0);
	if (game.cursor.part != IMAGE_END)
		return;
	game.end = game.state->revision;
	game.is_imaging = false;
	game.is_imaged = true;
}

static void load_rows(struct state *state)
{
	struct record_reader reader = { (const uint8_t *)game.rows.bytes,
					game.rows.n };
	const uint8_t *bytes;
	size_t n;

	while (record_next(&reader, &bytes, &n) > 0) {
		Helio__Store__V1__Row *row =
			helio__store__v1__row__unpack(NULL, n, bytes);

		assert_non_null(row);
		assert_int_equal(image_load_row(state, row), 0);
		helio__store__v1__row__free_unpacked(row, NULL);
	}
	assert_int_equal(reader.n_left, 0);
}

static int load_step(struct state *state, uint64_t revision)
{
	const struct packed *packed = &game.journal[revision - 1];
	Helio__Store__V1__Step *step =
		helio__store__v1__step__unpack(NULL, packed->n, packed->bytes);
	int r;

	assert_non_null(step);
	r = image_load_step(state, step, game.cursor.begin, game.end);
	helio__store__v1__step__free_unpacked(step, NULL);
	return r;
}

static struct state *load(void)
{
	struct state *state = calloc(1, sizeof(*state));
	uint64_t from = game.cursor.keep_from;

	assert_non_null(state);
	assert_int_equal(state_init(state, NULL), 0);
	load_rows(state);
	if (from < game.cursor.begin + 1)
		assert_int_equal(load_step(state, from + 1), -EBADMSG);
	for (from -= draw((unsigned)from); from <= game.model.committed; from++)
		assert_int_equal(load_step(state, from ? from : 1), 0);
	assert_int_equal(image_loaded(state, game.end), 0);
	return state;
}

/*
 * What there is of a bucket whose `history` was changed depends on when keys
 * were, so that part, the last bucket, is left out.
 */
static void leave_out_changed(char *dump)
{
	int index = model_find(&game.model, "b3");
	char *from = strstr(dump, "bucket b3 ");
	char *to;

	if (index < 0 || !game.model.buckets[index].was_changed || !from)
		return;
	to = strstr(from, "\noutgoing");
	if (to)
		memmove(from, to, strlen(to) + 1);
	else
		*from = '\0';
}

static void check_same(const struct state *state)
{
	char *is = state_dump(game.state, true);
	char *loaded = state_dump(state, true);

	assert_true(is && loaded);
	leave_out_changed(is);
	leave_out_changed(loaded);
	assert_string_equal(loaded, is);
	assert_int_equal(state->revision, game.state->revision);
	assert_int_equal(state->unix_ms, game.state->unix_ms);
	assert_int_equal(state->next_outgoing, game.state->next_outgoing);
	free(is);
	free(loaded);
}

void game_load(void)
{
	struct state *state;

	if (!game.is_imaged || game.state->committed != game.state->revision)
		return;
	state = load();
	game.is_imaged = false;
	game.n_loads++;
	bucket_check(state, "b3");
	if (game.is_cut)
		game.cut = game.cursor.keep_from;
	else
		check_same(state);
	state_deinit(game.state);
	free(game.state);
	game.state = state;
	game.dump_revision = UINT64_MAX;
	game_check();
}
