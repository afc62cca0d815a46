/* SPDX-License-Identifier: MIT */

#include "storage/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "rpc/heliograph-rpc.h"
#include "storage/buckets_service.h"
#include "storage/follow.h"
#include "storage/lease.h"
#include "storage/queues_service.h"
#include "storage/state/draft.h"
#include "storage/wish.h"

enum {
	TICK_MS = 1000,
	FLUSH_MS = 2000,
	CREDIT_CALLS = 65536,
	CREDIT_BYTES = 64 * 1024 * 1024,
	/* Of steps that time wants, in one turn, and changes in each. */
	DUE_STEPS = 4,
	DUE_CHANGES = 1024,
	/* A timer of libuv is not for longer. */
	DUE_MAX_MS = 3600 * 1000,
};

const struct caller service_nobody;

uint64_t service_now_ms(struct service *service)
{
	if (!service->now_ms)
		service->now_ms = clock_unix_ns() / NS_PER_MS;
	return service->now_ms > service->state.unix_ms
		       ? service->now_ms
		       : service->state.unix_ms;
}

bool service_may_step(struct service *service)
{
	return !service->commits.is_stuck &&
	       service_now_ms(service) >= service->pause_ms;
}

void service_tell_health(struct service *service)
{
	const char *fault =
		service->fault[0] ? service->fault : service->outbox.fault;
	enum helio_health health =
		fault[0] ? HELIO_HEALTH_NOT_SERVING : HELIO_HEALTH_SERVING;

	if (!service->buckets || !service->queues ||
	    !strcmp(service->told, fault))
		return;
	snprintf(service->told, sizeof(service->told), "%s", fault);
	(void)helio_server_set_health(service->buckets, health,
				      fault[0] ? fault : NULL);
	(void)helio_server_set_health(service->queues, health,
				      fault[0] ? fault : NULL);
}

/* ---- time ---- */

/* What is due becomes steps. True: there is more. */
static bool take_due(struct service *service)
{
	uint64_t now = service_now_ms(service);

	for (int i = 0; i < DUE_STEPS; i++) {
		struct draft draft;
		int r;

		if (state_due(&service->state) > now ||
		    !service_may_step(service))
			return false;
		draft_init(&draft, &service->state, now, &service_nobody);
		r = state_draft_due(&service->state, now, DUE_CHANGES, &draft);
		if (r >= 0 && commit_step(service, &draft) < 0)
			r = -ENOMEM;
		draft_deinit(&draft);
		service->has_ready = true;
		if (r < 0)
			service->pause_ms = now + TICK_MS;
		if (r <= 0)
			return false;
	}
	return true;
}

static uint64_t ms_until_due(struct service *service)
{
	uint64_t now_ms = service_now_ms(service);
	uint64_t due_ms = state_due(&service->state);
	uint64_t next_ns = wheel_next_ns(&service->wheel);
	uint64_t now_ns = clock_now_ns();
	uint64_t left_ms = DUE_MAX_MS;

	if (due_ms < service->pause_ms)
		due_ms = service->pause_ms;
	due_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	if (due_ms < left_ms)
		left_ms = due_ms;
	if (next_ns == UINT64_MAX)
		return left_ms;
	next_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	if (next_ns / NS_PER_MS < left_ms)
		left_ms = next_ns / NS_PER_MS + 1;
	return left_ms;
}

/* That it has come is enough: the turn does it. */
static void on_due(uv_timer_t *timer)
{
	(void)timer;
}

/* ---- a turn ---- */

bool service_turn(struct service *service)
{
	bool has_more;

	service->now_ms = 0;
	wishes_turn(service);
	wheel_advance(&service->wheel, clock_now_ns());
	has_more = take_due(service);
	has_more |= downs_turn(service);
	leases_turn(service);
	follows_turn(service);
	has_more |= watches_turn(service);
	outbox_turn(service);
	commit_begin(service);
	uv_timer_start(&service->due, on_due, ms_until_due(service), 0);
	return has_more;
}

static void on_tick(uv_timer_t *timer)
{
	struct service *service = timer->data;

	access_tick(&service->access);
	watches_tick(&service->watches);
	follows_tick(service);
	commit_retry(service);
	care_tick(service);
	while (commits_is_idle(&service->commits) &&
	       state_sweep(&service->state, DUE_CHANGES))
		;
}

void service_connection(struct service *service, bool is_there)
{
	if (is_there)
		outbox_hurry(&service->outbox);
	else
		access_forget(&service->access);
}

/* ---- beginning ---- */

static void on_dropped(struct state *state, struct bucket *bucket)
{
	struct service *service = container_of(state, struct service, state);

	watches_dropped(&service->watches, bucket);
}

static int read_store(struct service *service, struct backend *backend,
		      uint64_t snapshot_bytes)
{
	_cleanup_(freep) char *why = NULL;
	struct journal *journal;
	int r = journal_open(backend, service->path, &service->state, &journal,
			     &why);

	if (r < 0) {
		if (why)
			log_error("%s", why);
		return r;
	}
	commits_init(&service->commits, journal, snapshot_bytes);
	log_info("revision %llu", (unsigned long long)service->state.revision);
	return 0;
}

static void init_lists(struct service *service)
{
	list_init(&service->asking);
	list_init(&service->unsent);
	list_init(&service->follows);
	list_init(&service->stirred);
	list_init(&service->downs.waiting);
	list_init(&service->commits.full);
	list_init(&service->commits.stalled);
	watches_init(&service->watches);
	wheel_init(&service->wheel, clock_now_ns());
}

int service_open(struct service *service, struct backend *backend,
		 const char *path, const struct service_options *options)
{
	int r;

	init_lists(service);
	if (asprintf(&service->path, "%s/store", path) < 0) {
		service->path = NULL;
		return -ENOMEM;
	}
	care_init(&service->care, backend, service->path);
	r = state_init(&service->state, &options->limits);
	if (r == 0)
		r = guests_init(&service->guests);
	if (r == 0)
		r = outbox_init(&service->outbox);
	if (r == 0)
		r = read_store(service, backend, options->snapshot_bytes);
	if (r < 0)
		return r;
	service->state.on_dropped = on_dropped;
	service->watches.seen = service->state.committed;
	return 0;
}

static void on_served(struct helio_server *server, unsigned status,
		      const char *reason, void *userdata)
{
	struct service *service = userdata;

	(void)server;
	if (status != HELIO_OK)
		log_error("the service is not served: %s: %s",
			  helio_status_name(status), reason);
	if (!service->n_unanswered)
		return;
	service->n_served += status == HELIO_OK;
	if (--service->n_unanswered == 0)
		service->on_ready(service->userdata);
}

static int start_services(struct service *service)
{
	const struct helio_server_options options = {
		.credit_calls = CREDIT_CALLS,
		.credit_bytes = CREDIT_BYTES,
		.program = "helio-store",
		.version = HELIO_VERSION,
		.on_ready = on_served,
		.userdata = service,
	};
	int r;

	service->n_unanswered = 2;
	r = buckets_service_start(service, &options);
	if (r == 0)
		r = queues_service_start(service, &options);
	return r < 0 ? r : downs_start(service);
}

static int start_timers(struct service *service)
{
	int r = uv_timer_init(service->uv, &service->due);

	if (r == 0)
		r = uv_timer_init(service->uv, &service->tick);
	service->tick.data = service;
	return r < 0 ? r
		     : uv_timer_start(&service->tick, on_tick, TICK_MS,
				      TICK_MS);
}

int service_start(struct service *service, uv_loop_t *uv, struct helio *bus)
{
	int r;

	service->uv = uv;
	r = access_init(&service->access, bus);
	if (r == 0)
		r = worker_start(&service->writer, uv);
	if (r == 0)
		r = worker_start(&service->carer, uv);
	if (r == 0)
		r = start_timers(service);
	if (r < 0)
		return r;
	service->bus = bus;
	service->is_open = true;
	return start_services(service);
}

/* ---- the end ---- */

/* What waits is stored, and its answers are ready. */
static void store_rest(struct service *service)
{
	commit_begin(service);
	worker_stop(&service->writer);
	worker_stop(&service->carer);
}

/* Nothing begins any more, whatever the bus still brings. */
static void end_waiting(struct service *service)
{
	leases_end(service);
	follows_end(service);
	watches_end(&service->watches);
	wishes_end(&service->asking);
	wishes_end(&service->commits.stalled);
}

/* The switch is told, so that nobody has to ask what became of it. */
static void send_rest(struct service *service)
{
	wishes_turn(service);
	if (helio_state(service->bus) == HELIO_CONNECTED)
		(void)helio_flush_wait(service->bus, FLUSH_MS);
	wishes_turn(service);
	wishes_end(&service->unsent);
}

static void stop(struct service *service)
{
	service->is_open = false;
	store_rest(service);
	end_waiting(service);
	send_rest(service);
	downs_deinit(&service->downs);
	helio_server_free(service->buckets);
	helio_server_free(service->queues);
	access_deinit(&service->access);
	service->bus = NULL;
}

void service_deinit(struct service *service)
{
	if (service->bus)
		stop(service);
	commits_deinit(&service->commits);
	care_deinit(&service->care);
	outbox_deinit(&service->outbox);
	state_deinit(&service->state);
	guests_deinit(&service->guests);
	spares_deinit(&service->spare_wishes);
	free(take_ptr(service->path));
}
