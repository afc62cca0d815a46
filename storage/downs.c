/* SPDX-License-Identifier: MIT */

#include "storage/downs.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "helio/switch/v1/events.pb-c.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"
#include "storage/service.h"
#include "storage/state/judge.h"
#include "storage/state/party.h"

enum {
	EVENT_BYTES_MAX = 1024,
	ARENA_BYTES = 4096,
	LEASES_PER_STEP = 256,
};

/* One of them. */
struct down {
	struct list link;
	uint64_t incarnation;
	char durable_id[];
};

/* Of whom the store knows nothing there is no lease: they may be many. */
static void add(struct service *service, const char *durable_id,
		uint64_t incarnation)
{
	size_t n = strlen(durable_id) + 1;
	struct downs *downs = &service->downs;
	struct down *down;

	if (downs->n_waiting >= DOWNS_MAX ||
	    !account_lookup(&service->state, durable_id))
		return;
	down = malloc(sizeof(*down) + n);
	if (!down)
		return;
	down->incarnation = incarnation;
	memcpy(down->durable_id, durable_id, n);
	list_init(&down->link);
	list_push_back(&downs->waiting, &down->link);
	downs->n_waiting++;
}

static void on_message(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	_Alignas(16) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	const Helio__Switch__V1__PeerEvent *event;
	uint8_t copy[EVENT_BYTES_MAX];
	ProtobufCMessage *unpacked;

	(void)subscription;
	if (message->n_body > sizeof(copy) || !message->n_body)
		return;
	memcpy(copy, message->body, message->n_body);
	if (unpack(&helio__switch__v1__peer_event__descriptor, copy,
		   message->n_body, &arena, &unpacked))
		return;
	event = (const void *)unpacked;
	if (event->durable_id && event->incarnation && !event->channels_left)
		add(userdata, event->durable_id, event->incarnation);
}

static void on_ready(struct helio *bus, unsigned status, const char *reason,
		     void *userdata)
{
	(void)bus;
	(void)userdata;
	if (status != HELIO_OK)
		log_warning("leases of workers that go last until their time "
			    "is over: %s",
			    reason);
}

int downs_start(struct service *service)
{
	const struct helio_subscribe_options options = { .on_ready = on_ready };

	list_init(&service->downs.waiting);
	return helio_subscribe(service->bus, "$sys.peer.down", &options,
			       on_message, service,
			       &service->downs.subscription);
}

static void pop(struct downs *downs)
{
	free(container_of(list_pop_front(&downs->waiting), struct down, link));
	downs->n_waiting--;
}

void downs_deinit(struct downs *downs)
{
	helio_unsubscribe(downs->subscription);
	while (downs->n_waiting)
		pop(downs);
	downs->subscription = NULL;
}

bool downs_turn(struct service *service)
{
	struct downs *downs = &service->downs;
	const struct down *down;
	struct draft draft;
	bool is_all = true;

	if (!downs->n_waiting || !service_may_step(service))
		return false;
	down = container_of(downs->waiting.next, struct down, link);
	draft_init(&draft, &service->state, service_now_ms(service),
		   &service_nobody);
	if (judge_worker_down(&draft, down->durable_id, down->incarnation,
			      LEASES_PER_STEP) == HELIO_OK &&
	    commit_step(service, &draft) == 0)
		is_all = draft.step.n_changes < LEASES_PER_STEP;
	draft_deinit(&draft);
	if (is_all)
		pop(downs);
	return downs->n_waiting > 0;
}
