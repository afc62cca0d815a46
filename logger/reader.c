/* SPDX-License-Identifier: MIT */

#include "logger/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/le.h"
#include "logger/logger.h"
#include "logger/reader_place.h"

enum {
	/* A run with what it is sent in: a key, and its length. */
	PREFIX_BYTES_MAX = 6,
	/* Of one reader in a row; then others have their turn. */
	REPLIES_PER_PUMP = 64,
	/* After so many without one that matches the place is told. */
	LONG_WAY_RECORDS = 65536,
};

static void pump(struct reader *reader);

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

/* ---- sending ---- */

static size_t put_prefix(uint8_t *out, size_t n)
{
	size_t at = 0;

	out[at++] = 1 << 3 | 2;
	for (; n >= 0x80; n >>= 7)
		out[at++] = (uint8_t)(n | 0x80);
	out[at++] = (uint8_t)n;
	return at;
}

/* Returns 0, or -EAGAIN with the reply kept if it has to be. */
static int send_waiting(struct reader *reader)
{
	int r;

	if (!reader->waiting)
		return 0;
	r = helio_serving_send_packed(reader->serving, reader->waiting,
				      reader->n_waiting);
	if (r == 0)
		free(take_ptr(reader->waiting));
	return r;
}

int reader_send_pieces(struct reader *reader, const void *const pieces[2],
		       const size_t lengths[2])
{
	size_t n = lengths[0] + lengths[1];
	uint8_t *reply = malloc(PREFIX_BYTES_MAX + n);
	size_t at;

	if (!reply)
		return -ENOMEM;
	at = put_prefix(reply, n);
	memcpy(reply + at, pieces[0], lengths[0]);
	memcpy(reply + at + lengths[0], pieces[1], lengths[1]);
	reader->waiting = reply;
	reader->n_waiting = at + n;
	return send_waiting(reader);
}

/*
 * What stands before a run was sent already, or is headroom: the prefix is
 * written over it, and nothing is copied together.
 */
static int send_whole(struct reader *reader, uint8_t *run, size_t n)
{
	uint8_t prefix[PREFIX_BYTES_MAX];
	size_t n_prefix = put_prefix(prefix, n);

	memcpy(run - n_prefix, prefix, n_prefix);
	return helio_serving_send_packed(reader->serving, run - n_prefix,
					 n_prefix + n);
}

static int send_small(struct reader *reader,
		      const Helio__Log__V1__ReadReply *reply)
{
	return helio_serving_send(reader->serving, &reply->base);
}

static int tell_expired(struct reader *reader)
{
	Helio__Log__V1__ReadReply reply = HELIO__LOG__V1__READ_REPLY__INIT;
	int r;

	if (!reader->expired_to)
		return 0;
	reply.has_expired_to = 1;
	reply.expired_to = reader->expired_to;
	r = send_small(reader, &reply);
	if (r == 0)
		reader->expired_to = 0;
	return r;
}

static int tell_live(struct reader *reader)
{
	Helio__Log__V1__ReadReply reply = HELIO__LOG__V1__READ_REPLY__INIT;
	int r;

	if (reader->was_told_live)
		return 0;
	reply.has_is_live = 1;
	reply.is_live = 1;
	reply.has_next = 1;
	reply.next = reader->range.from;
	r = send_small(reader, &reply);
	reader->was_told_live = r == 0;
	return r;
}

/* Who loses the connection need not go the same way again. */
static int tell_next(struct reader *reader)
{
	Helio__Log__V1__ReadReply reply = HELIO__LOG__V1__READ_REPLY__INIT;
	uint64_t next = reader->stage == READER_REVERSE ? reader->position
							: reader->range.from;
	int r;

	if (!reader->owes_next && (reader->stage == READER_REVERSE ||
				   next - reader->told_next < LONG_WAY_RECORDS))
		return 0;
	reply.has_next = 1;
	reply.next = next;
	r = send_small(reader, &reply);
	if (r < 0)
		return r;
	reader->owes_next = false;
	reader->told_next = next;
	return 0;
}

/* ---- fetching ---- */

static void on_fetched(struct fetch *fetch)
{
	struct reader *reader = fetch->userdata;

	if (reader->stage == READER_ENDED)
		release(reader);
	else
		pump(reader);
}

void reader_fetch(struct reader *reader, unsigned which, enum fetch_kind kind,
		  uint64_t from)
{
	struct fetch *fetch = &reader->fetches[which];

	fetch->kind = kind;
	fetch->from = from;
	fetch->patterns = (const char *const *)reader->sieve.subjects;
	fetch->n_patterns = reader->sieve.n_subjects;
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
	reader_fetch(reader, !reader->current, FETCH_RUNS, fetch->next);
}

/* ---- runs ---- */

static uint64_t ns_until_due(const struct reader *reader, uint64_t time_ns)
{
	uint64_t passed_ns = clock_now_ns() - reader->started_ns;
	uint64_t due_ns;

	if (time_ns < reader->base_ns)
		return 0;
	due_ns = (uint64_t)((double)(time_ns - reader->base_ns) * 1000.0 /
			    reader->pace_permille);
	return due_ns > passed_ns ? due_ns - passed_ns : 0;
}

static void on_due(struct helio *bus, void *userdata)
{
	struct reader *reader = userdata;

	(void)bus;
	reader->timer = NULL;
	pump(reader);
}

/*
 * With a pace: nothing above what is due now is sent. Returns 0, or -EAGAIN
 * when the first record is not due yet.
 */
static int wait_for_pace(struct reader *reader, struct sieve_range *range,
			 uint64_t first_ns)
{
	uint64_t wait_ns;
	double passed_ns;

	if (!reader->pace_permille)
		return 0;
	if (!reader->started_ns) {
		reader->started_ns = clock_now_ns();
		reader->base_ns = first_ns;
	}
	wait_ns = ns_until_due(reader, first_ns);
	if (wait_ns) {
		if (!reader->timer)
			(void)helio_timer_start(
				reader->keeper->logger->bus,
				(uint32_t)(wait_ns / NS_PER_MS) + 1, on_due,
				reader, &reader->timer);
		return -EAGAIN;
	}
	passed_ns = (double)(clock_now_ns() - reader->started_ns);
	passed_ns = passed_ns * reader->pace_permille / 1000.0 + 1.0;
	if (reader->base_ns + (uint64_t)passed_ns < range->until_ns)
		range->until_ns = reader->base_ns + (uint64_t)passed_ns;
	return 0;
}

/* The time of the first record at or after `from`. */
static uint64_t first_time(const uint8_t *run, size_t n, uint64_t from)
{
	uint64_t base = le64_load(run + 8);
	uint64_t base_ns = le64_load(run + 16);
	size_t at = RUN_HEAD_BYTES + le32_load(run + 28);

	while (n - at >= RUN_RECORD_BYTES) {
		uint32_t length = le32_load(run + at);

		if (base + le32_load(run + at + 8) >= from)
			return base_ns + le32_load(run + at + 12) * NS_PER_US;
		if (length < RUN_RECORD_BYTES || length > n - at)
			break;
		at += length;
	}
	return base_ns;
}

/* Whether all of a run is before `next`. */
static bool is_before(const uint8_t *run, size_t n, uint64_t next)
{
	uint64_t base = le64_load(run + 8);
	size_t at = RUN_HEAD_BYTES + le32_load(run + 28);
	uint64_t last = base;

	while (n - at >= RUN_RECORD_BYTES) {
		uint32_t length = le32_load(run + at);

		if (length < RUN_RECORD_BYTES || length > n - at)
			break;
		last = base + le32_load(run + at + 8);
		at += length;
	}
	return last < next;
}

/*
 * Send what is wanted of a run. Returns 1: all of it is dealt with; 0: there is
 * more of it; -EAGAIN; -EINPROGRESS; another negative errno.
 */
static int send_run(struct reader *reader, uint8_t *run, size_t n)
{
	struct sieve_range range = reader->range;
	struct sieve_out out;
	bool is_paced = reader->pace_permille;
	uint64_t last = reader->range.from;
	int r;

	if (range.until > reader->end)
		range.until = reader->end;
	if (n < RUN_HEAD_BYTES || le32_load(run + 28) > n - RUN_HEAD_BYTES)
		return -EBADMSG;
	r = wait_for_pace(reader, &range, first_time(run, n, range.from));
	if (r == 0)
		r = sieve_take(&reader->sieve, run, n, &range, &reader->wait,
			       &out);
	if (r < 0)
		return r;
	if (out.is_whole)
		r = send_whole(reader, run, n);
	else if (out.n_records)
		r = reader_send_pieces(reader, out.pieces, out.lengths);
	/* A kept reply counts as sent; a whole run is tried again. */
	if (r < 0 && !reader->waiting)
		return r;
	if (out.next > reader->range.from)
		reader->range.from = out.next;
	if (out.n_records)
		reader->told_next = reader->range.from;
	if (reader->range.limit != UINT64_MAX)
		reader->range.limit -= out.n_records;
	if (out.is_end &&
	    (!is_paced || out.last_ns >= reader->range.until_ns ||
	     reader->range.from >= range.until || !reader->range.limit))
		reader->is_finished = true;
	if (r < 0)
		return r;
	if (is_paced && out.is_end && !reader->is_finished)
		return reader->range.from > last ? 0 : -EAGAIN;
	return out.is_whole || is_before(run, n, out.next);
}

/* ---- the pump ---- */

/* From memory: the newest runs. As send_run(); -ENOENT: it is not there. */
static int send_tail(struct reader *reader)
{
	struct tail_run *run = reader->tail;
	int r;

	if (!run)
		run = tail_find(&reader->keeper->tail, reader->range.from);
	reader->tail = run;
	if (!run)
		return -ENOENT;
	r = send_run(reader, run->bytes + TAIL_HEADROOM,
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
	r = send_run(reader, run, n);
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
	int r = send_waiting(reader);

	if (r == 0)
		r = tell_expired(reader);
	if (r == 0)
		r = tell_next(reader);
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
		r = tell_live(reader);
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
		r = send_waiting(reader);
		if (r == 0 && reader->stage == READER_REVERSE)
			r = tell_next(reader);
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

static void pump(struct reader *reader)
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
		pump(reader);
}

static void on_news(struct follower *follower)
{
	pump(container_of(follower, struct reader, follower));
}

static void on_writable(struct helio_serving *serving, void *userdata)
{
	struct reader *reader = userdata;

	(void)serving;
	pump(reader);
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
	pump(reader);
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
			pump(reader);
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
