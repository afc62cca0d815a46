/* SPDX-License-Identifier: MIT */

#include "logger/sieve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "logger/capture.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "proto/subject.h"

enum { AHEAD_BYTES = 4096 };

/* What is known of a subject; each bit is of a kind of record. */
enum {
	SEES_MESSAGES = 1 << 0,
	SEES_CALLS = 1 << 1,
};

static int copy_texts(char *const *from, size_t n, char ***ret_texts,
		      size_t *ret_n)
{
	char **texts = calloc(n + 1, sizeof(*texts));

	if (!texts)
		return -ENOMEM;
	*ret_texts = texts;
	for (size_t i = 0; i < n; i++) {
		texts[i] = strdup(from[i]);
		if (!texts[i])
			return -ENOMEM;
		*ret_n = i + 1;
	}
	return 0;
}

static void free_texts(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

static bool are_patterns(char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!pattern_is_valid(texts[i], strlen(texts[i])))
			return false;
	return true;
}

int sieve_init(struct sieve *sieve, struct keeper *keeper,
	       const char *principal, char *const *subjects, size_t n_subjects,
	       char *const *principals, size_t n_principals)
{
	int r;

	*sieve = (struct sieve){ .keeper = keeper, .principal = principal };
	if (n_subjects > SIEVE_FILTERS_MAX ||
	    n_principals > SIEVE_FILTERS_MAX ||
	    !are_patterns(subjects, n_subjects))
		return -EINVAL;
	r = run_builder_init(&sieve->builder);
	if (r == 0)
		r = copy_texts(subjects, n_subjects, &sieve->subjects,
			       &sieve->n_subjects);
	if (r == 0)
		r = copy_texts(principals, n_principals, &sieve->principals,
			       &sieve->n_principals);
	if (r < 0)
		sieve_deinit(sieve);
	return r;
}

void sieve_deinit(struct sieve *sieve)
{
	if (!sieve->keeper)
		return;
	free_texts(sieve->subjects, sieve->n_subjects);
	free_texts(sieve->principals, sieve->n_principals);
	run_reader_deinit(&sieve->reader);
	run_builder_deinit(&sieve->builder);
	free(sieve->verdicts);
	free(sieve->covers);
	*sieve = (struct sieve){ .keeper = NULL };
}

/* ---- who may see what ---- */

static int may(struct sieve *sieve, const char *verb, const char *subject,
	       size_t n, struct access_wait *wait)
{
	const struct access_question question = {
		.principal = sieve->principal,
		.verb = verb,
		.resource = subject,
		.n_resource = n,
		.is_terse = true,
	};

	return access_ask(&sieve->keeper->logger->access, &question, wait);
}

/* Asked once for all patterns of the log, and again when policy changes. */
static int ask_covers(struct sieve *sieve, struct access_wait *wait)
{
	const struct access *access = &sieve->keeper->logger->access;
	const Helio__Log__V1__Config *config = sieve->keeper->config.proto;

	if (sieve->is_asked && sieve->n_changes == access->n_changes &&
	    sieve->n_configs == sieve->keeper->n_configs)
		return 0;
	sieve->is_asked = false;
	free(sieve->covers);
	sieve->n_covers = config ? config->n_patterns : 0;
	sieve->covers = calloc(sieve->n_covers + 1, sizeof(*sieve->covers));
	if (!sieve->covers)
		return -ENOMEM;
	for (size_t i = 0; i < sieve->n_covers; i++) {
		const char *pattern = config->patterns[i];
		int r = may(sieve, "subscribe", pattern, strlen(pattern), wait);

		if (r < 0)
			return r;
		sieve->covers[i] = r;
	}
	sieve->n_configs = sieve->keeper->n_configs;
	sieve->n_changes = access->n_changes;
	sieve->is_asked = true;
	return 0;
}

static bool is_covered(const struct sieve *sieve, const char *subject, size_t n)
{
	const Helio__Log__V1__Config *config = sieve->keeper->config.proto;

	for (size_t i = 0; i < sieve->n_covers; i++)
		if (sieve->covers[i] &&
		    pattern_covers(config->patterns[i],
				   strlen(config->patterns[i]), subject, n))
			return true;
	return false;
}

/* The subject of a gap is a pattern. */
static bool is_asked_for(const struct sieve *sieve, const char *subject,
			 size_t n)
{
	for (size_t i = 0; i < sieve->n_subjects; i++)
		if (pattern_overlaps(sieve->subjects[i],
				     strlen(sieve->subjects[i]), subject, n))
			return true;
	return !sieve->n_subjects;
}

/* Returns what is seen of this subject, or a negative errno. */
static int judge(struct sieve *sieve, const char *subject, size_t n,
		 bool has_calls, struct access_wait *wait)
{
	int seen = 0;
	int r = 1;

	if (!n || !pattern_is_valid(subject, n) ||
	    !is_asked_for(sieve, subject, n))
		return 0;
	if (!is_covered(sieve, subject, n))
		r = may(sieve, "subscribe", subject, n, wait);
	if (r < 0)
		return r;
	seen |= r ? SEES_MESSAGES : 0;
	if (!has_calls)
		return seen;
	r = may(sieve, "observe", subject, n, wait);
	if (r < 0)
		return r;
	return seen | (r ? SEES_CALLS : 0);
}

/* ---- the run as a whole; its head and dictionary were found good ---- */

/* What the heads of its records say; their checksums are the client's to see.
 */
struct survey {
	uint64_t last;
	uint64_t last_ns;
	bool has_calls;
};

static int look_over(const struct sieve *sieve, const uint8_t *run, size_t n,
		     struct survey *ret_survey)
{
	size_t at = RUN_HEAD_BYTES + le32_load(run + 28);
	uint32_t n_records = sieve->reader.head.n_records;
	uint32_t offset = 0;
	uint32_t us = 0;
	bool has_calls = false;

	for (uint32_t i = 0; i < n_records; i++) {
		uint32_t length;

		/* It was another processor that read them. */
		__builtin_prefetch(run + at + AHEAD_BYTES);
		__builtin_prefetch(run + at + AHEAD_BYTES + 64);
		if (n - at < RUN_RECORD_BYTES)
			return -EBADMSG;
		length = le32_load(run + at);
		if (length < RUN_RECORD_BYTES || length > n - at)
			return -EBADMSG;
		offset = le32_load(run + at + 8);
		us = le32_load(run + at + 12);
		has_calls |=
			run[at + 24] == RUN_CALL || run[at + 24] == RUN_REPLY;
		at += length;
	}
	ret_survey->last = sieve->reader.head.base_sequence + offset;
	ret_survey->last_ns =
		sieve->reader.head.base_time_ns + (uint64_t)us * 1000;
	ret_survey->has_calls = has_calls;
	return 0;
}

static int make_verdicts(struct sieve *sieve, size_t n)
{
	if (n > sieve->n_verdicts_room) {
		free(sieve->verdicts);
		sieve->n_verdicts_room = 0;
		sieve->verdicts = malloc(n);
		if (!sieve->verdicts)
			return -ENOMEM;
		sieve->n_verdicts_room = n;
	}
	return 0;
}

static int judge_subjects(struct sieve *sieve, const uint8_t *run,
			  bool has_calls, struct access_wait *wait)
{
	size_t n_words = le32_load(run + 28);
	unsigned n_subjects = le16_load(run + 32);
	const uint8_t *words = run + RUN_HEAD_BYTES;
	size_t at = 0;
	int r = make_verdicts(sieve, n_words + 1);

	sieve->sees_all = true;
	for (unsigned i = 0; r == 0 && i < n_subjects; i++) {
		int seen;

		if (at >= n_words || words[at] > n_words - at - 1)
			return -EBADMSG;
		seen = judge(sieve, (const char *)words + at + 1, words[at],
			     has_calls, wait);
		if (seen < 0)
			return seen;
		sieve->verdicts[at] = (uint8_t)seen;
		sieve->sees_all &= seen & SEES_MESSAGES &&
				   (!has_calls || seen & SEES_CALLS);
		at += 1u + words[at];
	}
	return r;
}

static int begin(struct sieve *sieve, const uint8_t *run, size_t n,
		 struct access_wait *wait, struct survey *ret_survey)
{
	int r = ask_covers(sieve, wait);

	if (r == 0)
		r = run_reader_begin(&sieve->reader, run, n);
	if (r == 0)
		r = look_over(sieve, run, n, ret_survey);
	if (r == 0)
		r = judge_subjects(sieve, run, ret_survey->has_calls, wait);
	sieve->run = run;
	return r;
}

int sieve_begin(struct sieve *sieve, const uint8_t *run, size_t n,
		struct access_wait *wait)
{
	struct survey survey;

	return begin(sieve, run, n, wait, &survey);
}

/* ---- record by record ---- */

/* As policy has them: `*` is any bytes but `/`, a last `**` the subtree. */
static bool is_principal(const char *pattern, const char *path, size_t n)
{
	const char *star = NULL;
	size_t i = 0, star_at = 0;
	size_t n_pattern = strlen(pattern);
	bool is_subtree =
		n_pattern >= 2 && !strcmp(pattern + n_pattern - 2, "**");

	if (is_subtree && n_pattern == 2)
		return true;
	if (is_subtree)
		n_pattern -= 3;
	for (const char *p = pattern;;) {
		bool is_over = p == pattern + n_pattern;

		if (is_over && (i == n || (is_subtree && path[i] == '/')))
			return true;
		if (!is_over && *p == '*') {
			star = ++p;
			star_at = i;
		} else if (!is_over && i < n && *p == path[i]) {
			p++;
			i++;
		} else if (star && star_at < n && path[star_at] != '/') {
			p = star;
			i = ++star_at;
		} else {
			return false;
		}
	}
}

static bool is_source_asked_for(const struct sieve *sieve,
				const struct run_record *record)
{
	for (size_t i = 0; i < sieve->n_principals; i++)
		if (is_principal(sieve->principals[i], record->source.principal,
				 record->source.n_principal))
			return true;
	return !sieve->n_principals;
}

static bool is_seen(const struct sieve *sieve, const struct run_record *record)
{
	bool is_call = record->kind == RUN_CALL || record->kind == RUN_REPLY;
	size_t place;

	if (!record->n_subject)
		return false;
	place = (size_t)((const uint8_t *)record->subject - sieve->run -
			 RUN_HEAD_BYTES - 1);
	if (!(sieve->verdicts[place] & (is_call ? SEES_CALLS : SEES_MESSAGES)))
		return false;
	return is_source_asked_for(sieve, record);
}

int sieve_next(struct sieve *sieve, struct run_record *ret_record)
{
	int r;

	while ((r = run_reader_next(&sieve->reader, ret_record)) == 1)
		if (is_seen(sieve, ret_record))
			return 1;
	return r;
}

static int add(struct sieve *sieve, const struct run_record *record,
	       uint64_t first)
{
	struct run_record copy = *record;

	copy.sequence -= first;
	return run_builder_add(&sieve->builder, &copy);
}

/* Returns 0, with *ret_first the first that passed. */
static int rebuild(struct sieve *sieve, const struct sieve_range *range,
		   struct sieve_out *out, uint64_t *ret_first)
{
	struct run_record record;
	int r;

	while ((r = run_reader_next(&sieve->reader, &record)) == 1) {
		if (record.sequence >= range->until ||
		    record.time_ns >= range->until_ns ||
		    out->n_records >= range->limit) {
			out->is_end = true;
			return 0;
		}
		out->next = record.sequence + 1;
		out->last_ns = record.time_ns;
		if (record.sequence < range->from || !is_seen(sieve, &record))
			continue;
		*ret_first = out->n_records ? *ret_first : record.sequence;
		r = add(sieve, &record, *ret_first);
		/* The rest of it is for the next time. */
		if (r == -EMSGSIZE && out->n_records) {
			out->next = record.sequence;
			return 0;
		}
		if (r < 0)
			return r;
		out->n_records++;
	}
	return r;
}

int sieve_take(struct sieve *sieve, const uint8_t *run, size_t n,
	       const struct sieve_range *range, struct access_wait *wait,
	       struct sieve_out *ret_out)
{
	struct survey survey = { 0 };
	struct sieve_out out = { 0 };
	uint64_t first = 0;
	int r = begin(sieve, run, n, wait, &survey);

	if (r < 0)
		return r;
	out.next = sieve->reader.head.base_sequence;
	if (sieve->sees_all && !sieve->n_principals &&
	    range->from <= sieve->reader.head.base_sequence &&
	    survey.last < range->until && survey.last_ns < range->until_ns &&
	    sieve->reader.head.n_records <= range->limit) {
		out.is_whole = true;
		out.n_records = sieve->reader.head.n_records;
		out.next = survey.last + 1;
		out.last_ns = survey.last_ns;
		*ret_out = out;
		return 0;
	}
	run_builder_clear(&sieve->builder);
	r = rebuild(sieve, range, &out, &first);
	if (r < 0)
		return r;
	if (out.n_records)
		r = run_builder_finish(&sieve->builder, first, out.pieces,
				       out.lengths);
	*ret_out = out;
	return r;
}

int sieve_single(struct sieve *sieve, const struct run_record *record,
		 const void *ret_pieces[2], size_t ret_lengths[2])
{
	int r;

	run_builder_clear(&sieve->builder);
	r = add(sieve, record, record->sequence);
	if (r < 0)
		return r;
	return run_builder_finish(&sieve->builder, record->sequence, ret_pieces,
				  ret_lengths);
}
