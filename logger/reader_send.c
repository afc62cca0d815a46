/* SPDX-License-Identifier: MIT */

#include "logger/reader_send.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/le.h"
#include "logger/logger.h"
#include "logger/reader.h"

enum {
	/* A run with what it is sent in: a key, and its length. */
	PREFIX_BYTES_MAX = 6,
	/* After so many without one that matches the place is told. */
	LONG_WAY_RECORDS = 65536,
};

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

int reader_send_waiting(struct reader *reader)
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
	return reader_send_waiting(reader);
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

int reader_tell_expired(struct reader *reader)
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

int reader_tell_live(struct reader *reader)
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

int reader_tell_next(struct reader *reader)
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
	reader_pump(reader);
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

int reader_send_run(struct reader *reader, uint8_t *run, size_t n)
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
