/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/disk/journal_inside.h"

DEFINE_CLEANUP(struct journal *, journal_close);

const struct store_layout journal_layout = {
	.application = "HLjr",
	.version = 1,
	.n_tables = JOURNAL_TABLES,
	.tables = {
		[JOURNAL_META] = { "meta", STORE_KEYED },
		[JOURNAL_STEPS] = { "journal", STORE_NUMBERED },
		[JOURNAL_PIECES] = { "snapshot", STORE_NUMBERED },
	},
};

/* ---- opening ---- */

/* Generations are never used twice, whatever became of them. */
static int find_generation(struct journal *journal)
{
	uint64_t number = 0;
	int r;

	r = journal_seek(journal, JOURNAL_PIECES, STORE_AT_OR_BEFORE, INT64_MAX,
			 &number);
	number >>= JOURNAL_PIECE_BITS;
	if (number < journal->facts.whole.generation)
		number = journal->facts.whole.generation;
	journal->next_generation = number + 1;
	journal->has_old_steps = true;
	journal->has_old_pieces = true;
	return r;
}

/* In a snapshot. 0: the file is new. */
static int read_all(struct journal *journal, struct state *state,
		    struct fault *fault)
{
	int r;

	r = journal_read_meta(journal, fault);
	if (r > 0)
		r = journal_load(journal, state, fault);
	if (r >= 0)
		r = find_generation(journal);
	return fault_of(fault, journal->store, r);
}

/*
 * What a process left behind that died before it could sync is brought to disk
 * before anybody is told of it; without room for that it has at least been
 * synced where it is.
 */
static int settle(struct journal *journal)
{
	int r = store_begin(journal->store);

	if (r >= 0)
		store_rollback(journal->store);
	return r == -ENOSPC ? 0 : r;
}

static int open_store(struct journal *journal, unsigned flags,
		      struct fault *fault)
{
	int r;

	r = store_open(journal->backend, journal->path, &journal_layout, flags,
		       &journal->store);
	return fault_of(fault, NULL, r);
}

static int open_and_read(struct journal *journal, struct state *state,
			 struct fault *fault)
{
	bool is_new;
	int r;

	r = open_store(journal, journal->flags | STORE_CREATE, fault);
	if (r >= 0)
		r = fault_of(fault, journal->store,
			     store_snapshot(journal->store));
	if (r < 0)
		return r;
	r = read_all(journal, state, fault);
	store_end(journal->store);
	is_new = !journal->id[0];
	if (r >= 0)
		r = is_new ? journal_write_birth(journal) : settle(journal);
	return fault_of(fault, journal->store, r);
}

static struct journal *journal_new(struct backend *backend, const char *path,
				   unsigned flags)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->backend = backend;
	journal->flags = flags;
	journal->n_kept_bytes = JOURNAL_KEPT_BYTES;
	journal->path = strdup(path);
	return journal->path ? journal : journal_close(journal);
}

int journal_open_with(struct backend *backend, const char *path, unsigned flags,
		      struct state *state, struct journal **ret_journal,
		      char **ret_why)
{
	_cleanup_(journal_closep) struct journal *journal =
		journal_new(backend, path, flags);
	struct fault fault;
	int r;

	*ret_why = NULL;
	if (!journal)
		return -ENOMEM;
	fault_at(&fault, path);
	r = open_and_read(journal, state, &fault);
	if (r < 0) {
		*ret_why = fault_text(&fault);
		return r;
	}
	*ret_journal = take_ptr(journal);
	return 0;
}

int journal_open(struct backend *backend, const char *path, struct state *state,
		 struct journal **ret_journal, char **ret_why)
{
	return journal_open_with(backend, path, STORE_LARGE, state, ret_journal,
				 ret_why);
}

struct journal *journal_close(struct journal *journal)
{
	if (!journal)
		return NULL;
	store_close(journal->store);
	journal_marks_deinit(&journal->marks);
	free(journal->path);
	free(journal);
	return NULL;
}

/* ---- opening again ---- */

static int look_again(struct journal *journal, size_t *ret_n,
		      struct fault *fault)
{
	uint64_t last = journal->facts.extent.last;
	char id[sizeof(journal->id)];
	int r;

	memcpy(id, journal->id, sizeof(id));
	r = journal_read_meta(journal, fault);
	if (r < 0)
		return r;
	if (!r || strcmp(id, journal->id) != 0)
		return fault_found(fault, 0, "it is another store now");
	if (journal->facts.extent.last < last)
		return fault_found(fault, last, "revisions are gone");
	r = journal_load_last(journal, ret_n, fault);
	return r < 0 ? r : find_generation(journal);
}

static int reopen(struct journal *journal, size_t *ret_n, struct fault *fault)
{
	int r;

	journal->store = store_close(journal->store);
	r = open_store(journal, journal->flags, fault);
	if (r < 0)
		return r;
	r = store_snapshot(journal->store);
	if (r >= 0)
		r = look_again(journal, ret_n, fault);
	store_end(journal->store);
	if (r >= 0)
		r = settle(journal);
	return fault_of(fault, journal->store, r);
}

int journal_reopen(struct journal *journal, uint64_t *ret_last, char **ret_why)
{
	struct journal_facts before = journal->facts;
	const struct journal_extent *extent = &journal->facts.extent;
	struct fault fault;
	size_t n;
	int r;

	*ret_why = NULL;
	fault_at(&fault, journal->path);
	r = reopen(journal, &n, &fault);
	if (r < 0) {
		*ret_why = fault_text(&fault);
		journal->store = store_close(journal->store);
		journal->facts = before;
		return r;
	}
	if (extent->last > before.extent.last)
		journal_marks_add(&journal->marks, extent->last_row, n);
	*ret_last = extent->last;
	return 0;
}

/* ---- what is told ---- */

const char *journal_id(const struct journal *journal)
{
	return journal->id;
}

void journal_size(const struct journal *journal, struct journal_size *ret)
{
	*ret = (struct journal_size){
		.n_journal_bytes = journal->facts.extent.n_bytes,
		.n_snapshot_bytes = journal->facts.whole.n_bytes,
	};
}
