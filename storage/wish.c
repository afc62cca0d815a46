/* SPDX-License-Identifier: MIT */

#include "storage/wish.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/pack.h"
#include "proto/unpack.h"
#include "storage/commit.h"
#include "storage/guest.h"
#include "storage/room.h"
#include "storage/service.h"

enum { REASON_BYTES = 512 };

static void wish_free(struct wish *wish)
{
	struct service *service = wish->service;

	list_unlink(&wish->link);
	list_unlink(&wish->wait.link);
	timer_remove(&wish->timer);
	wish->guest->n_bytes -= wish->n_counted;
	service->n_waiting_bytes -= wish->n_counted;
	guest_put(wish->guest);
	free(wish->packed);
	free(wish->reason);
	if (wish->copy)
		protobuf_c_message_free_unpacked(wish->copy, NULL);
	service->n_wishes--;
	spares_put(&service->spare_wishes, wish);
}

/* ---- the end ---- */

static int try_to_send(struct wish *wish)
{
	if (wish->status != HELIO_OK)
		return helio_serving_fail(wish->serving, wish->status,
					  wish->reason);
	return helio_serving_reply_packed(
		wish->serving, wish->packed ? wish->packed : wish->inside,
		wish->n_packed);
}

/* There is no memory for the answer; what was to be changed may well be. */
static unsigned without_answer(const struct wish *wish)
{
	return wish->type->is_change ? HELIO_UNAVAILABLE
				     : HELIO_RESOURCE_EXHAUSTED;
}

/* Whatever cannot be said for another reason than room is said so. */
static void send_answer(struct wish *wish)
{
	int r = try_to_send(wish);

	if (r == -EAGAIN) {
		wish->stage = WISH_SENDING;
		wish->request = wish->copy;
		list_unlink(&wish->link);
		list_push_back(&wish->service->unsent, &wish->link);
		return;
	}
	if (r < 0)
		(void)helio_serving_fail(wish->serving, without_answer(wish),
					 "no memory for the answer");
	wish->serving = NULL;
	wish_free(wish);
}

static void end(struct wish *wish)
{
	if (wish->serving) {
		send_answer(wish);
		return;
	}
	if (wish->status == HELIO_OK && wish->type->on_lost)
		wish->type->on_lost(wish);
	wish_free(wish);
}

void wish_fail(struct wish *wish, unsigned status, const char *reason)
{
	free(wish->reason);
	wish->reason = strdup(reason);
	wish->status = status;
	end(wish);
}

/* What waits is its caller's until it is answered. */
static void count(struct wish *wish, size_t n)
{
	wish->n_counted += n;
	wish->guest->n_bytes += n;
	wish->service->n_waiting_bytes += n;
}

static int pack(struct wish *wish, const ProtobufCMessage *reply)
{
	struct packed packed;
	int r = packed_init(&packed, reply);

	if (r < 0)
		return r;
	wish->n_packed = packed.n;
	if (packed.n <= sizeof(wish->inside)) {
		memcpy(wish->inside, packed.bytes, packed.n);
		return 0;
	}
	wish->packed = packed_take(&packed);
	if (!wish->packed)
		return -ENOMEM;
	count(wish, wish->n_packed);
	return 0;
}

static void wait_for(struct wish *wish, uint64_t revision)
{
	wish->stage = WISH_WAITING;
	wish->request = wish->copy;
	list_unlink(&wish->link);
	commit_wait(wish->service, wish, revision);
}

static bool is_on_disk(const struct wish *wish, uint64_t revision)
{
	return revision <= wish->service->state.committed;
}

void wish_answer(struct wish *wish, const ProtobufCMessage *reply,
		 uint64_t revision)
{
	bool is_now = is_on_disk(wish, revision);
	const char *why = NULL;

	/* What was changed is told, whatever waits. */
	if (!wish->type->is_change)
		why = room_for_answer(wish->service, wish->guest);
	if (is_now && wish->serving &&
	    helio_serving_reply(wish->serving, reply) == 0) {
		wish->serving = NULL;
		wish_free(wish);
		return;
	}
	if (why)
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, why);
	else if (pack(wish, reply) < 0)
		wish_fail(wish, without_answer(wish), "no memory");
	else if (is_now)
		end(wish);
	else
		wait_for(wish, revision);
}

void wish_refuse(struct wish *wish, unsigned status, const char *format, ...)
{
	uint64_t revision = wish->service->state.revision;
	char reason[REASON_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (is_on_disk(wish, revision)) {
		wish_fail(wish, status, reason);
		return;
	}
	wish->status = status;
	wish->reason = strdup(reason);
	wait_for(wish, revision);
}

/* ---- waiting ---- */

/* Until it ends. False: it has failed. */
static bool keep(struct wish *wish)
{
	if (wish->copy)
		return true;
	wish->copy = unpack_copy(wish->request);
	if (!wish->copy) {
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return false;
	}
	wish->request = wish->copy;
	return true;
}

void wish_again(struct wish *wish, uint64_t revision)
{
	if (!keep(wish))
		return;
	wish->acts_again = true;
	wait_for(wish, revision);
}

bool wish_park(struct wish *wish, struct list *list)
{
	if (!keep(wish))
		return false;
	wish->stage = WISH_PARKED;
	list_unlink(&wish->link);
	list_push_back(list, &wish->link);
	return true;
}

void wish_ask_again(struct wish *wish, int r)
{
	struct service *service = wish->service;

	if (r == -EINPROGRESS) {
		if (wish_park(wish, &service->asking))
			wish->stage = WISH_ASKING;
	} else if (r == -EDOM) {
		wish_fail(wish, HELIO_INVALID_ARGUMENT, wish->fault);
	} else {
		wish_fail(wish, access_status(r),
			  access_reason(&service->access, r));
	}
}

static void ask(struct wish *wish)
{
	const struct service *service = wish->service;
	int r = wish->type->may(wish);

	if (r != 1)
		wish_ask_again(wish, r);
	else if (wish->type->is_change && service->commits.is_stuck)
		wish_fail(wish, HELIO_UNAVAILABLE, service->fault);
	else
		wish->type->act(wish);
}

void wish_go(struct wish *wish)
{
	list_unlink(&wish->link);
	timer_remove(&wish->timer);
	wish->stage = WISH_ACTING;
	ask(wish);
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct wish *wish = container_of(wait, struct wish, wait);

	if (r < 0)
		wish_fail(wish, access_status(r),
			  access_reason(&wish->service->access, r));
	else
		wish_go(wish);
}

/* A read that has told nobody what it saw sees what is there now. */
static void act_again(struct wish *wish)
{
	free(take_ptr(wish->packed));
	free(take_ptr(wish->reason));
	wish->status = HELIO_OK;
	wish->acts_again = false;
	wish_go(wish);
}

void wish_settle(struct wish *wish, unsigned status, const char *reason)
{
	bool is_redone = wish->acts_again ||
			 (status != HELIO_OK && !wish->type->is_change);

	list_unlink(&wish->link);
	if (is_redone && wish->serving)
		act_again(wish);
	else if (is_redone)
		wish_free(wish);
	else if (status != HELIO_OK)
		wish_fail(wish, status, reason);
	else
		end(wish);
}

/* ---- the beginning ---- */

/*
 * In a batch it stays until that is on disk; it may be nobody's by then, as an
 * answer for which there is no room.
 */
static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct wish *wish = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	wish->serving = NULL;
	if (wish->stage == WISH_SENDING)
		end(wish);
	else if (wish->stage != WISH_WAITING)
		wish_free(wish);
}

static const struct helio_serving_events events = {
	.on_cancelled = on_cancelled,
};

static struct wish *wish_new(struct service *service,
			     const struct wish_type *type,
			     struct helio_serving *serving, struct guest *guest)
{
	const struct helio_message *message = helio_serving_message(serving);
	struct wish *wish = spares_take(&service->spare_wishes, sizeof(*wish));

	if (!wish)
		return NULL;
	*wish = (struct wish){
		.service = service,
		.type = type,
		.serving = serving,
		.guest = guest,
		.incarnation = message->incarnation,
		.wait.on_verdict = on_verdict,
	};
	list_init(&wish->link);
	list_init(&wish->wait.link);
	list_init(&wish->timer.link);
	service->n_wishes++;
	count(wish, message->n_body);
	return wish;
}

void wish_start(struct service *service, const struct wish_type *type,
		struct helio_serving *serving, const ProtobufCMessage *request)
{
	struct guest *guest =
		guest_get(&service->guests, helio_serving_message(serving));
	const char *why = room_for_call(service, guest);
	struct wish *wish = NULL;

	if (!service->is_open) {
		guest_put(guest);
		(void)helio_serving_fail(serving, HELIO_UNAVAILABLE,
					 "the store ends");
		return;
	}
	if (!why)
		wish = wish_new(service, type, serving, guest);
	if (!wish) {
		guest_put(guest);
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 why ? why : "no memory for the call");
		return;
	}
	helio_serving_listen(serving, &events, wish);
	wish->request = request;
	ask(wish);
}

struct caller wish_caller(const struct wish *wish)
{
	return (struct caller){
		.principal = wish->guest->principal,
		.durable_id = wish->guest->durable_id,
		.incarnation = wish->incarnation,
	};
}

void wish_hand_over(struct wish *wish, struct helio_serving **ret_serving,
		    struct guest **ret_guest)
{
	*ret_serving = take_ptr(wish->serving);
	*ret_guest = wish->guest;
	wish->guest->n_refs++;
	wish_free(wish);
}

/* ---- all of them ---- */

void wishes_turn(struct service *service)
{
	struct list round = LIST_INIT(round);
	struct list *link;

	list_splice_back(&round, &service->unsent);
	while ((link = list_pop_front(&round)))
		send_answer(container_of(link, struct wish, link));
}

void wishes_end(struct list *list)
{
	while (!list_is_empty(list)) {
		struct wish *wish = container_of(list->next, struct wish, link);

		if (wish->serving)
			(void)helio_serving_fail(take_ptr(wish->serving),
						 HELIO_UNAVAILABLE,
						 "the store ends");
		wish_free(wish);
	}
}
