/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/heliograph-rpc.h"
#include "storage/hub.h"
#include "storage/state/value.h"
#include "storage/watch.h"

enum {
	REPLY_BYTES = 64 * 1024,
	ENTRY_BYTES = 128, /* beside key and value, at most about */
	/* Of one reply; then others have their turn. */
	LOOK_MAX = 4096,
};

/* A reply that is put together, and where the watch stands after it. */
struct step {
	struct watches *watches;
	struct watch *watch;
	uint64_t committed;
	size_t n, n_bytes;
	const struct key *last; /* that was looked at, of a listing */
	uint64_t told;
	uint64_t split;
	unsigned n_split;
	bool is_whole; /* all up to `told` is told by it */
	bool is_end;   /* there is no more now */
};

static size_t size_of(const struct watch *watch, const struct version *version)
{
	size_t n = ENTRY_BYTES + version->key->n_bytes;

	return watch->keys_only || !version->value
		       ? n
		       : n + version->value->n_bytes;
}

static bool has_room(const struct step *step, const struct version *version)
{
	return !step->n ||
	       (step->n < WATCH_ENTRIES_MAX &&
		step->n_bytes + size_of(step->watch, version) <= REPLY_BYTES);
}

static void add(struct step *step, const struct version *version)
{
	Helio__Store__V1__Entry *entry = &step->watches->entries[step->n];

	version_describe(version, step->watch->keys_only, entry);
	step->watches->shown[step->n++] = entry;
	step->n_bytes += size_of(step->watch, version);
}

/* ---- what is there ---- */

/* Returns 0, or -ERANGE: what it was is not kept any more. */
static int list(struct step *step)
{
	struct watch *watch = step->watch;
	const char *after = watch->after;
	unsigned n = 0;
	const struct key *key;
	int r = 0;

	while ((key = bucket_next_key(watch->hub->bucket, &watch->range, after,
				      false))) {
		const struct version *version = key_at(key, watch->told, &r);

		if (r < 0)
			return r;
		if (version && version->value && !has_room(step, version))
			return 0;
		if (++n > LOOK_MAX)
			return 0;
		if (version && version->value)
			add(step, version);
		step->last = key;
		after = key->text;
	}
	step->is_end = step->is_whole = true;
	return 0;
}

/* ---- what changes ---- */

/* From where it has been told: the first change after that, or NULL. */
static const struct version *first_change(struct step *step, int *r)
{
	const struct watch *watch = step->watch;

	*r = 0;
	if (watch->is_current)
		return watch->hub->first;
	return bucket_changes_after(watch->hub->bucket, watch->told, r);
}

/* All up to here is told with the first `n` entries. */
static void end_at(struct step *step, uint64_t revision, size_t n)
{
	step->n = n;
	step->told = revision;
	step->is_whole = true;
	step->n_split = 0;
}

/*
 * There is no room: the reply ends before the step that is being told, or, if
 * that is its first one, in the middle of it.
 */
static void cut(struct step *step, uint64_t revision, size_t n_whole,
		unsigned n_of_step)
{
	if (n_whole) {
		end_at(step, revision - 1, n_whole);
		return;
	}
	step->split = revision;
	step->n_split = n_of_step;
}

/* One that was told already, with the first part of its step. */
static bool is_told(const struct watch *watch, uint64_t revision, unsigned n)
{
	return watch->n_split > n && watch->split == revision;
}

/*
 * Entries of whole steps, as many as there is room for, or of one step a part.
 * Returns 0, or -ERANGE: they are not kept any more.
 */
static int gather(struct step *step)
{
	const struct watch *watch = step->watch;
	uint64_t revision = 0;
	size_t n_whole = 0;
	unsigned n_of_step = 0, n = 0;
	int r;

	for (const struct version *at = first_change(step, &r); at;
	     at = version_next(at, step->committed)) {
		if (at->revision != revision) {
			revision = at->revision;
			n_whole = step->n;
			n_of_step = 0;
			if (n > LOOK_MAX) {
				end_at(step, revision - 1, n_whole);
				return 0;
			}
		}
		n++;
		if (!key_range_has(&watch->range, at->key))
			continue;
		if (!is_told(watch, revision, n_of_step)) {
			if (!has_room(step, at)) {
				cut(step, revision, n_whole, n_of_step);
				return 0;
			}
			add(step, at);
		}
		n_of_step++;
	}
	if (r == 0) {
		end_at(step, step->committed, step->n);
		step->is_end = true;
	}
	return r;
}

/* ---- sending ---- */

static bool is_live(const struct step *step)
{
	return step->is_end && step->told == step->committed;
}

static int send(struct step *step)
{
	Helio__Store__V1__WatchReply reply =
		HELIO__STORE__V1__WATCH_REPLY__INIT;
	const struct watch *watch = step->watch;

	reply.entries = step->watches->shown;
	reply.n_entries = step->n;
	reply.has_revision = step->is_whole;
	reply.revision = step->told;
	reply.has_is_live = reply.is_live = is_live(step) && !watch->was_live;
	if (!step->n && !reply.has_is_live && !watch->owes_revision &&
	    !(watch->is_listing && step->is_whole))
		return 0;
	return helio_serving_send(watch->serving, &reply.base);
}

/* It was sent: there the watch stands now. */
static int move(struct step *step)
{
	struct watch *watch = step->watch;

	if (watch->is_listing && !step->is_whole) {
		char *after = step->last ? strdup(step->last->text) : NULL;

		if (!after)
			return -ENOMEM;
		free(watch->after);
		watch->after = after;
		return 0;
	}
	free(take_ptr(watch->after));
	watch->is_listing = false;
	watch->split = step->split;
	watch->n_split = step->n_split;
	watch->was_live |= is_live(step);
	if (!step->is_whole) {
		watch->is_current = false;
		return 0;
	}
	watch->told = step->told;
	watch->owes_revision = false;
	watch->is_current = is_live(step);
	if (step->n)
		watch->n_changes = watch->hub->bucket->n_committed_changes;
	return 0;
}

enum watch_outcome watch_step(struct watches *watches, struct watch *watch,
			      uint64_t committed)
{
	struct step step = {
		.watches = watches,
		.watch = watch,
		.committed = committed,
		.told = watch->told,
	};
	int r = watch->is_listing ? list(&step) : gather(&step);

	if (r < 0)
		return WATCH_LATE;
	r = send(&step);
	if (r == -EAGAIN)
		return WATCH_BLOCKED;
	if (r == 0)
		r = move(&step);
	if (r < 0)
		return WATCH_BROKEN;
	return watch->is_current ? WATCH_DONE : WATCH_MORE;
}
