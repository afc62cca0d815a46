/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *array, size_t n, size_t *n_max, size_t size)
{
	if (n < *n_max)
		return array;
	*n_max = *n_max ? 2 * *n_max : 64;
	array = realloc(array, *n_max * size);
	if (!array) {
		perror("oracle");
		abort();
	}
	return array;
}

void oracle_init(struct oracle *oracle)
{
	struct oracle_state *state;

	*oracle = (struct oracle){ .dedup_window_ns = 120000000000u };
	state = oracle_state_begin(oracle);
	for (unsigned i = 0; i < ORACLE_STATES; i++)
		state->n[i] = SIZE_MAX;
	state->span.end = 1;
}

void oracle_deinit(struct oracle *oracle)
{
	free(oracle->entries);
	free(oracle->appends);
	free(oracle->expiries);
	free(oracle->states);
	*oracle = (struct oracle){ 0 };
}

static void *copy_array(const void *array, size_t n, size_t *ret_max,
			size_t size)
{
	void *copy;

	*ret_max = n ? n : 1;
	copy = calloc(*ret_max, size);
	if (!copy) {
		perror("oracle");
		abort();
	}
	if (n)
		memcpy(copy, array, n * size);
	return copy;
}

/* How many events had begun; what was not done at the cut is open again. */
#define COPY_EVENTS(from, to, events, n_events, cut)                          \
	do {                                                                  \
		size_t n_ = 0;                                                \
		while (n_ < (from)->n_events &&                               \
		       (from)->events[n_].span.begin < (cut))                 \
			n_++;                                                 \
		(to)->events =                                                \
			copy_array((from)->events, n_, &(to)->n_events##_max, \
				   sizeof(*(to)->events));                    \
		(to)->n_events = n_;                                          \
		for (size_t i_ = 0; i_ < n_; i_++)                            \
			if ((to)->events[i_].span.end > (cut))                \
				(to)->events[i_].span.end = 0;                \
	} while (0)

void oracle_copy(const struct oracle *oracle, size_t cut,
		 struct oracle *ret_copy)
{
	struct oracle copy = *oracle;

	COPY_EVENTS(oracle, &copy, appends, n_appends, cut);
	COPY_EVENTS(oracle, &copy, states, n_states, cut);
	COPY_EVENTS(oracle, &copy, expiries, n_expiries, cut);
	copy.n_entries = 0;
	copy.last = 0;
	if (copy.n_appends) {
		const struct oracle_append *last =
			&copy.appends[copy.n_appends - 1];

		copy.n_entries = last->entry + last->n_entries;
		copy.last = last->last;
	}
	copy.entries = copy_array(oracle->entries, copy.n_entries,
				  &copy.n_entries_max, sizeof(*copy.entries));
	*ret_copy = copy;
}

void oracle_rebase(struct oracle *oracle)
{
	const struct span past = { 0, 1 };

	for (size_t i = 0; i < oracle->n_appends; i++)
		oracle->appends[i].span = past;
	for (size_t i = 0; i < oracle->n_states; i++)
		oracle->states[i].span = past;
	for (size_t i = 0; i < oracle->n_expiries; i++)
		oracle->expiries[i].span = past;
	oracle->creation = past;
}

/* ---- looking up ---- */

static bool is_stored(const struct entry *entry)
{
	return entry->outcome == LOG_STORED;
}

static size_t entries_of(const struct oracle *oracle, size_t n_appends)
{
	const struct oracle_append *last;

	if (n_appends == 0)
		return 0;
	last = &oracle->appends[n_appends - 1];
	return last->entry + last->n_entries;
}

static const struct entry *lookup_key(const struct oracle *oracle, size_t n,
				      unsigned source, const char *key)
{
	while (n-- > 0) {
		const struct entry *entry = &oracle->entries[n];

		if (is_stored(entry) && entry->source == source &&
		    !strcmp(entry->key, key))
			return entry;
	}
	return NULL;
}

const struct entry *oracle_lookup_key(const struct oracle *oracle,
				      size_t n_appends, unsigned source,
				      const char *key)
{
	return lookup_key(oracle, entries_of(oracle, n_appends), source, key);
}

const struct entry *oracle_lookup(const struct oracle *oracle, size_t n_appends,
				  uint64_t sequence)
{
	size_t low = 0, high = n_appends;

	/* The first append whose last sequence is not below. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (oracle->appends[middle].last < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n_appends)
		return NULL;
	for (size_t i = 0; i < oracle->appends[low].n_entries; i++) {
		const struct entry *entry =
			&oracle->entries[oracle->appends[low].entry + i];

		if (is_stored(entry) && entry->sequence == sequence)
			return entry;
	}
	return NULL;
}

static uint64_t number_of(const char *key, const char *producer)
{
	size_t n = strlen(producer);

	if (strncmp(key, producer, n) != 0 || key[n] != ':')
		return 0;
	return strtoull(key + n + 1, NULL, 10);
}

static uint64_t producer_last(const struct oracle *oracle, size_t n,
			      unsigned source, const char *producer)
{
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		const struct entry *entry = &oracle->entries[i];
		uint64_t number = number_of(entry->key, producer);

		if (is_stored(entry) && entry->source == source &&
		    number > last)
			last = number;
	}
	return last;
}

uint64_t oracle_producer_last(const struct oracle *oracle, size_t n_appends,
			      unsigned source, const char *producer)
{
	return producer_last(oracle, entries_of(oracle, n_appends), source,
			     producer);
}

/* ---- what is right to say ---- */

static void judge_repeat(struct entry *entry, const struct entry *first)
{
	entry->outcome =
		first->id == entry->id ? LOG_DUPLICATE : LOG_KEY_CONFLICT;
	entry->sequence = first->sequence;
}

static void judge_key(const struct oracle *oracle, struct entry *entry)
{
	const struct entry *first = lookup_key(oracle, oracle->n_entries,
					       entry->source, entry->key);
	const char *colon = strrchr(entry->key, ':');
	char producer[ORACLE_KEY_BYTES];
	uint64_t next;

	if (first) {
		judge_repeat(entry, first);
		return;
	}
	if (!colon)
		return;
	snprintf(producer, sizeof(producer), "%.*s", (int)(colon - entry->key),
		 entry->key);
	next = producer_last(oracle, oracle->n_entries, entry->source,
			     producer) +
	       1;
	if (number_of(entry->key, producer) == next)
		return;
	entry->outcome = LOG_KEY_GAP;
	entry->sequence = next;
}

static void judge(const struct oracle *oracle, struct entry *entry)
{
	entry->outcome = LOG_STORED;
	if (entry->has_expected && entry->expected != oracle->last) {
		entry->outcome = LOG_NOT_EXPECTED;
		entry->sequence = oracle->last;
		return;
	}
	if (entry->key[0])
		judge_key(oracle, entry);
	if (entry->outcome == LOG_STORED)
		entry->sequence = oracle->last + 1;
}

/* ---- writing down ---- */

void oracle_begin(struct oracle *oracle, size_t position)
{
	oracle->appends =
		grow(oracle->appends, oracle->n_appends, &oracle->n_appends_max,
		     sizeof(*oracle->appends));
	oracle->appends[oracle->n_appends++] = (struct oracle_append){
		.span.begin = position,
		.entry = oracle->n_entries,
		.last = oracle->last,
	};
}

struct entry *oracle_add(struct oracle *oracle, const struct entry *given)
{
	struct oracle_append *append = &oracle->appends[oracle->n_appends - 1];
	struct entry entry = *given;

	judge(oracle, &entry);
	if (is_stored(&entry))
		oracle->last = entry.sequence;
	append->last = oracle->last;
	append->n_entries++;
	oracle->entries =
		grow(oracle->entries, oracle->n_entries, &oracle->n_entries_max,
		     sizeof(*oracle->entries));
	oracle->entries[oracle->n_entries] = entry;
	return &oracle->entries[oracle->n_entries++];
}

void oracle_done(struct oracle *oracle, size_t position)
{
	oracle->appends[oracle->n_appends - 1].span.end = position;
}

void oracle_undo(struct oracle *oracle)
{
	const struct oracle_append *append =
		&oracle->appends[--oracle->n_appends];

	oracle->n_entries = append->entry;
	oracle->last = oracle->n_appends
			       ? oracle->appends[oracle->n_appends - 1].last
			       : 0;
}

void oracle_expire(struct oracle *oracle, size_t begin, size_t end,
		   uint64_t kept_from)
{
	oracle->expiries =
		grow(oracle->expiries, oracle->n_expiries,
		     &oracle->n_expiries_max, sizeof(*oracle->expiries));
	oracle->expiries[oracle->n_expiries++] = (struct oracle_expiry){
		.span = { begin, end },
		.kept_from = kept_from,
	};
}

struct oracle_state *oracle_state_begin(struct oracle *oracle)
{
	struct oracle_state *state;

	oracle->states = grow(oracle->states, oracle->n_states,
			      &oracle->n_states_max, sizeof(*oracle->states));
	state = &oracle->states[oracle->n_states];
	if (oracle->n_states)
		*state = oracle->states[oracle->n_states - 1];
	else
		memset(state, 0, sizeof(*state));
	state->span = (struct span){ 0 };
	state->is_void = false;
	oracle->n_states++;
	return state;
}

/* ---- what a record is made of ---- */

const char *entry_subject(unsigned subject)
{
	static char texts[ORACLE_SUBJECTS][32];

	snprintf(texts[subject], sizeof(texts[subject]), "torture.%c.%u",
		 'a' + (int)(subject % 3), subject);
	return texts[subject];
}

static const char *entry_principal(unsigned source)
{
	static char texts[ORACLE_SOURCES][16];

	snprintf(texts[source], sizeof(texts[source]), "vm:p%u", source);
	return texts[source];
}

const char *entry_durable_id(unsigned source)
{
	static char texts[ORACLE_SOURCES][40];

	snprintf(texts[source], sizeof(texts[source]),
		 "00000000-0000-4000-8000-%012u", source);
	return texts[source];
}

/* Long enough that no two are the same. */
size_t entry_body(const struct entry *entry, uint8_t body[ORACLE_BODY_MAX])
{
	struct dice dice = dice_new(entry->id, 5);
	size_t n = 8 + (size_t)dice_below(&dice, 300);

	if (dice_is(&dice, 10))
		n = 8 + (size_t)dice_below(&dice, 5000);
	if (dice_is(&dice, 1))
		n = 8 + (size_t)dice_below(&dice, ORACLE_BODY_MAX - 8);
	dice_fill(&dice, body, n);
	return n;
}

void entry_record(const struct entry *entry, uint8_t body[ORACLE_BODY_MAX],
		  struct run_record *ret_record)
{
	static uint8_t schemas[3][32];
	static uint8_t metadata[64];
	struct dice dice = dice_new(entry->id, 6);
	unsigned schema = (unsigned)dice_below(&dice, 4);
	struct dice filler = dice_new(schema, 7);

	*ret_record = (struct run_record){
		.time_ns = entry->time_ns,
		.kind = dice_is(&dice, 80) ? RUN_MESSAGE : RUN_CALL,
		.flags = entry->key[0] ? RUN_HAS_KEY : 0,
		.subject = entry_subject(entry->subject),
		.n_subject = strlen(entry_subject(entry->subject)),
		.source = {
			.principal = entry_principal(entry->source),
			.n_principal = strlen(entry_principal(entry->source)),
			.durable_id = entry_durable_id(entry->source),
			.n_durable_id = strlen(entry_durable_id(entry->source)),
			.incarnation = 1000 + entry->source,
		},
		.metadata = metadata,
		.n_metadata = (size_t)dice_below(&dice, sizeof(metadata)),
		.body = body,
		.n_body = entry_body(entry, body),
	};
	dice_fill(&dice, metadata, ret_record->n_metadata);
	if (ret_record->kind == RUN_CALL)
		ret_record->slot = dice_draw(&dice);
	if (schema < 3) {
		dice_fill(&filler, schemas[schema], 32);
		ret_record->schema = schemas[schema];
	}
}

static bool is_same(const void *a, size_t n_a, const void *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || !memcmp(a, b, n_a));
}

static bool is_source(const struct run_source *a, const struct run_source *b)
{
	return a->incarnation == b->incarnation &&
	       is_same(a->principal, a->n_principal, b->principal,
		       b->n_principal) &&
	       is_same(a->durable_id, a->n_durable_id, b->durable_id,
		       b->n_durable_id);
}

bool entry_is(const struct entry *entry, const struct run_record *record,
	      const char **ret_what)
{
	static uint8_t body[ORACLE_BODY_MAX];
	struct run_record right;

	entry_record(entry, body, &right);
	*ret_what = NULL;
	if (record->time_ns != right.time_ns)
		*ret_what = "time";
	else if (record->kind != right.kind || record->flags != right.flags ||
		 record->status != right.status || record->slot != right.slot)
		*ret_what = "kind, flags, status or slot";
	else if (!is_same(record->subject, record->n_subject, right.subject,
			  right.n_subject))
		*ret_what = "subject";
	else if (!is_source(&record->source, &right.source))
		*ret_what = "source";
	else if (!is_same(record->schema, record->schema ? 32 : 0, right.schema,
			  right.schema ? 32 : 0))
		*ret_what = "schema";
	else if (!is_same(record->metadata, record->n_metadata, right.metadata,
			  right.n_metadata))
		*ret_what = "metadata";
	else if (!is_same(record->body, record->n_body, right.body,
			  right.n_body))
		*ret_what = "body";
	return !*ret_what;
}
