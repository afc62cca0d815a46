/* SPDX-License-Identifier: MIT */

#include "switch/backlog.h"

#include "base/le.h"
#include "switch/bus.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/receiver.h"

int backlog_init(struct backlog *backlog)
{
	queue_init(&backlog->queue, &backlog->bus->chunks);
	if (backlog->overflow != OVERFLOW_LATEST)
		return 0;
	return latest_init(&backlog->latest);
}

void backlog_deinit(struct backlog *backlog)
{
	queue_deinit(&backlog->queue);
	if (backlog->overflow == OVERFLOW_LATEST)
		latest_deinit(&backlog->latest);
}

void backlog_clear(struct backlog *backlog)
{
	while (backlog_n_frames(backlog))
		backlog_pop(backlog);
	backlog_unreserve(backlog, backlog->n_reserved_bytes);
}

static struct account *account_of(const struct backlog *backlog)
{
	return backlog->receiver->speaker->account;
}

bool backlog_is_notice(const uint8_t *frame)
{
	return frame[FRAME_AT_KIND] == FRAME_GAP ||
	       frame[FRAME_AT_KIND] == FRAME_ABORT;
}

struct named backlog_named(const uint8_t *frame)
{
	uint8_t kind = frame[FRAME_AT_KIND];
	struct named named = { .source = le32_load(frame + FRAME_AT_SOURCE) };

	if (kind == FRAME_OBSERVED_CALL || kind == FRAME_OBSERVED_REPLY)
		named.callee = le32_load(frame + FRAME_AT_CALLEE);
	return named;
}

const uint8_t *backlog_peek(const struct backlog *backlog, size_t *ret_n)
{
	if (backlog->overflow == OVERFLOW_LATEST)
		return latest_peek(&backlog->latest, ret_n);
	return queue_peek(&backlog->queue, ret_n);
}

static void discharge(struct backlog *backlog, struct named named, size_t n)
{
	struct account *account = account_of(backlog);
	struct sources *sources = &backlog->bus->sources;

	account_discharge(account, RESOURCE_QUEUED_MESSAGES, 1);
	account_discharge(account, RESOURCE_QUEUED_BYTES, n);
	source_unref(sources, source_lookup(sources, named.source));
	source_unref(sources, source_lookup(sources, named.callee));
}

void backlog_pop(struct backlog *backlog)
{
	size_t n;
	const uint8_t *frame = backlog_peek(backlog, &n);

	if (!backlog_is_notice(frame))
		discharge(backlog, backlog_named(frame), n);
	if (backlog->overflow == OVERFLOW_LATEST)
		latest_pop(&backlog->latest);
	else
		queue_pop(&backlog->queue);
}

void backlog_reserve(struct backlog *backlog, uint64_t n_bytes)
{
	backlog->n_reserved_bytes += n_bytes;
	account_charge_anyway(account_of(backlog), RESOURCE_QUEUED_BYTES,
			      n_bytes);
}

void backlog_unreserve(struct backlog *backlog, uint64_t n_bytes)
{
	backlog->n_reserved_bytes -= n_bytes;
	account_discharge(account_of(backlog), RESOURCE_QUEUED_BYTES, n_bytes);
}

void backlog_write_gap(const struct backlog *backlog, uint64_t n_lost,
		       uint8_t body[GAP_BODY_BYTES])
{
	le32_store(body, backlog->receiver->id);
	le32_store(body + 4, GAP_OVERFLOW);
	le64_store(body + 8, n_lost);
}

/* A gap in the middle of what waits. */
static void push_gap(struct backlog *backlog)
{
	struct frame frame = { .kind = FRAME_GAP };
	uint8_t *room;

	frame_set_body(&frame, GAP_BODY_BYTES);
	if (queue_push(&backlog->queue, frame.length, &room) < 0)
		return; /* counted on, and told with the next */
	room += frame_encode(&frame, room);
	backlog_write_gap(backlog, backlog->n_lost_after, room);
	backlog->n_lost_after = 0;
}

/* Whether the queue and the account take `n` more bytes. */
static bool bytes_fit(const struct backlog *backlog, uint64_t n)
{
	uint64_t n_used = backlog_n_bytes(backlog) + backlog->n_reserved_bytes;

	return n <= backlog->bytes_max && n_used <= backlog->bytes_max - n &&
	       account_free_of(account_of(backlog), RESOURCE_QUEUED_BYTES) >= n;
}

bool backlog_fits(const struct backlog *backlog, uint64_t n)
{
	return backlog_n_frames(backlog) < backlog->messages_max &&
	       account_free_of(account_of(backlog), RESOURCE_QUEUED_MESSAGES) >=
		       1 &&
	       bytes_fit(backlog, n);
}

void backlog_lose(struct backlog *backlog, uint64_t *n_lost)
{
	(*n_lost)++;
	backlog->n_dropped++;
	backlog->bus->stats.n_dropped++;
}

/*
 * Make room by losing the oldest that wait. Fragments stay: the rest of their
 * message may be on its way already.
 */
static void drop_old(struct backlog *backlog, uint64_t n)
{
	size_t n_frame;
	const uint8_t *frame;

	while (!backlog_fits(backlog, n) &&
	       (frame = backlog_peek(backlog, &n_frame))) {
		if (frame[FRAME_AT_KIND] == FRAME_GAP) {
			backlog->n_lost_before +=
				le64_load(frame + n_frame - 8);
		} else {
			if ((frame[FRAME_AT_FLAGS] & FRAME_WHOLE) !=
			    FRAME_WHOLE)
				return;
			backlog_lose(backlog, &backlog->n_lost_before);
		}
		backlog_pop(backlog);
	}
}

bool backlog_make_fit(struct backlog *backlog, uint64_t n)
{
	/* For what would not fit an empty queue, nothing else is lost. */
	if (!backlog_fits(backlog, n) &&
	    backlog->overflow == OVERFLOW_DROP_OLD && n <= backlog->bytes_max)
		drop_old(backlog, n);
	return backlog_fits(backlog, n);
}

static struct hash_tag tag_of(const struct backlog *backlog,
			      const struct message *message)
{
	return route_tag(&backlog->bus->routes, 0, message->subject,
			 message->n_subject);
}

bool backlog_may_replace(const struct backlog *backlog,
			 const struct message *message)
{
	size_t n_old;

	return backlog->overflow == OVERFLOW_LATEST &&
	       latest_lookup(&backlog->latest, tag_of(backlog, message),
			     &n_old) &&
	       (message->n_bytes <= n_old ||
		bytes_fit(backlog, message->n_bytes - n_old));
}

/* In place of what waits for the same subject. */
static int push_latest(struct backlog *backlog, const struct message *message,
		       uint8_t **ret_room)
{
	struct hash_tag tag = tag_of(backlog, message);
	size_t n_old;
	const uint8_t *old = latest_lookup(&backlog->latest, tag, &n_old);
	struct named named = { 0 };
	int r;

	if (old)
		named = backlog_named(old);
	r = latest_put(&backlog->latest, tag, message->n_bytes, ret_room);
	if (r < 0 || !old)
		return r;
	discharge(backlog, named, n_old);
	backlog_lose(backlog, &backlog->n_lost_before);
	return 0;
}

int backlog_push(struct backlog *backlog, const struct message *message,
		 uint8_t **ret_room)
{
	struct account *account = account_of(backlog);
	size_t n = message->n_bytes;
	int r;

	if (backlog->overflow == OVERFLOW_LATEST) {
		r = push_latest(backlog, message, ret_room);
	} else {
		if (backlog->n_lost_after)
			push_gap(backlog);
		r = queue_push(&backlog->queue, n, ret_room);
	}
	if (r < 0)
		return r;
	account_charge_anyway(account, RESOURCE_QUEUED_MESSAGES, 1);
	account_charge_anyway(account, RESOURCE_QUEUED_BYTES, n);
	if (message->source)
		source_ref(message->source);
	if (message->callee)
		source_ref(message->callee);
	return 0;
}

int backlog_push_notice(struct backlog *backlog, size_t n, uint8_t **ret_room)
{
	return queue_push(&backlog->queue, n, ret_room);
}
