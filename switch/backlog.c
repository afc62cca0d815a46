/* SPDX-License-Identifier: MIT */

#include "switch/backlog.h"

#include "base/le.h"
#include "switch/bus.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/receiver.h"
#include "switch/share.h"

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
}

static struct account *account_of(const struct backlog *backlog)
{
	return backlog->receiver->speaker->account;
}

bool backlog_is_notice(const uint8_t *frame)
{
	return frame[FRAME_AT_KIND] == FRAME_ABORT ||
	       frame[FRAME_AT_KIND] == FRAME_GAP;
}

struct named backlog_named(const uint8_t *frame)
{
	uint8_t kind = frame[FRAME_AT_KIND];
	struct named named = { .source = le32_load(frame + FRAME_AT_SOURCE) };

	/* A later fragment of a copy has no extension. */
	if ((kind == FRAME_OBSERVED_CALL || kind == FRAME_OBSERVED_REPLY) &&
	    frame[FRAME_AT_FLAGS] & FRAME_EXTENDED)
		named.callee = le32_load(frame + FRAME_AT_CALLEE);
	return named;
}

const uint8_t *backlog_peek(const struct backlog *backlog, size_t *ret_n)
{
	if (backlog->overflow == OVERFLOW_LATEST)
		return latest_peek(&backlog->latest, ret_n);
	return queue_peek(&backlog->queue, ret_n);
}

/* Gaps that came to stand in front. */
static void take_lost(struct backlog *backlog)
{
	backlog->n_lost_before += backlog->queue.n_lost;
	backlog->queue.n_lost = 0;
}

/* A frame that named these has left; `share` may be NULL, and may be freed. */
static void discharge(struct backlog *backlog, struct share *share,
		      struct named named, size_t n)
{
	struct account *account = account_of(backlog);
	struct sources *sources = &backlog->bus->sources;

	account_discharge(account, RESOURCE_QUEUED_MESSAGES, 1);
	account_discharge(account, RESOURCE_QUEUED_BYTES, n);
	if (share)
		share_discharge(&backlog->bus->shares, share, 1, n);
	source_unref(sources, source_lookup(sources, named.source));
	source_unref(sources, source_lookup(sources, named.callee));
}

static void charge(struct backlog *backlog, struct share *share,
		   const struct message *message)
{
	struct account *account = account_of(backlog);

	account_charge_anyway(account, RESOURCE_QUEUED_MESSAGES, 1);
	account_charge_anyway(account, RESOURCE_QUEUED_BYTES, message->n_bytes);
	if (share)
		share_charge(share, 1, message->n_bytes);
	if (message->source)
		source_ref(message->source);
	if (message->callee)
		source_ref(message->callee);
}

static struct share *share_of(struct lane *lane)
{
	return lane ? container_of(lane, struct share, lane) : NULL;
}

void backlog_pop(struct backlog *backlog)
{
	size_t n;
	const uint8_t *frame = backlog_peek(backlog, &n);
	bool is_notice = backlog_is_notice(frame);
	struct named named = backlog_named(frame);
	struct share *share = NULL;

	if (backlog->overflow == OVERFLOW_LATEST) {
		latest_pop(&backlog->latest);
	} else {
		share = share_of(queue_lane(&backlog->queue));
		queue_pop(&backlog->queue);
		take_lost(backlog);
	}
	if (!is_notice)
		discharge(backlog, share, named, n);
}

static uint64_t owner_of(const struct backlog *backlog,
			 const struct message *message)
{
	return message->source ? message->source->owner
			       : backlog->bus->event_owner;
}

struct share *backlog_hold(struct backlog *backlog,
			   const struct message *message)
{
	return share_hold(&backlog->bus->shares, backlog, account_of(backlog),
			  owner_of(backlog, message));
}

void backlog_release(struct backlog *backlog, struct share *share)
{
	share_release(&backlog->bus->shares, share);
}

void backlog_reserve(struct backlog *backlog, struct share *share,
		     uint64_t n_bytes)
{
	backlog->n_reserved_bytes += n_bytes;
	account_charge_anyway(account_of(backlog), RESOURCE_QUEUED_BYTES,
			      n_bytes);
	share_charge(share, 0, n_bytes);
}

void backlog_unreserve(struct backlog *backlog, struct share *share,
		       uint64_t n_bytes)
{
	backlog->n_reserved_bytes -= n_bytes;
	account_discharge(account_of(backlog), RESOURCE_QUEUED_BYTES, n_bytes);
	share_discharge(&backlog->bus->shares, share, 0, n_bytes);
}

void backlog_write_gap(const struct backlog *backlog, enum gap_reason reason,
		       uint64_t n_lost, uint8_t body[GAP_BODY_BYTES])
{
	le32_store(body, backlog->receiver->id);
	le32_store(body + 4, reason);
	le64_store(body + 8, n_lost);
}

static uint64_t free_frames(const struct backlog *backlog)
{
	size_t n = backlog_n_frames(backlog);

	return n < backlog->messages_max ? backlog->messages_max - n : 0;
}

static uint64_t free_bytes(const struct backlog *backlog)
{
	uint64_t n = backlog_n_bytes(backlog) + backlog->n_reserved_bytes;

	return n < backlog->bytes_max ? backlog->bytes_max - n : 0;
}

static uint64_t payable(const struct backlog *backlog, enum resource resource)
{
	return account_free_of(account_of(backlog), resource);
}

/*
 * What the switch says of domains, no domain can make it say. Who would
 * rather end than lose anything has said that he can take what comes.
 */
static bool has_shares(const struct backlog *backlog, uint64_t owner)
{
	return owner != SOURCE_OWNER_SWITCH &&
	       (backlog->overflow == OVERFLOW_DROP_NEW ||
		backlog->overflow == OVERFLOW_DROP_OLD);
}

static uint64_t anybodys_bytes(const struct backlog *backlog)
{
	uint64_t n_payable = payable(backlog, RESOURCE_QUEUED_BYTES);
	uint64_t n_free = free_bytes(backlog);

	return n_free < n_payable ? n_free : n_payable;
}

static uint64_t anybodys_room(const struct backlog *backlog)
{
	if (!free_frames(backlog) ||
	    !payable(backlog, RESOURCE_QUEUED_MESSAGES))
		return 0;
	return anybodys_bytes(backlog);
}

/* What a message may have whose sender has these already; NULL: nothing. */
static uint64_t room_of(const struct backlog *backlog, uint64_t owner,
			const struct share *share, const struct share *whole)
{
	uint64_t n_here;
	uint64_t n_payable;

	if (!has_shares(backlog, owner))
		return anybodys_room(backlog);
	n_here = share_room(share, free_frames(backlog), free_bytes(backlog));
	n_payable =
		share_room(whole, payable(backlog, RESOURCE_QUEUED_MESSAGES),
			   payable(backlog, RESOURCE_QUEUED_BYTES));
	return n_here < n_payable ? n_here : n_payable;
}

uint64_t backlog_room(const struct backlog *backlog, const struct share *share)
{
	return room_of(backlog, share->owner, share, share->whole);
}

uint64_t backlog_room_for(const struct backlog *backlog,
			  const struct message *message)
{
	const struct share_table *shares = &backlog->bus->shares;
	uint64_t owner = owner_of(backlog, message);

	return room_of(backlog, owner, share_lookup(shares, backlog, owner),
		       share_lookup(shares, account_of(backlog), owner));
}

bool backlog_fits(const struct backlog *backlog, const struct message *message,
		  uint64_t n)
{
	return share_covers(backlog_room_for(backlog, message), n);
}

void backlog_count_loss(struct backlog *backlog)
{
	backlog->n_dropped++;
	backlog->bus->stats.n_dropped++;
}

/* Where it stands, so that the gap is told there. */
static void drop_oldest(struct backlog *backlog, struct lane *lane)
{
	size_t n;
	struct named named = backlog_named(lane_peek(lane, &n));

	queue_drop(&backlog->queue, lane);
	take_lost(backlog);
	discharge(backlog, share_of(lane), named, n);
	backlog_count_loss(backlog);
}

/* Of the oldest that waits, if its sender has more than `share` would. */
static struct lane *lane_with_more(const struct backlog *backlog,
				   const struct share *share, uint64_t n)
{
	struct lane *lane =
		backlog->queue.n_frames ? queue_lane(&backlog->queue) : NULL;
	const struct share *other = share_of(lane);

	if (!other || !lane->first || other == share ||
	    other->n_frames <= share->n_frames ||
	    other->n_bytes < share->n_bytes + n ||
	    other->whole->n_frames <= share->whole->n_frames ||
	    other->whole->n_bytes < share->whole->n_bytes + n)
		return NULL;
	return lane;
}

/*
 * Fragments stay: the rest of their message may be on its way already. For
 * what would not fit an empty queue, nothing else is lost.
 */
bool backlog_make_fit(struct backlog *backlog, struct share *share, uint64_t n)
{
	bool may_drop = backlog->overflow == OVERFLOW_DROP_OLD &&
			n <= backlog->bytes_max / 2;

	while (!share_covers(backlog_room(backlog, share), n)) {
		struct lane *lane = NULL;

		if (may_drop && share->lane.first)
			lane = &share->lane;
		else if (may_drop)
			lane = lane_with_more(backlog, share, n);
		if (!lane)
			return false;
		drop_oldest(backlog, lane);
	}
	return true;
}

static struct hash_tag tag_of(const struct backlog *backlog,
			      const struct message *message)
{
	return route_tag(&backlog->bus->routes, 0, message->subject,
			 message->n_subject);
}

int backlog_replace(struct backlog *backlog, const struct message *message,
		    uint8_t **ret_room)
{
	struct hash_tag tag = tag_of(backlog, message);
	struct named named = { 0 };
	size_t n_old;
	const uint8_t *old = latest_lookup(&backlog->latest, tag, &n_old);
	size_t n = message->n_bytes;
	int r;

	if (old)
		named = backlog_named(old);
	if (old ? n > n_old && n - n_old > anybodys_bytes(backlog)
		: n > anybodys_room(backlog))
		return 1;
	r = latest_put(&backlog->latest, tag, n, ret_room);
	if (r < 0)
		return r;
	charge(backlog, NULL, message);
	if (!old)
		return 0;
	discharge(backlog, NULL, named, n_old);
	backlog->n_lost_before++;
	backlog_count_loss(backlog);
	return 0;
}

int backlog_push(struct backlog *backlog, struct share *share,
		 const struct message *message, uint8_t **ret_room)
{
	bool is_whole = (message->flags & FRAME_WHOLE) == FRAME_WHOLE;
	int r;

	/* Without memory it is counted on, and told with the next. */
	if (backlog->n_lost_after &&
	    !queue_push_gap(&backlog->queue, backlog->n_lost_after))
		backlog->n_lost_after = 0;
	take_lost(backlog);
	r = queue_push_in(&backlog->queue, &share->lane, is_whole,
			  message->n_bytes, ret_room);
	if (r < 0)
		return r;
	charge(backlog, share, message);
	return 0;
}

int backlog_push_notice(struct backlog *backlog, size_t n, uint8_t **ret_room)
{
	return queue_push(&backlog->queue, n, ret_room);
}
