/* SPDX-License-Identifier: MIT */

#include "storage/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/heliograph-rpc.h"
#include "storage/buckets_service.h"
#include "storage/guest.h"
#include "storage/hub.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/wish.h"

enum {
	/* Of one watch in a row; then others have their turn. */
	REPLIES_PER_TURN = 16,
	/* After so many changes that are not told it is told where it is. */
	LONG_WAY_CHANGES = 4096,
};

void watches_init(struct watches *watches)
{
	list_init(&watches->hubs);
	list_init(&watches->stirred);
}

/* ---- one watch ---- */

static void free_range(struct watch *watch)
{
	free((char *)(uintptr_t)watch->range.key);
	free((char *)(uintptr_t)watch->range.prefix);
	free((char *)(uintptr_t)watch->part);
}

static void watch_free(struct watch *watch)
{
	struct hub *hub = watch->hub;

	hub_leave(hub, watch);
	list_unlink(&watch->stir_link);
	permit_deinit(&watch->permit);
	free_range(watch);
	free(watch->after);
	guest_put(watch->guest);
	free(watch);
	hub_put(hub);
}

static void fail(struct watch *watch, unsigned status, const char *reason)
{
	(void)helio_serving_fail(watch->serving, status, reason);
	watch_free(watch);
}

static void on_refused(struct permit *permit, unsigned status,
		       const char *reason)
{
	fail(container_of(permit, struct watch, permit), status, reason);
}

static void stir(struct watch *watch)
{
	if (!watch->is_blocked && !list_is_linked(&watch->stir_link))
		list_push_back(&watch->hub->watches->stirred,
			       &watch->stir_link);
}

void watch_wake(struct watch *watch, uint64_t before)
{
	if (watch->is_current)
		watch->told = before;
	stir(watch);
}

void watch_lose(struct watch *watch, uint64_t before)
{
	if (watch->is_current)
		watch->told = before;
	watch->is_current = false;
	stir(watch);
}

static void on_writable(struct helio_serving *serving, void *userdata)
{
	struct watch *watch = userdata;

	(void)serving;
	watch->is_blocked = false;
	stir(watch);
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	watch_free(userdata);
}

static const struct helio_serving_events events = {
	.on_writable = on_writable,
	.on_cancelled = on_cancelled,
};

/* ---- beginning ---- */

static int may(struct wish *wish)
{
	const Helio__Store__V1__WatchRequest *request =
		WISH_REQUEST(wish, Watch);
	const struct key_range range = { .key = request->key,
					 .prefix = request->prefix };

	return rights_ask_range(wish, "kv-read", request->bucket, &range);
}

static int copy_text(const char *text, const char **ret_copy)
{
	if (!text)
		return 0;
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : -ENOMEM;
}

static int copy_range(struct watch *watch, const struct bucket *bucket,
		      const Helio__Store__V1__WatchRequest *request)
{
	char part[RIGHTS_PART_BYTES];
	int r = copy_text(request->key, &watch->range.key);

	if (r == 0)
		r = copy_text(request->prefix, &watch->range.prefix);
	if (r == 0 && rights_part(bucket->name, &watch->range, part))
		r = copy_text(part, &watch->part);
	return r;
}

/* Everything that may fail. */
static struct watch *watch_new(struct hub *hub,
			       const Helio__Store__V1__WatchRequest *request,
			       uint64_t committed)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	if (copy_range(watch, hub->bucket, request) < 0) {
		free_range(watch);
		free(watch);
		return NULL;
	}
	watch->hub = hub;
	watch->keys_only = request->keys_only;
	watch->is_listing = !request->has_after;
	watch->told = request->has_after ? request->after : committed;
	watch->n_changes = hub->bucket->n_committed_changes;
	list_init(&watch->link);
	list_init(&watch->hub_link);
	list_init(&watch->stir_link);
	return watch;
}

static void begin(struct wish *wish, struct bucket *bucket)
{
	struct service *service = wish->service;
	struct hub *hub = hub_get(&service->watches, bucket);
	struct watch *watch = NULL;

	if (hub)
		watch = watch_new(hub, WISH_REQUEST(wish, Watch),
				  service->state.committed);
	if (!watch) {
		if (hub)
			hub_put(hub);
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	wish_hand_over(wish, &watch->serving, &watch->guest);
	watch->permit = (struct permit){
		.access = &service->access,
		.principal = watch->guest->principal,
		.verb = "kv-read",
		.name = bucket->name,
		.part = watch->part,
		.on_refused = on_refused,
	};
	permit_init(&watch->permit);
	helio_serving_listen(watch->serving, &events, watch);
	hub_enter(hub, watch);
	stir(watch);
}

/* NULL, or what is wrong with it. */
static const char *fault_of(const Helio__Store__V1__WatchRequest *request)
{
	if (request->key && request->prefix)
		return "a key and a prefix contradict each other";
	if (request->key && !bucket_is_key(request->key))
		return "it is no key";
	/* It is kept as long as the watch. */
	if (request->prefix && strlen(request->prefix) > BUCKET_KEY_MAX_BYTES)
		return "the prefix is longer than a key";
	return NULL;
}

static void act(struct wish *wish)
{
	const Helio__Store__V1__WatchRequest *request =
		WISH_REQUEST(wish, Watch);
	uint64_t committed = wish->service->state.committed;
	const char *fault = fault_of(request);
	struct bucket *bucket = NULL;
	int r = 0;

	if (fault)
		wish_fail(wish, HELIO_INVALID_ARGUMENT, fault);
	else
		bucket = buckets_find(wish, request->bucket);
	if (!bucket)
		return;
	if (request->has_after)
		(void)bucket_changes_after(bucket, request->after, &r);
	if (request->after > committed)
		wish_fail(wish, HELIO_OUT_OF_RANGE,
			  "the store is not there yet");
	else if (r < 0)
		wish_fail(wish, HELIO_OUT_OF_RANGE,
			  "changes after it are not kept any more");
	else
		begin(wish, bucket);
}

const struct wish_type watch_type = { .may = may, .act = act };

/* ---- news ---- */

static void look(struct watches *watches, uint64_t committed)
{
	struct list *link;

	if (watches->seen == committed)
		return;
	list_for_each (link, &watches->hubs)
		hub_look(container_of(link, struct hub, link), watches->seen,
			 committed);
	watches->seen = committed;
}

static void pump(struct watches *watches, struct watch *watch)
{
	enum watch_outcome outcome = WATCH_MORE;

	for (int i = 0; i < REPLIES_PER_TURN && outcome == WATCH_MORE; i++)
		outcome = watch_step(watches, watch, watches->seen);
	switch (outcome) {
	case WATCH_DONE:
		break;
	case WATCH_MORE:
		stir(watch);
		break;
	case WATCH_BLOCKED:
		watch->is_current = false;
		watch->is_blocked = true;
		break;
	case WATCH_LATE:
		fail(watch, HELIO_RESOURCE_EXHAUSTED,
		     "the watcher is so far behind that changes are not kept");
		break;
	case WATCH_BROKEN:
		fail(watch, HELIO_RESOURCE_EXHAUSTED, "no memory");
		break;
	}
}

bool watches_turn(struct service *service)
{
	struct watches *watches = &service->watches;
	struct list round = LIST_INIT(round);
	struct list *link;

	look(watches, service->state.committed);
	list_splice_back(&round, &watches->stirred);
	while ((link = list_pop_front(&round)))
		pump(watches, container_of(link, struct watch, stir_link));
	list_for_each (link, &watches->hubs)
		container_of(link, struct hub, link)->first = NULL;
	return !list_is_empty(&watches->stirred);
}

/* ---- the bucket ends ---- */

static void hub_end(struct hub *hub, unsigned status, const char *reason)
{
	struct list *watches = &hub->bucket->watches;
	unsigned n = hub->n;

	/* With the last the hub is freed. */
	while (n--)
		fail(container_of(watches->next, struct watch, link), status,
		     reason);
}

void watches_dropped(struct watches *watches, const struct bucket *bucket)
{
	struct hub *hub = hub_lookup(watches, bucket);

	if (hub)
		hub_end(hub, HELIO_NOT_FOUND, "the bucket was dropped");
}

/* ---- all of them ---- */

unsigned watches_count(const struct watches *watches,
		       const struct bucket *bucket)
{
	const struct hub *hub = hub_lookup(watches, bucket);

	return hub ? hub->n : 0;
}

static void watch_tick(struct watch *watch)
{
	uint64_t n = watch->hub->bucket->n_committed_changes;

	if (watch->is_current && n - watch->n_changes > LONG_WAY_CHANGES) {
		watch->told = watch->hub->watches->seen;
		watch->n_changes = n;
		watch->owes_revision = true;
		stir(watch);
	}
	permit_tick(&watch->permit);
}

static void hub_tick(struct hub *hub)
{
	const struct list *watches = &hub->bucket->watches;
	struct list *link, *after;

	/* With the last the hub is freed. */
	list_for_each_safe (link, after, watches)
		watch_tick(container_of(link, struct watch, link));
}

void watches_tick(struct watches *watches)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &watches->hubs)
		hub_tick(container_of(link, struct hub, link));
}

void watches_end(struct watches *watches)
{
	while (!list_is_empty(&watches->hubs))
		hub_end(container_of(watches->hubs.next, struct hub, link),
			HELIO_UNAVAILABLE, "the store ends");
}
