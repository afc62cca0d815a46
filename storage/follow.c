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

static void follow_free(struct follow *follow)
{
	list_unlink(&follow->link);
	list_unlink(&follow->all_link);
	list_unlink(&follow->stir_link);
	permit_deinit(&follow->permit);
	for (unsigned i = 0; i < follow->n_states; i++)
		free(follow->states[i].packed);
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
		free(follow->states[i].packed);
	follow->n_states -= n;
	memmove(follow->states, follow->states + n,
		follow->n_states * sizeof(*follow->states));
}

/* FollowReply and AwaitReply are the same on the wire. */
static int pack(const struct job *job, struct follow_state *ret_state)
{
	Helio__Store__V1__FollowReply reply =
		HELIO__STORE__V1__FOLLOW_REPLY__INIT;
	Helio__Store__V1__Job told;

	job_describe(job, false, &told);
	told.has_body = 0;
	reply.job = &told;
	ret_state->revision = job->status.revision;
	ret_state->n = protobuf_c_message_get_packed_size(&reply.base);
	ret_state->packed = malloc(ret_state->n + 1);
	if (!ret_state->packed)
		return -ENOMEM;
	protobuf_c_message_pack(&reply.base, ret_state->packed);
	return 0;
}

/* Takes the place of one that is not on its way to the disk yet either. */
static void add_state(struct follow *follow, struct follow_state state)
{
	const struct commits *commits = &follow->service->commits;
	uint64_t writing = commits->writing ? commits->writing->last
					    : follow->service->state.committed;
	unsigned n = follow->n_states;

	if (n && follow->states[n - 1].revision > writing) {
		free(follow->states[n - 1].packed);
		follow->states[n - 1] = state;
		return;
	}
	if (n == FOLLOW_STATES_MAX)
		forget(follow, 1);
	follow->states[follow->n_states++] = state;
}

/* False: no memory, and it is freed. */
static bool take(struct follow *follow, const struct job *job)
{
	bool has_ended = job_has_ended(job);
	struct follow_state state;

	if (follow->is_await && !has_ended)
		return true;
	if (pack(job, &state) < 0) {
		fail(follow, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return false;
	}
	add_state(follow, state);
	follow->has_end = has_ended;
	if (has_ended)
		list_unlink(&follow->link);
	stir(follow);
	return true;
}

void follows_changed(struct job *job)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &job->followers)
		take(container_of(link, struct follow, link), job);
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

/* ---- taken back ---- */

static void join(struct follow *follow)
{
	const struct state *state = &follow->service->state;
	struct queue *queue = queue_lookup(state, follow->queue);
	struct job *job = queue ? queue_job(queue, follow->id) : NULL;

	if (job)
		list_push_back(&job->followers, &follow->link);
	else
		fail(follow, HELIO_UNAVAILABLE, "the job was taken back");
}

static void revert(struct follow *follow)
{
	uint64_t committed = follow->service->state.committed;

	while (follow->n_states &&
	       follow->states[follow->n_states - 1].revision > committed) {
		free(follow->states[--follow->n_states].packed);
		follow->has_end = false;
	}
	if (follow->dropped > committed)
		follow->dropped = 0;
	if (!follow->has_end && !follow->dropped &&
	    !list_is_linked(&follow->link))
		join(follow);
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
	if (follow->is_await)
		return helio_serving_reply_packed(follow->serving,
						  state->packed, state->n);
	return helio_serving_send_packed(follow->serving, state->packed,
					 state->n);
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
	(void)take(follow, job);
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
