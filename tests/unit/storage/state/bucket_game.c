/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/bucket_game.h"

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

#include "proto/status.h"
#include "tests/fault.h"

const char *const game_names[N_NAMES] = { "b0", "b1", "b2", "b3" };
const char *const game_keys[N_KEYS] = { "a",        "a/",         "a/1", "a/2",
					"a/22",     "b",          "ba",  "c",
					"\xc3\xa9", "\xc3\xa9/1", "zzz", "zz" };

struct game game;

static uint64_t random_state;

unsigned draw(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % n;
}

void game_set_up(uint64_t seed)
{
	random_state = seed * 2654435761u + 88172645463325252u;
	game.state = calloc(1, sizeof(*game.state));
	assert_non_null(game.state);
	assert_int_equal(state_init(game.state, NULL), 0);
	buffer_init(&game.rows, SIZE_MAX);
	game.now = 1000;
	game.dump_revision = UINT64_MAX;
}

void game_tear_down(void)
{
	state_deinit(game.state);
	free(game.state);
	model_deinit(&game.model);
	buffer_deinit(&game.rows);
	free(game.dump);
	for (size_t i = 0; i < game.n_journal_max; i++)
		free(game.journal[i].bytes);
	free(game.journal);
	memset(&game, 0, sizeof(game));
}

/* ---- requests ---- */

void game_begin(struct draft *draft)
{
	static const struct caller callers[] = {
		{ "vm:web", "web", 1 },
		{ "vm:db", "db", 2 },
	};

	draft_init(draft, game.state, game.now, &callers[draw(2)]);
}

static void keep_step(const Helio__Store__V1__Step *step)
{
	struct packed *packed;

	if (step->revision > game.n_journal_max) {
		size_t n = 2 * step->revision + 64;

		game.journal =
			reallocarray(game.journal, n, sizeof(*game.journal));
		assert_non_null(game.journal);
		memset(game.journal + game.n_journal_max, 0,
		       (n - game.n_journal_max) * sizeof(*game.journal));
		game.n_journal_max = n;
	}
	packed = &game.journal[step->revision - 1];
	free(packed->bytes);
	packed->n = helio__store__v1__step__get_packed_size(step);
	packed->bytes = malloc(packed->n + 1);
	assert_non_null(packed->bytes);
	helio__store__v1__step__pack(step, packed->bytes);
}

/* With each of its allocations failing in turn nothing is changed. */
static void apply_at_last(const Helio__Store__V1__Step *step)
{
	int r = -ENOMEM;

	for (unsigned n = 0; r; n++) {
		char *before = state_dump(game.state, false);
		char *after;

		fault_arm(n);
		r = state_apply(game.state, step);
		fault_disarm();
		if (r) {
			assert_int_equal(r, -ENOMEM);
			assert_true(fault_hit());
			after = state_dump(game.state, false);
			assert_string_equal(after, before);
			free(after);
		}
		free(before);
	}
}

bool game_end(struct draft *draft, unsigned status)
{
	bool has_changed = status == STATUS_OK && draft->step.n_changes;

	if (has_changed) {
		assert_int_equal(draft->step.revision,
				 game.state->revision + 1);
		keep_step(&draft->step);
		if (game.is_thorough)
			apply_at_last(&draft->step);
		else
			assert_int_equal(state_apply(game.state, &draft->step),
					 0);
	}
	draft_deinit(draft);
	return has_changed;
}

/* `wrongs` has a bit for each status that it may be; none: OK. */
void game_expect(unsigned wrongs, unsigned status,
		 const struct judgement *judgement)
{
	if (!wrongs) {
		if (status != STATUS_OK)
			print_message("%s\n", judgement->reason);
		assert_int_equal(status, STATUS_OK);
		return;
	}
	game.n_refused++;
	if (!(1u << status & wrongs))
		print_message("status %u, not one of %#x: %s\n", status, wrongs,
			      judgement->reason);
	assert_true(1u << status & wrongs);
	assert_true(*judgement->reason);
	assert_true(strlen(judgement->reason) < JUDGE_REASON_BYTES);
}

/* ---- the disk ---- */

void game_commit(void)
{
	uint64_t n = game.state->revision - game.state->committed;
	uint64_t to = game.state->committed + draw((unsigned)n + 1);

	if (draw(4))
		to = game.state->revision;
	if (to == game.state->revision && game.is_imaging)
		game_image_piece();
	state_commit(game.state, to);
	game.model.committed = to;
	assert_int_equal(game.state->committed, to);
	game_check();
	if (to != game.state->revision)
		return;
	free(game.dump);
	game.dump = state_dump(game.state, false);
	game.dump_revision = to;
}

void game_revert(void)
{
	char *dump;

	state_revert(game.state);
	model_truncate(&game.model, game.model.committed);
	assert_int_equal(game.state->revision, game.model.committed);
	game.n_messages = game.state->next_outgoing - 1;
	game.is_imaging = game.is_imaged = false;
	game_check();
	if (game.dump_revision != game.model.committed)
		return;
	dump = state_dump(game.state, false);
	assert_string_equal(dump, game.dump);
	free(dump);
}
