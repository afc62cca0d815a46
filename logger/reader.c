/* SPDX-License-Identifier: MIT */

#include "logger/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/logger.h"
#include "logger/reader_place.h"
#include "logger/reader_send.h"

/* Of one reader in a row; then others have their turn. */
enum { REPLIES_PER_PUMP = 64 };

/* ---- the end ---- */

static bool is_idle(const struct reader *reader)
{
	return !reader->fetches[0].is_busy && !reader->fetches[1].is_busy;
}

static void reader_free(struct reader *reader)
{
	list_unlink(&reader->link);
	list_unlink(&reader->follower.link);
	list_unlink(&reader->wait.link);
	helio_timer_cancel(reader->timer);
	sieve_deinit(&reader->sieve);
	fetch_deinit(&reader->fetches[0]);
	fetch_deinit(&reader->fetches[1]);
	tail_run_unref(reader->tail);
	free(reader->sequences);
	free(reader->backwards);
	free(reader->waiting);
	free(reader);
}

/* It is freed when no thread looks at it any more. */
static void release(struct reader *reader)
{
	if (reader->stage != READER_ENDED) {
		reader->stage = READER_ENDED;
		reader->keeper->stats.n_readers--;
		list_unlink(&reader->follower.link);
		list_unlink(&reader->wait.link);
		helio_timer_cancel(take_ptr(reader->timer));
	}
	if (is_idle(reader) && !reader->is_pumping && !reader->serving)
		reader_free(reader);
}

static void try_to_fail(struct reader *reader)
{
	int r = reader->status == HELIO_OK
			? helio_serving_reply(reader->serving, NULL)
			: helio_serving_fail(reader->serving, reader->status,
					     reader->reason);

	reader->is_failing = r == -EAGAIN;
	if (r < 0 && r != -EAGAIN)
		r = helio_serving_fail(reader->serving,
				       HELIO_RESOURCE_EXHAUSTED, "no memory");
	if (r == 0)
		reader->serving = NULL;
}

void reader_end(struct reader *reader, unsigned status, const char *format, ...)
{
	va_list args;

	if (reader->stage == READER_ENDED)
		return;
	reader->status = status;
	va_start(args, format);
	vsnprintf(reader->reason, sizeof(reader->reason), format, args);
	va_end(args);
	try_to_fail(reader);
	release(reader);
}

static void fail_errno(struct reader *reader, int r)
{
	if (r == -EBADMSG)
		reader_end(reader, HELIO_DATA_LOSS,
			   "the log is damaged at or after record %llu",
			   (unsigned long long)reader->range.from);
	else if (r == -ENOMEM)
		reader_end(reader, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else if (r == -ENOTCONN || r == -EMSGSIZE || r == -EBUSY)
		reader_end(reader, HELIO_UNAVAILABLE,
			   "the switch cannot be asked who may see this");
	else
		reader_end(reader, HELIO_UNAVAILABLE, "the log: %s",
			   strerror(-r));
}

/* ---- fetching ---- */

static void on_fetched(struct fetch *fetch)
{
	struct reader *reader = fetch->userdata;

	if (reader->stage == READER_ENDED)
		release(reader);
	else
		reader_pump(reader);
}

void reader_fetch(struct reader *reader, unsigned which, enum fetch_kind kind,
		  uint64_t from)
{
	struct fetch *fetch = &reader->fetches[which];

	fetch->kind = kind;
	fetch->from = from;
	fetch->patterns = (const char *const *)reader->sieve.subjects;
	fetch->n_patterns = reader->sieve.n_subjects;
	fetch->subject_records_max =
		config_subject_records_max(&reader->keeper->config);
	fetch->on_done = on_fetched;
	fetch->userdata = reader;
	fetch_start(fetch, reader->keeper);
}

/* What was removed meanwhile is told, and gone over. */
static int skip_expired(struct reader *reader, const struct fetch *fetch)
{
	if (fetch->next <= reader->range.from)
		return -EBADMSG;
	reader->expired_to = fetch->next;
	reader->range.from = fetch->next;
	reader->is_prefetched = false;
	return 0;
}

/*
 * Look at what was fetched. Returns 1: there are runs; 0: nothing more is known
 * of, or it has to be fetched anew; or a negative errno.
 */
static int take_fetched(struct reader *reader)
{
	struct fetch *fetch = &reader->fetches[reader->current];

	switch (fetch->r) {
	case 0:
		break;
	case -ERANGE:
		return skip_expired(reader, fetch);
	case -ENOENT:
		return -EIO;
	default:
		return fetch->r;
	}
	if (!fetch->n) {
		if (fetch->next <= reader->range.from)
			return -EBADMSG;
		reader->range.from = fetch->next;
		return 0;
	}
	reader->has_runs = true;
	reader->at = 0;
	return 1;
}

/* The one behind what is sent now is on its way already. */
static void prefetch(struct reader *reader)
{
	const struct fetch *fetch = &reader->fetches[reader->current];

	if (reader->is_prefetched || fetch->next >= reader->end ||
	    fetch->next > reader->keeper->status.last || reader->pace_permille)
		return;
	reader->is_prefetched = true;
	reader->fetches[!reader->current].is_long = true;
	reader_fetch(reader, !reader->current, FETCH_RUNS, fetch->next);
}

/* ---- the pump ---- */

/*
 * From memory: the newest runs. As reader_send_run(); -ENOENT: it is not there,
 * or not all of it is served.
 */
static int send_tail(struct reader *reader)
{
	struct keeper *keeper = reader->keeper;
	struct tail_run *run = reader->tail;
	int r;

	if (!run && !config_subject_records_max(&keeper->config))
		run = tail_find(&keeper->tail, reader->range.from);
	reader->tail = run;
	if (!run)
		return -ENOENT;
	r = reader_send_run(reader, run->bytes + TAIL_HEADROOM,
			    run->n - TAIL_HEADROOM);
	if (r == 1)
		reader->tail = tail_run_unref(run);
	return r;
}

static int send_fetched(struct reader *reader)
{
	struct fetch *fetch = &reader->fetches[reader->current];
	uint8_t *run = fetch_bytes(fetch) + reader->at;
	size_t n_left = fetch->n - reader->at;
	size_t n = n_left < RUN_HEAD_BYTES ? 0 : le32_load(run + 4);
	int r;

	if (n < RUN_HEAD_BYTES || n > n_left)
		return -EBADMSG;
	prefetch(reader);
	r = reader_send_run(reader, run, n);
	if (r == 1)
		reader->at += n;
	if (reader->at < fetch->n)
		return r;
	reader->has_runs = false;
	/* A run may end with records that are gone: what was read counts. */
	if (fetch->next > reader->range.from)
		reader->range.from = fetch->next;
	return r;
}

static bool is_caught_up(const struct reader *reader)
{
	return reader->range.from > reader->keeper->status.last;
}

/* Who has caught up may wait for long. */
static void rest(struct reader *reader)
{
	if (reader->is_prefetched)
		return;
	fetch_rest(&reader->fetches[0]);
	fetch_rest(&reader->fetches[1]);
}

/* Nothing is here: fetch it, or take what was fetched meanwhile. */
static int find_runs(struct reader *reader)
{
	if (reader->is_prefetched) {
		reader->current = !reader->current;
		reader->is_prefetched = false;
	} else if (!reader->is_fetching) {
		reader->is_fetching = true;
		reader_fetch(reader, reader->current, FETCH_RUNS,
			     reader->range.from);
	}
	if (reader->fetches[reader->current].is_busy) {
		reader->is_fetching = true;
		return -EINPROGRESS;
	}
	reader->is_fetching = false;
	return take_fetched(reader);
}

/* Returns 0 or 1 to go on, -EINPROGRESS and -EAGAIN to wait. */
static int step(struct reader *reader)
{
	int r = reader_send_waiting(reader);

	if (r == 0)
		r = reader_tell_expired(reader);
	if (r == 0)
		r = reader_tell_next(reader);
	if (r < 0)
		return r;
	if (reader->is_finished || reader->range.from >= reader->range.until ||
	    reader->range.from >= reader->end || !reader->range.limit) {
		reader_end(reader, HELIO_OK, "%s", "");
		return -EPIPE;
	}
	if (reader->has_runs)
		return send_fetched(reader);
	if (is_caught_up(reader)) {
		rest(reader);
		r = reader_tell_live(reader);
		return r < 0 ? r : -EINPROGRESS;
	}
	r = reader->is_fetching || reader->is_prefetched ? -ENOENT
							 : send_tail(reader);
	return r == -ENOENT ? find_runs(reader) : r;
}

static int step_of(struct reader *reader)
{
	int r = 0;

	switch (reader->stage) {
	case READER_PLACING:
	case READER_COUNTING:
	case READER_LISTING:
	case READER_REVERSE:
		if (reader->fetches[0].is_busy)
			return -EINPROGRESS;
		r = reader_send_waiting(reader);
		if (r == 0 && reader->stage == READER_REVERSE)
			r = reader_tell_next(reader);
		return r < 0 ? r : reader_place_step(reader);
	case READER_READING:
		return step(reader);
	case READER_ENDED:
		break;
	}
	return -EPIPE;
}

/* A log that is going has no more to say. */
static bool is_served(struct reader *reader)
{
	const struct keeper *keeper = reader->keeper;

	if (keeper_is_served(keeper))
		return true;
	if (keeper->state == KEEPER_CLOSING)
		reader_end(reader, HELIO_UNAVAILABLE, "the log is closed");
	else
		reader_end(reader, HELIO_DATA_LOSS, "%s", keeper->fault);
	return false;
}

void reader_pump(struct reader *reader)
{
	int n = 0;
	int r = 0;

	if (reader->stage == READER_ENDED || reader->is_pumping ||
	    list_is_linked(&reader->wait.link) || reader->timer)
		return;
	if (!is_served(reader))
		return;
	reader->is_pumping = true;
	while (r >= 0 && reader->stage != READER_ENDED) {
		r = step_of(reader);
		if (++n == REPLIES_PER_PUMP && r >= 0) {
			reader->is_due = true;
			break;
		}
	}
	if (r < 0 && r != -EINPROGRESS && r != -EAGAIN && r != -EPIPE)
		fail_errno(reader, r);
	else if (r == -EPIPE && reader->stage != READER_ENDED)
		reader_end(reader, HELIO_CANCELLED, "%s", "");
	reader->is_pumping = false;
	if (reader->stage == READER_ENDED)
		release(reader);
}

/* ---- events ---- */

static void on_verdict(struct access_wait *wait, int r)
{
	struct reader *reader = container_of(wait, struct reader, wait);

	if (r < 0)
		fail_errno(reader, r);
	else
		reader_pump(reader);
}

static void on_news(struct follower *follower)
{
	reader_pump(container_of(follower, struct reader, follower));
}

static void on_writable(struct helio_serving *serving, void *userdata)
{
	struct reader *reader = userdata;

	(void)serving;
	reader_pump(reader);
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct reader *reader = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	reader->serving = NULL;
	release(reader);
}

static const struct helio_serving_events events = {
	.on_writable = on_writable,
	.on_cancelled = on_cancelled,
};

static void refuse(struct helio_serving *serving, unsigned status,
		   const char *why)
{
	(void)helio_serving_fail(serving, status, why);
}

static void fill_range(struct reader *reader,
		       const Helio__Log__V1__ReadRequest *request)
{
	reader->range = (struct sieve_range){
		.from = 1,
		.until = UINT64_MAX,
		.until_ns = UINT64_MAX,
		.limit = UINT64_MAX,
	};
	if (request->has_until_sequence)
		reader->range.until = request->until_sequence;
	if (request->has_until_unix_ns)
		reader->range.until_ns = request->until_unix_ns;
	if (request->has_limit)
		reader->range.limit = request->limit;
	reader->is_following = request->follow;
	reader->is_reverse = request->reverse;
	reader->pace_permille = request->pace_permille;
	reader->end =
		request->follow ? UINT64_MAX : reader->keeper->status.last + 1;
	reader->was_told_live = !request->follow;
}

void reader_start(struct keeper *keeper, struct helio_serving *serving,
		  const Helio__Log__V1__ReadRequest *request,
		  const char *principal)
{
	static const Helio__Log__V1__Filter all = HELIO__LOG__V1__FILTER__INIT;
	const Helio__Log__V1__Filter *filter =
		request->filter ? request->filter : &all;
	struct reader *reader;
	int r;

	if (request->reverse && request->follow) {
		refuse(serving, HELIO_INVALID_ARGUMENT,
		       "reverse and follow contradict each other");
		return;
	}
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		refuse(serving, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	reader->keeper = keeper;
	snprintf(reader->principal, sizeof(reader->principal), "%s", principal);
	list_init(&reader->wait.link);
	list_init(&reader->follower.link);
	r = sieve_init(&reader->sieve, keeper, reader->principal,
		       filter->subjects, filter->n_subjects, filter->principals,
		       filter->n_principals);
	if (r < 0) {
		refuse(serving,
		       r == -EINVAL ? HELIO_INVALID_ARGUMENT
				    : HELIO_RESOURCE_EXHAUSTED,
		       r == -EINVAL ? "the filter is none" : "no memory");
		free(reader);
		return;
	}
	reader->wait.on_verdict = on_verdict;
	reader->follower.on_news = on_news;
	reader->serving = serving;
	list_init(&reader->link);
	list_push_back(&keeper->logger->readers, &reader->link);
	keeper->stats.n_readers++;
	fill_range(reader, request);
	reader->owes_next = !request->place || !request->place->has_sequence;
	reader_place_begin(reader, request->place);
	reader->told_next = reader->range.from;
	helio_serving_listen(serving, &events, reader);
	keeper_follow(keeper, &reader->follower);
	reader_pump(reader);
}

bool readers_turn(struct logger *logger)
{
	bool has_more = false;
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->readers) {
		struct reader *reader = container_of(link, struct reader, link);

		if (reader->is_failing && reader->serving) {
			try_to_fail(reader);
			release(reader);
		} else if (reader->is_due) {
			reader->is_due = false;
			has_more = true;
			reader_pump(reader);
		}
	}
	return has_more;
}

void readers_end(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->readers) {
		struct reader *reader = container_of(link, struct reader, link);

		if (reader->serving)
			(void)helio_serving_fail(reader->serving,
						 HELIO_UNAVAILABLE,
						 "the logger ends");
		reader->serving = NULL;
		release(reader);
	}
}
