/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/judge.h"

#include <stdlib.h>
#include <string.h>

#include "logger/log.h"
#include "storage/backend/backend.h"

enum { BUFFER_BYTES = 1 << 20 };

/* ---- the bounds ---- */

static void bound_appends(const struct oracle *oracle, size_t cut,
			  struct judge_bounds *bounds)
{
	for (size_t i = 0; i < oracle->n_appends; i++) {
		const struct oracle_append *append = &oracle->appends[i];

		if (append->span.end && append->span.end <= cut)
			bounds->n_appends = i + 1;
		else if (append->span.begin < cut)
			bounds->has_append = true;
	}
}

static void bound_states(const struct oracle *oracle, size_t cut,
			 struct judge_bounds *bounds)
{
	for (size_t i = 0; i < oracle->n_states; i++) {
		const struct oracle_state *state = &oracle->states[i];

		if (i == 0 || (state->span.end && state->span.end <= cut))
			bounds->n_states = i + 1;
		else if (state->span.begin < cut)
			bounds->has_state = true;
	}
}

void judge_bounds_at(const struct oracle *oracle, size_t cut,
		     struct judge_bounds *ret_bounds)
{
	struct judge_bounds bounds = { .kept_from = 1 };

	bound_appends(oracle, cut, &bounds);
	bound_states(oracle, cut, &bounds);
	for (size_t i = 0; i < oracle->n_expiries; i++)
		if (oracle->expiries[i].span.begin < cut &&
		    oracle->expiries[i].kept_from > bounds.kept_from)
			bounds.kept_from = oracle->expiries[i].kept_from;
	bounds.is_created = oracle->creation.end && oracle->creation.end <= cut;
	*ret_bounds = bounds;
}

/* ---- records ---- */

static void judge_record(const struct oracle *oracle, size_t n_appends,
			 const struct run_record *record)
{
	const struct entry *entry =
		oracle_lookup(oracle, n_appends, record->sequence);
	const char *what;

	if (!entry)
		complain("record %llu is nobody's",
			 (unsigned long long)record->sequence);
	if (!entry_is(entry, record, &what))
		complain("record %llu is wrong: %s",
			 (unsigned long long)record->sequence, what);
}

/* One run; returns the sequence after its last record. */
static uint64_t judge_run(const struct oracle *oracle, size_t n_appends,
			  const uint8_t *run, size_t n, uint64_t wanted)
{
	static struct run_reader reader;
	struct run_record record;
	int r;

	r = run_reader_begin(&reader, run, n);
	if (r < 0)
		complain("the run with record %llu: %s",
			 (unsigned long long)wanted, strerror(-r));
	while ((r = run_reader_next(&reader, &record)) > 0) {
		judge_record(oracle, n_appends, &record);
		if (record.sequence > wanted)
			complain("record %llu is missing, %llu comes",
				 (unsigned long long)wanted,
				 (unsigned long long)record.sequence);
		if (record.sequence == wanted)
			wanted++;
	}
	if (r < 0)
		complain("record %llu is damaged", (unsigned long long)wanted);
	return wanted;
}

static uint32_t length_of(const uint8_t *run)
{
	return (uint32_t)run[4] | (uint32_t)run[5] << 8 |
	       (uint32_t)run[6] << 16 | (uint32_t)run[7] << 24;
}

void judge_records(struct view *view, const struct oracle *oracle,
		   size_t n_appends, uint64_t first, uint64_t last)
{
	static uint8_t buffer[BUFFER_BYTES];
	uint64_t wanted = first, next;
	size_t n;
	int r;

	while (wanted <= last) {
		uint64_t before = wanted;

		r = view_read(view, wanted, buffer, sizeof(buffer), &n, &next);
		if (r < 0)
			complain("reading %llu (of %llu to %llu): %s",
				 (unsigned long long)wanted,
				 (unsigned long long)first,
				 (unsigned long long)last, strerror(-r));
		for (size_t at = 0; at < n; at += length_of(buffer + at))
			wanted = judge_run(oracle, n_appends, buffer + at,
					   length_of(buffer + at), wanted);
		if (wanted == before || wanted != next)
			complain("reading %llu leads to %llu and says %llu",
				 (unsigned long long)before,
				 (unsigned long long)wanted,
				 (unsigned long long)next);
	}
}

/* ---- small things ---- */

struct state_check {
	const struct oracle_state *state;
	unsigned n_found;
	bool is_wrong;
};

static int check_state(const char *key, const void *value, size_t n_value,
		       void *userdata)
{
	struct state_check *check = userdata;
	unsigned i = (unsigned)(key[strlen("cursor/")] - 'a');

	if (strncmp(key, "cursor/", 7) != 0 || i >= ORACLE_STATES ||
	    check->state->n[i] != n_value ||
	    memcmp(check->state->bytes[i], value, n_value) != 0)
		check->is_wrong = true;
	check->n_found++;
	return 0;
}

bool judge_is_state_or_error(struct log *log, const struct oracle_state *state,
			     unsigned *n_errors)
{
	struct state_check check = { .state = state };
	unsigned n = 0;
	int r;

	for (unsigned i = 0; i < ORACLE_STATES; i++)
		n += state->n[i] != SIZE_MAX;
	r = log_state_each(log, "cursor/", check_state, &check);
	*n_errors += r < 0;
	return r < 0 || (!check.is_wrong && check.n_found == n);
}

bool judge_is_state(struct log *log, const struct oracle_state *state)
{
	unsigned n_errors = 0;
	bool is_same = judge_is_state_or_error(log, state, &n_errors);

	if (n_errors)
		complain("the small things cannot be read");
	return is_same;
}

static void judge_state(struct log *log, const struct oracle *oracle,
			const struct judge_bounds *bounds)
{
	size_t n = bounds->n_states;

	if (judge_is_state(log, &oracle->states[n - 1]))
		return;
	if (bounds->has_state && judge_is_state(log, &oracle->states[n]))
		return;
	complain("the small things are not those of commit %zu%s", n,
		 bounds->has_state ? " or the next" : "");
}

/* ---- keys ---- */

/* Say again what was said with a key: the answer has to be the same. */
static void judge_key(struct log *log, const struct oracle *oracle,
		      const struct entry *entry, bool is_changed)
{
	static struct run_builder builder;
	static bool has_builder;
	static uint8_t body[ORACLE_BODY_MAX];
	const struct log_verdict *verdicts;
	struct log_condition condition = {
		.key = entry->key,
		.durable_id = entry_durable_id(entry->source),
	};
	struct entry again = *entry;
	struct run_record record;
	uint64_t first;
	size_t n;
	int r;

	if (!has_builder && run_builder_init(&builder) < 0)
		complain("no memory");
	has_builder = true;
	run_builder_clear(&builder);
	again.time_ns = log_status(log)->last_ns;
	again.id += is_changed ? UINT64_C(1) << 40 : 0;
	entry_record(&again, body, &record);
	run_builder_add(&builder, &record);
	r = log_append(log, &builder, &condition, 1, &first, &verdicts, &n);
	if (r < 0)
		complain("repeating key %s: %s", entry->key, strerror(-r));
	if (n != 1 ||
	    verdicts[0].outcome !=
		    (is_changed ? LOG_KEY_CONFLICT : LOG_DUPLICATE) ||
	    verdicts[0].sequence != entry->sequence)
		complain("key %s of record %llu, %s: %zu verdicts, %d, %llu",
			 entry->key, (unsigned long long)entry->sequence,
			 is_changed ? "changed" : "again", n,
			 n ? (int)verdicts[0].outcome : -1,
			 n ? (unsigned long long)verdicts[0].sequence : 0);
}

static void judge_keys(struct log *log, const struct oracle *oracle,
		       size_t n_appends, struct dice *dice)
{
	const struct log_status *status = log_status(log);

	for (unsigned i = 0; i < 6 && status->last >= status->first; i++) {
		const struct entry *entry = oracle_lookup(
			oracle, n_appends,
			dice_between(dice, status->first, status->last));

		if (!entry->key[0] ||
		    entry->time_ns + oracle->dedup_window_ns / 2 <
			    status->last_ns)
			continue;
		judge_key(log, oracle, entry, dice_is(dice, 30));
	}
}

/* ---- an image ---- */

static size_t judge_last(const struct log_status *status,
			 const struct oracle *oracle,
			 const struct judge_bounds *bounds)
{
	size_t n = bounds->n_appends;
	uint64_t last = n ? oracle->appends[n - 1].last : 0;
	uint64_t next = bounds->has_append ? oracle->appends[n].last : last;

	if (status->last == last)
		return n;
	if (status->last == next)
		return n + 1;
	complain("the last record is %llu instead of %llu or %llu",
		 (unsigned long long)status->last, (unsigned long long)last,
		 (unsigned long long)next);
}

static void judge_verified(struct backend *backend, const char *folder)
{
	struct log_finding finding;
	int r = log_verify(backend, folder, &finding);

	if (r < 0)
		complain("verify: %s", strerror(-r));
	if (!finding.is_good)
		complain("verify finds %s in %s at record %llu", finding.fault,
			 finding.file,
			 (unsigned long long)finding.bad_sequence);
}

void judge_image(struct backend *backend, const char *folder,
		 const struct oracle *oracle, const struct judge_bounds *bounds,
		 struct dice *dice)
{
	/* A small one: a large log first writes much that is zero. */
	struct log_limits limits = {
		.dedup_window_ns = oracle->dedup_window_ns,
		.segment_bytes_max = 64 << 10,
	};
	const struct log_status *status;
	char *why = NULL;
	struct view *view;
	struct log *log;
	size_t n_appends;
	int r;

	r = log_open(backend, folder, false, &limits, &log, &why);
	if (r < 0) {
		if (bounds->is_created)
			complain("does not open: %s (%s)", strerror(-r),
				 why ? why : "");
		free(why);
		return;
	}
	status = log_status(log);
	n_appends = judge_last(status, oracle, bounds);
	if (status->first > bounds->kept_from)
		complain("records %llu to %llu are gone",
			 (unsigned long long)bounds->kept_from,
			 (unsigned long long)status->first - 1);
	judge_state(log, oracle, bounds);
	r = view_open(backend, folder, &view, &why);
	if (r < 0)
		complain("no view: %s (%s)", strerror(-r), why ? why : "");
	judge_records(view, oracle, n_appends, status->first, status->last);
	judge_keys(log, oracle, n_appends, dice);
	view_close(view);
	log_close(log);
	judge_verified(backend, folder);
}
