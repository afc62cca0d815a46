/* SPDX-License-Identifier: MIT */

#include "switch/open_target.h"

#include <string.h>

#include "switch/bus.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/share.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* It is too long for the receiver or too far, or might go where only whole ones
 * wait. */
static bool is_barred(const struct subscription *sub,
		      const struct message *message)
{
	const struct peer *peer = sub->receiver.peer;

	return message->total_bytes > peer->message_max ||
	       sub->backlog.overflow == OVERFLOW_LATEST ||
	       peer_is_too_far(peer, message->frame.hops);
}

/*
 * How much credit may be kept for one more message. What is kept never exceeds
 * what is left, by a long frame at each side: a client that has done with half
 * of its credit gives it back, so what waits does not wait for what is kept.
 * Where something waits already, it has the first claim. A log is not given
 * the beginning of what it might not get the end of.
 */
static uint64_t keepable_credit(const struct subscription *sub)
{
	uint64_t n_credit = sub->receiver.credit_bytes;
	uint64_t n_kept = sub->n_kept_bytes + 2 * FRAME_MAX_BYTES;

	if (sub->log || backlog_n_frames(&sub->backlog) ||
	    sub->backlog.n_lost_after || !sub->receiver.credit_messages ||
	    n_kept >= n_credit)
		return 0;
	return (n_credit - n_kept) / 2;
}

bool open_target_has_room(const struct subscription *sub,
			  const struct message *message)
{
	uint64_t n_room = backlog_room_for(&sub->backlog, message);
	uint64_t n = message->total_bytes;

	if (is_barred(sub, message))
		return false;
	return share_covers(n_room, n) ||
	       (n > n_room && n - n_room <= keepable_credit(sub));
}

static void keep_room(struct open_target *target, uint64_t n)
{
	backlog_reserve(&target->subscription->backlog, target->share, n);
	target->n_reserved_bytes += n;
}

static void give_back_room(struct open_target *target, uint64_t n)
{
	backlog_unreserve(&target->subscription->backlog, target->share, n);
	target->n_reserved_bytes -= n;
}

static void keep_credit(struct open_target *target, uint64_t n)
{
	struct subscription *sub = target->subscription;

	sub->receiver.credit_bytes -= n;
	sub->n_kept_bytes += n;
	target->n_kept_bytes += n;
}

static void give_back_credit(struct open_target *target, uint64_t n)
{
	struct subscription *sub = target->subscription;

	receiver_grant(&sub->receiver, 0, n);
	sub->n_kept_bytes -= n;
	target->n_kept_bytes -= n;
}

void open_target_close(struct open_target *target)
{
	give_back_room(target, target->n_reserved_bytes);
	give_back_credit(target, target->n_kept_bytes);
	backlog_release(&target->subscription->backlog, target->share);
	list_unlink(&target->link);
	target->subscription = NULL;
}

/*
 * Keep room and credit for all of it. Where both are needed they overlap by a
 * frame, so that each fragment is covered by one of them alone. Returns 0, or
 * 1 and nothing is kept.
 */
static int reserve(struct open_target *target, const struct message *message)
{
	struct subscription *sub = target->subscription;
	uint64_t n = message->total_bytes;
	uint64_t n_room = backlog_room(&sub->backlog, target->share);
	uint64_t n_credit = keepable_credit(sub);

	if (n > n_room && n - n_room <= n_credit) {
		n_credit = min_u64(n_credit, n - n_room + FRAME_MAX_BYTES);
		keep_credit(target, min_u64(n_credit, n));
		n = n_room;
	} else if (!subscription_make_fit(sub, target->share, n)) {
		return 1;
	}
	keep_room(target, n);
	return 0;
}

/*
 * A fragment that has to wait: all that follows waits behind it, so no credit
 * is kept any more. Returns 0, 1 when there is no room, or -ENOMEM.
 */
static int wait_behind(struct open_target *target,
		       const struct message *message)
{
	struct subscription *sub = target->subscription;
	uint64_t n_reserved =
		min_u64(message->n_body, target->n_reserved_bytes);
	int r;

	give_back_credit(target, target->n_kept_bytes);
	if (n_reserved < message->n_body &&
	    message->n_bytes > backlog_room(&sub->backlog, target->share))
		return 1;
	r = subscription_push(sub, target->share, message, target->correlation);
	if (!r)
		give_back_room(target, n_reserved);
	return r;
}

/* Returns as above. */
static int pass_on(struct open_target *target, const struct message *message)
{
	uint32_t n_messages = message->flags & FRAME_FIRST ? 1 : 0;
	uint64_t n_kept = min_u64(message->n_body, target->n_kept_bytes);

	/* Its own credit, which nobody else can take in between. */
	give_back_credit(target, n_kept);
	if (subscription_send(target->subscription, message,
			      target->correlation, n_messages))
		return wait_behind(target, message);
	give_back_room(target, min_u64(message->n_body - n_kept,
				       target->n_reserved_bytes));
	return 0;
}

/* Behind what waits. */
static void send_abort(struct subscription *sub, uint64_t correlation,
		       const char *text)
{
	struct frame frame = { .kind = FRAME_ABORT,
			       .correlation = correlation };
	size_t n = strlen(text);
	uint8_t *room;

	if (!backlog_n_frames(&sub->backlog)) {
		peer_send(sub->receiver.peer, &frame, text, n);
		return;
	}
	frame_set_body(&frame, n);
	if (backlog_push_notice(&sub->backlog, frame.length, &room) < 0) {
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for what waits");
		return;
	}
	room += frame_encode(&frame, room);
	memcpy(room, text, n);
}

void open_target_abort(struct open_target *target, const char *text)
{
	struct subscription *sub = target->subscription;

	backlog_count_loss(&sub->backlog);
	send_abort(sub, target->correlation, text);
	open_target_close(target);
}

enum delivery open_target_begin(struct open_target *target,
				struct subscription *sub,
				const struct message *message)
{
	uint64_t correlation =
		(uint64_t)sub->receiver.id << 32 | sub->receiver.next;
	struct share *share = NULL;

	if (!is_barred(sub, message))
		share = backlog_hold(&sub->backlog, message);
	if (!share)
		return subscription_lose(sub);
	*target = (struct open_target){
		.subscription = sub,
		.correlation = correlation,
		.share = share,
	};
	list_push_back(&sub->open_targets, &target->link);
	if (reserve(target, message) || pass_on(target, message)) {
		open_target_close(target);
		return subscription_lose(sub);
	}
	sub->receiver.next++;
	return DELIVERY_TAKEN;
}

void open_target_continue(struct open_target *target,
			  const struct message *message)
{
	struct subscription *sub = target->subscription;
	int r = pass_on(target, message);

	if (r > 0)
		open_target_abort(target, "there is no room for the rest");
	else if (r < 0)
		peer_end(sub->receiver.peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for what waits");
	if (!r && message->flags & FRAME_LAST)
		open_target_close(target);
}
