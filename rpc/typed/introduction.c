/* SPDX-License-Identifier: MIT */

#include "rpc/typed/introduction.h"

#include <stdio.h>

#include "base/clock.h"
#include "helio/registry/v1/registry.pb-c.h"
#include "proto/pack.h"

enum { PUT_TIMEOUT_MS = 10000 };

/* A registry that takes it and then does not know it is not asked for ever. */
#define STANDS_NS (5 * NS_PER_S)

int introduction_put(struct helio *bus, const struct helio_schema *schema,
		     helio_reply_fn on_reply, void *userdata,
		     struct helio_call **ret_call)
{
	static const struct helio_call_options options = {
		.timeout_ms = PUT_TIMEOUT_MS,
		.is_patient = true,
	};
	Helio__Registry__V1__PutRequest request =
		HELIO__REGISTRY__V1__PUT_REQUEST__INIT;
	struct packed packed;
	int r;

	request.package = (char *)(uintptr_t)schema->package;
	request.has_set = true;
	request.set.data = (uint8_t *)(uintptr_t)schema->set;
	request.set.len = schema->n_set;
	r = packed_init(&packed, &request.base);
	if (r < 0)
		return r;
	r = helio_call_start(bus, "helio.registry.v1.Registry.Put",
			     packed.bytes, packed.n, &options, on_reply,
			     userdata, ret_call);
	packed_deinit(&packed);
	return r;
}

void introduction_init(struct introduction *introduction, struct helio *bus,
		       const struct helio_schema *schema)
{
	*introduction = (struct introduction){
		.bus = bus,
		.schema = schema,
	};
	list_init(&introduction->waiting);
}

void introduction_deinit(struct introduction *introduction)
{
	if (introduction->put)
		helio_call_cancel(introduction->put);
}

void newcomer_init(struct newcomer *newcomer,
		   void (*on_introduced)(struct newcomer *newcomer,
					 unsigned status, const char *reason))
{
	*newcomer = (struct newcomer){ .on_introduced = on_introduced };
	list_init(&newcomer->link);
}

void newcomer_deinit(struct newcomer *newcomer)
{
	list_unlink(&newcomer->link);
	helio_timer_cancel(newcomer->timer);
	newcomer->timer = NULL;
}

bool introduction_helps(const struct introduction *introduction,
			const struct newcomer *newcomer,
			const struct helio_reply *reply)
{
	return reply->status == HELIO_NOT_FOUND && reply->is_from_bus &&
	       !reply->is_handed_over && introduction->schema &&
	       !newcomer->was_introduced;
}

static void tell(struct newcomer *newcomer, unsigned status, const char *reason)
{
	newcomer_deinit(newcomer);
	newcomer->was_introduced = status != HELIO_UNAVAILABLE;
	newcomer->on_introduced(newcomer, status, reason);
}

/* Each may end its call, or another one that waits here. */
static void tell_all(struct introduction *introduction, unsigned status,
		     const char *reason)
{
	struct list now;
	struct list *link;

	list_init(&now);
	list_splice_back(&now, &introduction->waiting);
	while ((link = list_pop_front(&now)))
		tell(container_of(link, struct newcomer, link), status, reason);
}

static void on_put(struct helio_call *call, const struct helio_reply *reply,
		   void *userdata)
{
	struct introduction *introduction = userdata;
	unsigned status = reply->status;

	(void)call;
	introduction->put = NULL;
	/* The time of this is not that of the calls. */
	if (status == HELIO_DEADLINE_EXCEEDED)
		status = HELIO_UNAVAILABLE;
	introduction->answered_ns =
		status == HELIO_UNAVAILABLE ? 0 : clock_now_ns();
	introduction->status = status;
	snprintf(introduction->reason, sizeof(introduction->reason), "%s",
		 reply->reason);
	tell_all(introduction, status, introduction->reason);
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct newcomer *newcomer = userdata;

	(void)bus;
	newcomer->timer = NULL;
	tell(newcomer, HELIO_DEADLINE_EXCEEDED,
	     "the time was over before helio-registry had the schema");
}

void introduction_wait(struct introduction *introduction,
		       struct newcomer *newcomer, uint64_t left_ms)
{
	int r = 0;

	if (introduction->answered_ns &&
	    clock_now_ns() - introduction->answered_ns < STANDS_NS) {
		tell(newcomer, introduction->status, introduction->reason);
		return;
	}
	if (!introduction->put)
		r = introduction_put(introduction->bus, introduction->schema,
				     on_put, introduction, &introduction->put);
	if (!r && left_ms)
		r = helio_timer_start(introduction->bus, (uint32_t)left_ms,
				      on_timer, newcomer, &newcomer->timer);
	if (r < 0)
		tell(newcomer, HELIO_UNAVAILABLE,
		     "the schema could not be sent to helio-registry");
	else
		list_push_back(&introduction->waiting, &newcomer->link);
}
