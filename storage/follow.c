/* SPDX-License-Identifier: MIT */

#include "storage/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/heliograph-rpc.h"
#include "storage/guest.h"
#include "storage/service.h"
#include "storage/state/queue.h"
#include "storage/wish.h"

/*
 * A reply, for all who are told the same. Who asks for one that nobody else is
 * told pays for it, until it was sent.
 */
struct follow_told {
	unsigned n_refs;
	struct follow *payer; /* or NULL */
	size_t n;
	uint8_t packed[];
};

static void pay(struct follow *follow, uint64_t n)
{
	follow->guest->n_bytes += n;
	follow->service->n_waiting_bytes += n;
}

static void told_put(struct follow_told *told)
{
	if (!told || --told->n_refs)
		return;
	if (told->payer)
		pay(told->payer, -(uint64_t)told->n);
	free(told);
}

static void follow_free(struct follow *follow)
{
	list_unlink(&follow->link);
	list_unlink(&follow->all_link);
	list_unlink(&follow->stir_link);
	permit_deinit(&follow->permit);
	for (unsigned i = 0; i < follow->n_states; i++)
		told_put(follow->states[i].told);
	guest_put(follow->guest);
	free(follow);
}

static void fail(struct follow *follow, unsigned status, const char *reason)
{
	(void)helio_serving_fail(follow->serving, status, reason);
	follow_free(follow);
}

static void stir(struct follow *follow)
{
	if (!list_is_linked(&follow->stir_link))
		list_push_back(&follow->service->stirred, &follow->stir_link);
}

/* ---- what is to be told ---- */

/* The first `n` are done with. */
static void forget(struct follow *follow, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		told_put(follow->states[i].told);
	follow->n_states -= n;
	memmove(follow->states, follow->states + n,
		follow->n_states * sizeof(*follow->states));
}

/* FollowReply and AwaitReply are the same on the wire. NULL: no memory. */
static struct follow_told *told_new(const struct job *job)
{
	Helio__Store__V1__FollowReply reply =
		HELIO__STORE__V1__FOLLOW_REPLY__INIT;
	struct follow_told *told;
	Helio__Store__V1__Job as_told;
	size_t n;

	job_describe(job, false, &as_told);
	as_told.has_body = 0;
	reply.job = &as_told;
	n = protobuf_c_message_get_packed_size(&reply.base);
	told = malloc(sizeof(*told) + n);
	if (!told)
		return NULL;
	*told = (struct follow_told){ .n_refs = 1, .n = n };
	protobuf_c_message_pack(&reply.base, told->packed);
	return told;
}

/* Takes the place of one that is not on its way to the disk yet either. */
static void add_state(struct follow *follow, struct follow_state state)
{
	uint64_t writing = commits_last_under_way(follow->service);
	unsigned n = follow->n_states;

	if (n && follow->states[n - 1].revision > writing) {
		told_put(follow->states[n - 1].told);
		follow->states[n - 1] = state;
		return;
	}
	if (n == FOLLOW_STATES_MAX)
		forget(follow, 1);
	follow->states[follow->n_states++] = state;
}

static void take(struct follow *follow, struct job *job,
		 struct follow_told *told)
{
	told->n_refs++;
	add_state(follow,
		  (struct follow_state){ .revision = job->status.revision,
					 .told = told });
	follow->has_end = job_has_ended(job);
	if (follow->has_end)
		list_unlink(&follow->link);
	stir(follow);
}

static bool wants(const struct follow *follow, const struct job *job)
{
	return !follow->is_await || job_has_ended(job);
}

void follows_changed(struct job *job)
{
	struct follow_told *told = NULL;
	struct list *link, *after;

	list_for_each_safe (link, after, &job->followers) {
		struct follow *follow = container_of(link, struct follow, link);

		if (!wants(follow, job))
			continue;
		if (!told)
			told = told_new(job);
		if (told)
			take(follow, job, told);
		else
			fail(follow, HELIO_RESOURCE_EXHAUSTED, "no memory");
	}
	told_put(told);
}

void follows_dropped(struct service *service, const char *queue,
		     uint64_t revision)
{
	struct list *link;

	list_for_each (link, &service->follows) {
		struct follow *follow =
			container_of(link, struct follow, all_link);

		if (!list_is_linked(&follow->link) ||
		    strcmp(follow->queue, queue) != 0)
			continue;
		list_unlink(&follow->link);
		follow->dropped = revision;
		stir(follow);
	}
}

/* What it is now. */
static void begin(struct follow *follow, struct job *job)
{
	struct follow_told *told;

	if (!wants(follow, job))
		return;
	told = told_new(job);
	if (!told) {
		fail(follow, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	told->payer = follow;
	pay(follow, told->n);
	take(follow, job, told);
	told_put(told);
}

/* ---- taken back ---- */

/* It is told what the job is again, unless that is the last it was told. */
static void catch_up(struct follow *follow, struct job *job)
{
	unsigned n = follow->n_states;
	uint64_t last = n ? follow->states[n - 1].revision : follow->told;

	if (!list_is_linked(&follow->link))
		list_push_back(&job->followers, &follow->link);
	if (job->status.revision != last)
		begin(follow, job);
}

static void revert(struct follow *follow)
{
	const struct state *state = &follow->service->state;
	uint64_t committed = state->committed;
	struct queue *queue;
	struct job *job;

	while (follow->n_states &&
	       follow->states[follow->n_states - 1].revision > committed) {
		told_put(follow->states[--follow->n_states].told);
		follow->has_end = false;
	}
	if (follow->dropped > committed)
		follow->dropped = 0;
	if (follow->has_end || follow->dropped)
		return;
	queue = queue_lookup(state, follow->queue);
	job = queue ? queue_job(queue, follow->id) : NULL;
	if (job)
		catch_up(follow, job);
	else
		fail(follow, HELIO_UNAVAILABLE, "the job was taken back");
}

void follows_reverted(struct service *service)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &service->follows)
		revert(container_of(link, struct follow, all_link));
}

/* ---- telling ---- */

static int tell_state(struct follow *follow, const struct follow_state *state)
{
	const struct follow_told *told = state->told;

	if (follow->is_await)
		return helio_serving_reply_packed(follow->serving, told->packed,
						  told->n);
	return helio_serving_send_packed(follow->serving, told->packed,
					 told->n);
}

/* The newest that is on disk. */
static unsigned n_on_disk(const struct follow *follow)
{
	unsigned n = 0;

	while (n < follow->n_states &&
	       follow->states[n].revision <= follow->service->state.committed)
		n++;
	return n;
}

static void end(struct follow *follow)
{
	int r = follow->is_await ? 0
				 : helio_serving_reply(follow->serving, NULL);

	follow->is_ending = true;
	if (r == -EAGAIN)
		return;
	if (r < 0)
		fail(follow, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else
		follow_free(follow);
}

/* Without room it is tried again in another turn. */
static void tell(struct follow *follow)
{
	uint64_t committed = follow->service->state.committed;
	unsigned n = n_on_disk(follow);
	int r = n ? tell_state(follow, &follow->states[n - 1]) : 0;

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		fail(follow, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	if (n)
		follow->told = follow->states[n - 1].revision;
	forget(follow, n);
	if (follow->is_ending || (n && follow->has_end && !follow->n_states)) {
		end(follow);
	} else if (follow->dropped && follow->dropped <= committed) {
		fail(follow, HELIO_NOT_FOUND, "the queue was dropped");
	} else if (!follow->n_states && !follow->dropped) {
		list_unlink(&follow->stir_link);
	}
}

void follows_turn(struct service *service)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &service->stirred)
		tell(container_of(link, struct follow, stir_link));
}

/* ---- beginning and end ---- */

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct follow *follow = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	follow_free(follow);
}

static void on_refused(struct permit *permit, unsigned status,
		       const char *reason)
{
	fail(container_of(permit, struct follow, permit), status, reason);
}

static const struct helio_serving_events events = {
	.on_cancelled = on_cancelled,
};

void follow_start(struct wish *wish, struct job *job, bool is_await)
{
	struct service *service = wish->service;
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow) {
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	follow->service = service;
	follow->is_await = is_await;
	follow->id = job->id;
	snprintf(follow->queue, sizeof(follow->queue), "%s", job->queue->name);
	wish_hand_over(wish, &follow->serving, &follow->guest);
	follow->permit = (struct permit){
		.access = &service->access,
		.principal = follow->guest->principal,
		.verb = "job-work",
		.second = "job-submit",
		.name = follow->queue,
		.on_refused = on_refused,
	};
	permit_init(&follow->permit);
	helio_serving_listen(follow->serving, &events, follow);
	list_init(&follow->stir_link);
	list_init(&follow->link);
	list_push_back(&service->follows, &follow->all_link);
	list_push_back(&job->followers, &follow->link);
	begin(follow, job);
}

void follows_tick(struct service *service)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &service->follows)
		permit_tick(
			&container_of(link, struct follow, all_link)->permit);
}

void follows_end(struct service *service)
{
	while (!list_is_empty(&service->follows))
		fail(container_of(service->follows.next, struct follow,
				  all_link),
		     HELIO_UNAVAILABLE, "the store ends");
}
