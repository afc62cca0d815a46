/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/backend.h"
#include "tests/torture/disk/judge.h"
#include "tests/torture/disk/tape.h"

enum {
	CONDITIONS_MAX = 64,
	PRODUCERS = 2,
};

static const uint64_t BEGIN_NS = UINT64_C(1700000000) * 1000000000u;

/* ---- opening and failing ---- */

static void fail(struct workload *workload, const char *what, int r,
		 const char *why)
{
	if (!workload->is_faulty || (workload->is_full && r != -ENOSPC))
		complain("%s: %s (%s)", what, strerror(-r), why ? why : "");
	workload->n_errors++;
}

static void open_log(struct workload *workload, bool create)
{
	char *why = NULL;
	int r;

	r = log_open(workload->backend, workload->folder, create,
		     &workload->limits, &workload->log, &why);
	if (r < 0) {
		fail(workload, create ? "making the log" : "opening the log", r,
		     why);
		workload->log = NULL;
	}
	free(why);
}

static void open_view(struct workload *workload)
{
	char *why = NULL;
	int r = view_open(workload->backend, workload->folder, &workload->view,
			  &why);

	if (r < 0) {
		fail(workload, "opening a view", r, why);
		workload->view = NULL;
	}
	free(why);
}

/* After any other error it takes nothing until it is opened again. */
static void fail_log(struct workload *workload, const char *what, int r)
{
	fail(workload, what, r, NULL);
	if (r != -ENOSPC)
		workload->log = log_close(workload->log);
}

/* What the log says after it was opened settles what was in doubt. */
static void settle(struct workload *workload)
{
	struct oracle *oracle = &workload->oracle;
	const struct log_status *status = log_status(workload->log);
	struct oracle_append *append =
		oracle->n_appends ? &oracle->appends[oracle->n_appends - 1]
				  : NULL;

	if (append && !append->span.end) {
		if (status->last == append->last)
			oracle_done(oracle, tape_position());
		else
			oracle_undo(oracle);
	}
	if (status->last != oracle->last)
		complain("opened again it ends at %llu instead of %llu",
			 (unsigned long long)status->last,
			 (unsigned long long)oracle->last);
	if (status->first > status->last + 1)
		complain("it begins at %llu and ends at %llu",
			 (unsigned long long)status->first,
			 (unsigned long long)status->last);
	workload->first = status->first;
}

/* Whether they are these. A disk that fails again says nothing about them. */
static bool has_state(struct workload *workload,
		      const struct oracle_state *state, bool *ret_is_unread)
{
	unsigned n_errors = 0;
	bool is_same;

	if (!workload->is_faulty)
		return judge_is_state(workload->log, state);
	is_same = judge_is_state_or_error(workload->log, state, &n_errors);
	*ret_is_unread |= n_errors > 0;
	return is_same;
}

/* Of a commit of small things that failed nobody knows. */
static void settle_state(struct workload *workload)
{
	struct oracle *oracle = &workload->oracle;
	struct oracle_state *state = &oracle->states[oracle->n_states - 1];
	bool is_unread = false;

	if (has_state(workload, state, &is_unread)) {
		if (!state->span.end && !is_unread)
			state->span.end = tape_position();
	} else if (state->span.end) {
		complain("small things are lost");
	} else if (!has_state(workload, state - 1, &is_unread)) {
		complain("small things are neither old nor new");
	} else if (!is_unread) {
		oracle->n_states--;
	}
	if (is_unread)
		fail_log(workload, "small things", -EIO);
}

void workload_recover(struct workload *workload)
{
	if (workload->log)
		return;
	/* What the process before left cannot be settled while it is read. */
	workload->view = view_close(workload->view);
	open_log(workload, false);
	if (!workload->log)
		return;
	settle(workload);
	settle_state(workload);
}

static void reopen(struct workload *workload)
{
	workload->log = log_close(workload->log);
	workload_recover(workload);
}

/* ---- appending ---- */

static void draw_key(struct workload *workload, struct entry *entry)
{
	const struct oracle *oracle = &workload->oracle;
	struct dice *dice = &workload->dice;
	unsigned producer = (unsigned)dice_below(dice, PRODUCERS);
	char name[16];
	uint64_t next;

	if (dice_is(dice, 50)) {
		snprintf(entry->key, sizeof(entry->key), "k%llu",
			 (unsigned long long)entry->id);
		return;
	}
	snprintf(name, sizeof(name), "producer:w%u", producer);
	next = oracle_producer_last(oracle, oracle->n_appends, entry->source,
				    name) +
	       1;
	if (dice_is(dice, 10))
		next += dice_between(dice, 1, 3);
	snprintf(entry->key, sizeof(entry->key), "%s:%llu", name,
		 (unsigned long long)next);
}

/* One that was stored already, perhaps with another body. */
static bool draw_repeat(struct workload *workload, struct entry *entry)
{
	const struct oracle *oracle = &workload->oracle;
	const struct entry *first;
	uint64_t time_ns = entry->time_ns;

	if (oracle->last < workload->first)
		return false;
	first = oracle_lookup(
		oracle, oracle->n_appends,
		dice_between(&workload->dice, workload->first, oracle->last));
	/* Whether one on the edge of the window is known is the log's. */
	if (!first->key[0] ||
	    first->time_ns + oracle->dedup_window_ns / 2 < time_ns)
		return false;
	*entry = *first;
	entry->time_ns = time_ns;
	entry->has_expected = false;
	if (dice_is(&workload->dice, 25))
		entry->id = workload->next_id++;
	return true;
}

static void draw_entry(struct workload *workload, struct entry *ret_entry)
{
	struct dice *dice = &workload->dice;
	struct entry entry = {
		.id = workload->next_id,
		.time_ns = workload->now_ns,
		.source = (unsigned)dice_below(dice, ORACLE_SOURCES),
	};

	/* Some subjects are rare. */
	entry.subject = (unsigned)dice_below(
		dice, dice_is(dice, 5) ? ORACLE_SUBJECTS : 4);
	if (dice_is(dice, 10) && draw_repeat(workload, &entry)) {
		*ret_entry = entry;
		return;
	}
	workload->next_id++;
	if (dice_is(dice, 30)) {
		draw_key(workload, &entry);
	} else if (dice_is(dice, 8)) {
		entry.has_expected = true;
		entry.expected = workload->oracle.last;
		if (dice_is(dice, 30) && entry.expected)
			entry.expected--;
	}
	*ret_entry = entry;
}

static void add_condition(const struct entry *entry, uint32_t place,
			  struct log_condition *conditions, size_t *n)
{
	if (!entry->key[0] && !entry->has_expected)
		return;
	conditions[(*n)++] = (struct log_condition){
		.place = place,
		.key = entry->key[0] ? entry->key : NULL,
		.durable_id = entry_durable_id(entry->source),
		.has_expected = entry->has_expected,
		.expected = entry->expected,
	};
}

/* Returns how many conditions there are; their keys live in the oracle. */
static size_t fill_builder(struct workload *workload, unsigned n_records,
			   struct log_condition *conditions)
{
	static uint8_t body[ORACLE_BODY_MAX];
	struct oracle *oracle = &workload->oracle;
	size_t n_conditions = 0, begin = oracle->n_entries;
	struct run_record record;
	struct entry entry;

	run_builder_clear(&workload->builder);
	for (unsigned i = 0; i < n_records; i++) {
		workload->now_ns += dice_below(&workload->dice, 100) * 1000;
		draw_entry(workload, &entry);
		entry_record(&entry, body, &record);
		if (run_builder_add(&workload->builder, &record) < 0)
			complain("a record does not fit");
		oracle_add(oracle, &entry);
	}
	for (unsigned i = 0; i < n_records; i++)
		add_condition(&oracle->entries[begin + i], i, conditions,
			      &n_conditions);
	return n_conditions;
}

static void check_verdicts(const struct workload *workload,
			   const struct log_verdict *verdicts, size_t n)
{
	const struct oracle *oracle = &workload->oracle;
	const struct oracle_append *append =
		&oracle->appends[oracle->n_appends - 1];
	size_t at = 0;

	for (size_t i = 0; i < append->n_entries; i++) {
		const struct entry *entry = &oracle->entries[append->entry + i];

		if (entry->outcome == LOG_STORED)
			continue;
		if (at == n || verdicts[at].place != i ||
		    verdicts[at].outcome != entry->outcome ||
		    verdicts[at].sequence != entry->sequence)
			complain("record %zu of an append, key '%s': outcome "
				 "%d of %llu expected, %d of %llu said",
				 i, entry->key, (int)entry->outcome,
				 (unsigned long long)entry->sequence,
				 at < n ? (int)verdicts[at].outcome : -1,
				 at < n ? (unsigned long long)verdicts[at]
						  .sequence
					: 0);
		at++;
	}
	if (at != n)
		complain("%zu verdicts instead of %zu", n, at);
}

static void check_refused(struct workload *workload, uint64_t last, int r)
{
	const struct log_status *status = log_status(workload->log);

	fail(workload, "append", r, NULL);
	if (r == -ENOSPC) {
		oracle_undo(&workload->oracle);
		if (status->last != last)
			complain("without room it goes on to %llu from %llu",
				 (unsigned long long)status->last,
				 (unsigned long long)last);
		return;
	}
	/* In doubt until it is opened again, and it takes nothing before. */
	if (log_append(workload->log, &workload->builder, NULL, 0,
		       &(uint64_t){ 0 }, &(const struct log_verdict *){ NULL },
		       &(size_t){ 0 }) >= 0)
		complain("it takes records after %s", strerror(-r));
	workload->log = log_close(workload->log);
}

static void append(struct workload *workload)
{
	struct oracle *oracle = &workload->oracle;
	struct log_condition conditions[CONDITIONS_MAX];
	const struct log_verdict *verdicts;
	unsigned n_records = (unsigned)dice_between(&workload->dice, 1,
						    workload->record_max);
	uint64_t last = oracle->last, first;
	size_t n_conditions, n_verdicts;
	int r;

	workload->now_ns += dice_below(&workload->dice, 50) * 1000000;
	oracle_begin(oracle, tape_position());
	n_conditions = fill_builder(workload, n_records, conditions);
	r = log_append(workload->log, &workload->builder, conditions,
		       n_conditions, &first, &verdicts, &n_verdicts);
	if (r < 0) {
		check_refused(workload, last, r);
		return;
	}
	oracle_done(oracle, tape_position());
	check_verdicts(workload, verdicts, n_verdicts);
	if (oracle->last > last && first != last + 1)
		complain("stored from %llu instead of %llu",
			 (unsigned long long)first,
			 (unsigned long long)last + 1);
	if (log_status(workload->log)->last != oracle->last)
		complain("the log ends at %llu instead of %llu",
			 (unsigned long long)log_status(workload->log)->last,
			 (unsigned long long)oracle->last);
}

/* ---- the rest ---- */

static int put_state(struct workload *workload, struct oracle_state *state)
{
	unsigned i = (unsigned)dice_below(&workload->dice, ORACLE_STATES);
	char key[] = "cursor/x";

	key[7] = (char)('a' + i);
	if (dice_is(&workload->dice, 20)) {
		state->n[i] = SIZE_MAX;
		return log_state_delete(workload->log, key);
	}
	state->n[i] =
		(size_t)dice_between(&workload->dice, 1, ORACLE_STATE_BYTES);
	dice_fill(&workload->dice, state->bytes[i], state->n[i]);
	return log_state_put(workload->log, key, state->bytes[i], state->n[i]);
}

static void commit_state(struct workload *workload)
{
	struct oracle *oracle = &workload->oracle;
	struct oracle_state *state = oracle_state_begin(oracle);
	unsigned n = (unsigned)dice_between(&workload->dice, 1, 3);
	int r = 0;

	state->span.begin = tape_position();
	while (n-- && !r)
		r = put_state(workload, state);
	if (!r)
		r = log_state_commit(workload->log);
	if (r < 0) {
		fail_log(workload, "small things", r);
		/* Without room they are as they were. */
		oracle->n_states -= r == -ENOSPC;
		return;
	}
	state->span.end = tape_position();
}

static void expire(struct workload *workload)
{
	uint64_t n_kept = dice_between(&workload->dice, 20, 400);
	uint64_t last = workload->oracle.last;
	uint64_t kept_from = last >= n_kept ? last - n_kept + 1 : 1;
	size_t begin = tape_position();
	int r;

	/* What was removed once does not come back with a wider limit. */
	if (kept_from < log_status(workload->log)->first)
		kept_from = log_status(workload->log)->first;
	workload->limits.records_max = n_kept;
	log_set_limits(workload->log, &workload->limits);
	r = log_expire(workload->log, workload->now_ns);
	if (r < 0)
		fail_log(workload, "expire", r);
	oracle_expire(&workload->oracle, begin, tape_position(), kept_from);
	if (!workload->log)
		return;
	workload->first = log_status(workload->log)->first;
	if (workload->first > kept_from)
		complain("expiry took %llu, which is kept",
			 (unsigned long long)kept_from);
	if (log_status(workload->log)->last != last)
		complain("expiry made the last one %llu, not %llu",
			 (unsigned long long)log_status(workload->log)->last,
			 (unsigned long long)last);
}

static void look(struct workload *workload)
{
	const struct log_status *status;
	uint64_t first;
	int r;

	if (!workload->view)
		open_view(workload);
	if (!workload->view)
		return;
	r = dice_is(&workload->dice, 50) ? view_checkpoint(workload->view) : 0;
	if (!r)
		r = view_refresh(workload->view);
	if (r < 0) {
		fail(workload, "view", r, NULL);
		workload->view = view_close(workload->view);
		return;
	}
	if (workload->is_faulty)
		return;
	status = view_status(workload->view);
	if (status->last != workload->oracle.last)
		complain("a view sees %llu and not %llu",
			 (unsigned long long)status->last,
			 (unsigned long long)workload->oracle.last);
	first = status->last > 50 ? status->last - 50 : 1;
	if (first < status->first)
		first = status->first;
	judge_records(workload->view, &workload->oracle,
		      workload->oracle.n_appends, first, status->last);
}

void workload_step(struct workload *workload)
{
	uint64_t roll = dice_below(&workload->dice, 100);

	if (!workload->log) {
		workload_recover(workload);
		return;
	}
	if (roll < 74)
		append(workload);
	else if (roll < 84)
		commit_state(workload);
	else if (roll < 88)
		expire(workload);
	else if (roll < 91)
		reopen(workload);
	else
		look(workload);
}

void workload_check(struct workload *workload)
{
	const struct log_status *status = log_status(workload->log);
	struct view *view;
	int r = view_open(workload->backend, workload->folder, &view, NULL);

	if (r < 0)
		complain("opening a view: %s", strerror(-r));
	judge_records(view, &workload->oracle, workload->oracle.n_appends,
		      status->first, workload->oracle.last);
	view_close(view);
}

void workload_init(struct workload *workload, const char *folder, uint64_t seed)
{
	*workload = (struct workload){
		.backend = backend_sqlite(),
		.limits.segment_bytes_max = 64 << 10,
		.dice = dice_new(seed, 1),
		.now_ns = BEGIN_NS,
		.next_id = 1,
		.first = 1,
		.record_max = 12,
	};
	snprintf(workload->folder, sizeof(workload->folder), "%s", folder);
	oracle_init(&workload->oracle);
	if (run_builder_init(&workload->builder) < 0)
		complain("no memory");
	workload->oracle.creation.begin = tape_position();
	open_log(workload, true);
	workload->oracle.creation.end = tape_position();
}

void workload_init_after(struct workload *workload, const struct workload *of,
			 size_t cut, const char *folder, uint64_t seed)
{
	*workload = (struct workload){
		.backend = of->backend,
		.limits = of->limits,
		.dice = dice_new(seed, 2),
		.now_ns = of->now_ns,
		.next_id = of->next_id,
		.first = 1,
		.record_max = of->record_max,
	};
	snprintf(workload->folder, sizeof(workload->folder), "%s", folder);
	oracle_copy(&of->oracle, cut, &workload->oracle);
	if (run_builder_init(&workload->builder) < 0)
		complain("no memory");
	workload_recover(workload);
}

void workload_close(struct workload *workload)
{
	workload->view = view_close(workload->view);
	workload->log = log_close(workload->log);
}

void workload_deinit(struct workload *workload)
{
	workload_close(workload);
	run_builder_deinit(&workload->builder);
	oracle_deinit(&workload->oracle);
}
