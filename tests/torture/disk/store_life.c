/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/store_life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/complaint.h"

enum {
	BATCH_MAX = 10, /* requests */
	WORK = 20,      /* steps */
};

static void must(int r, const char *what)
{
	if (r < 0)
		complain("%s: %s", what, strerror(-r));
}

/* Whether a key had older versions is not known as well from the disk. */
static void forget_cuts(char *dump)
{
	char *cut;

	while ((cut = strstr(dump, " cut\n"))) {
		dump = cut;
		memmove(cut, cut + 4, strlen(cut + 4) + 1);
	}
}

static char *dump_of(const struct state *state)
{
	char *dump = state_dump(state, false);

	if (!dump)
		complain("no memory");
	forget_cuts(dump);
	return dump;
}

void store_life_differ(const char *what, const char *is, const char *ought)
{
	const char *line_is = is;
	const char *line_ought = ought;

	for (; *is && *is == *ought; is++, ought++)
		if (*is == '\n') {
			line_is = is + 1;
			line_ought = ought + 1;
		}
	complain("%s\n is:    %.*s\n ought: %.*s", what,
		 (int)strcspn(line_is, "\n"), line_is,
		 (int)strcspn(line_ought, "\n"), line_ought);
}

/* ---- opening and closing ---- */

static void open_journal(struct store_life *life, unsigned flags)
{
	struct dice *dice = &life->chores.dice;
	char *why;
	int r;

	must(state_init(&life->state, NULL), "a state");
	r = journal_open_with(backend_sqlite(), life->path, flags, &life->state,
			      &life->journal, &why);
	if (r < 0)
		complain("opening: %s: %s", strerror(-r), why ? why : "?");
	snapshot_init(&life->snapshot);
	life->snapshot.journal_bytes = dice_between(dice, 1000, 20000);
	life->snapshot.times = (unsigned)dice_below(dice, 3);
	life->snapshot.piece_bytes = dice_between(dice, 1000, 20000);
	life->n_openings++;
}

void store_life_close(struct store_life *life)
{
	life->journal = journal_close(life->journal);
	snapshot_deinit(&life->snapshot);
	state_deinit(&life->state);
}

static void check_against_mirror(struct store_life *life)
{
	char *is = dump_of(&life->state);
	char *ought = dump_of(&life->mirror);

	if (strcmp(is, ought) != 0)
		store_life_differ("the store is not as it was", is, ought);
	free(is);
	free(ought);
}

static void open_again(struct store_life *life)
{
	store_life_close(life);
	open_journal(life, dice_is(&life->chores.dice, life->large_percent)
				   ? STORE_LARGE
				   : 0);
	check_against_mirror(life);
}

/* ---- batches ---- */

static void tell_mirror(struct store_life *life)
{
	struct record_reader reader = { (const uint8_t *)life->steps.bytes,
					life->steps.n };
	const uint8_t *bytes;
	size_t n;

	while (record_next(&reader, &bytes, &n) > 0) {
		Helio__Store__V1__Step *step =
			helio__store__v1__step__unpack(NULL, n, bytes);

		must(step ? state_apply(&life->mirror, step) : -1, "a mirror");
		helio__store__v1__step__free_unpacked(step, NULL);
	}
	state_commit(&life->mirror, life->mirror.revision);
}

static struct store_commit *add_commit(struct store_life *life)
{
	if (life->n_commits == life->n_commits_max) {
		life->n_commits_max = life->n_commits_max * 2 + 64;
		life->commits = reallocarray(life->commits, life->n_commits_max,
					     sizeof(*life->commits));
		if (!life->commits)
			complain("no memory");
	}
	tell_mirror(life);
	life->commits[life->n_commits] = (struct store_commit){
		.begun = life->position(),
		.dump = dump_of(&life->mirror),
	};
	return &life->commits[life->n_commits++];
}

/* More is asked of it while the batch is written. */
static void work_meanwhile(struct store_life *life)
{
	struct buffer lost;

	buffer_init(&lost, SIZE_MAX);
	for (unsigned i = 0; i < BATCH_MAX; i++)
		chores_do(&life->chores, &life->state, &lost);
	buffer_deinit(&lost);
}

static void commit(struct store_life *life, struct journal_batch *batch)
{
	struct store_commit *commit = add_commit(life);
	int r;

	snapshot_fill(&life->snapshot, &life->state, life->journal, batch);
	if (dice_is(&life->chores.dice, 20))
		work_meanwhile(life);
	r = journal_commit(life->journal, batch);
	snapshot_done(&life->snapshot, r);
	if (r != 0)
		complain("commit: %s", strerror(-r));
	commit->done = life->position();
	life->n_snapshots += batch->rows && batch->is_snapshot_last;
	state_commit(&life->state, life->mirror.revision);
	state_revert(&life->state);
}

/* As when there was no room for it. */
static void fail(struct store_life *life)
{
	state_revert(&life->state);
	snapshot_done(&life->snapshot, -ENOSPC);
	life->n_failures++;
}

static void do_batch(struct store_life *life)
{
	uint64_t first = life->state.revision + 1;
	unsigned n = (unsigned)dice_below(&life->chores.dice, BATCH_MAX);
	struct journal_batch batch = { 0 };

	buffer_clear(&life->steps);
	for (unsigned i = 0; i < n; i++)
		chores_do(&life->chores, &life->state, &life->steps);
	if (life->state.revision >= first) {
		batch.first = first;
		batch.last = life->state.revision;
		batch.steps = life->steps.bytes;
		batch.n_steps = life->steps.n;
	}
	if (dice_is(&life->chores.dice, 2))
		fail(life);
	else
		commit(life, &batch);
}

void store_life_step(struct store_life *life)
{
	do_batch(life);
	if (dice_is(&life->chores.dice, 3))
		open_again(life);
	else if (dice_is(&life->chores.dice, 10))
		check_against_mirror(life);
}

/* ---- all of it ---- */

void store_life_init(struct store_life *life, const char *folder, uint64_t seed,
		     uint64_t stream, size_t (*position)(void))
{
	*life = (struct store_life){ .position = position };
	snprintf(life->path, sizeof(life->path), "%s/store.db", folder);
	chores_init(&life->chores, seed, stream);
	buffer_init(&life->steps, SIZE_MAX);
	must(state_init(&life->mirror, NULL), "a mirror");
	open_journal(life, 0);
}

void store_life_deinit(struct store_life *life)
{
	for (size_t i = 0; i < life->n_commits; i++)
		free(life->commits[i].dump);
	free(life->commits);
	buffer_deinit(&life->steps);
	state_deinit(&life->mirror);
}

char *store_life_read(const char *path, int *ret_error, char **ret_why)
{
	struct journal *journal;
	struct state state;
	char *dump = NULL;
	int r;

	must(state_init(&state, NULL), "a state");
	r = journal_open_with(backend_sqlite(), path, 0, &state, &journal,
			      ret_why);
	if (r >= 0) {
		dump = dump_of(&state);
		journal_close(journal);
	}
	state_deinit(&state);
	*ret_error = r;
	return dump;
}

/* One batch more. What journal_commit() returned. */
static int commit_more(struct store_life *life)
{
	uint64_t first = life->state.revision + 1;
	struct journal_batch batch = { .first = first };
	int r;

	buffer_clear(&life->steps);
	while (life->state.revision < first)
		chores_do(&life->chores, &life->state, &life->steps);
	batch.last = life->state.revision;
	batch.steps = life->steps.bytes;
	batch.n_steps = life->steps.n;
	snapshot_fill(&life->snapshot, &life->state, life->journal, &batch);
	r = journal_commit(life->journal, &batch);
	snapshot_done(&life->snapshot, r);
	if (r >= 0)
		state_commit(&life->state, life->state.revision);
	else
		state_revert(&life->state);
	return r;
}

char *store_life_work(const char *path, uint64_t seed, uint64_t stream)
{
	struct store_life life = { .journal = NULL };
	char *dump = NULL;
	int r = 0;

	snprintf(life.path, sizeof(life.path), "%s", path);
	chores_init(&life.chores, seed, stream);
	buffer_init(&life.steps, SIZE_MAX);
	open_journal(&life, 0);
	life.chores.now = life.state.unix_ms;
	for (unsigned i = 0; i < WORK && r >= 0; i++)
		r = commit_more(&life);
	if (r >= 0 || r == -EBADMSG)
		dump = dump_of(&life.state);
	store_life_close(&life);
	buffer_deinit(&life.steps);
	return dump;
}
