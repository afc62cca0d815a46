/* SPDX-License-Identifier: MIT */

/*
 * The functions that block: small loops around the turn. None may be called
 * from a callback, for the turn that they wait for is the one they are in.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "rpc/client.h"
#include "rpc/reply.h"
#include "rpc/service.h"
#include "rpc/subscription.h"
#include "rpc/turn.h"

static uint64_t end_of_wait(int timeout_ms)
{
	if (timeout_ms < 0)
		return UINT64_MAX;
	return clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

/* The earlier of what the caller and the library wait for. */
static int sleep_ms(const struct helio *bus, uint64_t end_ns)
{
	int own_ms = helio_timeout_ms(bus);
	uint64_t now_ns = clock_now_ns();
	uint64_t left_ms;

	if (end_ns == UINT64_MAX)
		return own_ms;
	left_ms = end_ns > now_ns
			  ? (end_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS
			  : 0;
	if (own_ms >= 0 && (uint64_t)own_ms < left_ms)
		return own_ms;
	return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* What is awaited may be on its way: look a few times before sleeping. */
static int look(struct helio *bus, uint64_t end_ns)
{
	int n = turn_run(bus, false);
	uint64_t now_ns = bus->now_ns; /* when that turn began */

	while (!n && bus->channel && now_ns < end_ns &&
	       yield_may(&bus->yield, now_ns)) {
		now_ns = yield_once(&bus->yield, now_ns);
		n = turn_run(bus, false);
	}
	yield_rest(&bus->yield);
	return n;
}

/*
 * One turn, and if it brought nothing, one more after at most one sleep.
 * Returns as turn_run(); 0 says nothing about why.
 */
static int wait_once(struct helio *bus, uint64_t end_ns)
{
	struct pollfd wake = { .fd = bus->poller.epoll_fd, .events = POLLIN };
	int n;

	n = look(bus, end_ns);
	if (n)
		return n;
	n = turn_run(bus, true);
	if (n || bus->is_stirred)
		return n;
	n = poll(&wake, 1, sleep_ms(bus, end_ns));
	if (n < 0 && errno != EINTR)
		return -errno;
	return turn_run(bus, true);
}

int helio_linger(struct helio *bus)
{
	int n = bus->is_in_turn ? 0 : look(bus, UINT64_MAX);

	return n ? n : turn_run(bus, true);
}

static int check_may_wait(const struct helio *bus)
{
	return bus->is_in_turn || bus->poller.epoll_fd < 0 ? -EDEADLK : 0;
}

int helio_run(struct helio *bus, int timeout_ms)
{
	uint64_t end_ns = end_of_wait(timeout_ms);
	int r = check_may_wait(bus);

	if (r < 0)
		return r;
	do {
		r = wait_once(bus, end_ns);
	} while (!r && !bus->has_refused && clock_now_ns() < end_ns);
	bus->has_refused = false;
	return r;
}

/* Wait until *flag is set. Returns 0, -ETIMEDOUT, or why it was closed. */
static int wait_for(struct helio *bus, const bool *flag, uint64_t end_ns)
{
	while (!*flag) {
		int r = wait_once(bus, end_ns);

		if (r < 0)
			return r;
		if (!*flag && clock_now_ns() >= end_ns)
			return -ETIMEDOUT;
	}
	return 0;
}

int helio_connect_wait(struct helio *bus, int timeout_ms)
{
	uint64_t end_ns = end_of_wait(timeout_ms);
	int r = check_may_wait(bus);

	while (!r && bus->phase != PHASE_CONNECTED) {
		r = wait_once(bus, end_ns);
		r = r > 0 ? 0 : r;
		if (!r && bus->phase != PHASE_CONNECTED &&
		    clock_now_ns() >= end_ns)
			r = -ETIMEDOUT;
	}
	return r;
}

/* A SYNC that is waited for. It outlives a wait that gave up. */
struct sync {
	struct inquiry inquiry;
	bool is_done;
	bool is_lost;
	bool is_given_up;
};

static void on_synced(struct inquiry *inquiry, const struct result *result)
{
	struct sync *sync = container_of(inquiry, struct sync, inquiry);

	if (sync->is_given_up) {
		free(sync);
		return;
	}
	sync->is_done = true;
	sync->is_lost = !result;
}

static void free_syncs(struct list *inquiries)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, inquiries) {
		struct inquiry *inquiry =
			container_of(link, struct inquiry, link);

		if (inquiry->on_result != on_synced)
			continue;
		list_unlink(link);
		free(container_of(inquiry, struct sync, inquiry));
	}
}

void client_free_syncs(struct helio *bus)
{
	free_syncs(&bus->outbox.sent);
	free_syncs(&bus->outbox.unsent);
}

int helio_flush_wait(struct helio *bus, int timeout_ms)
{
	uint64_t end_ns = end_of_wait(timeout_ms);
	struct sync *sync;
	int r;

	r = check_may_wait(bus);
	if (r < 0)
		return r;
	if (!client_is_connected(bus))
		return -ENOTCONN;
	sync = malloc(sizeof(*sync));
	if (!sync)
		return -ENOMEM;
	*sync = (struct sync){
		.inquiry = { .kind = FRAME_SYNC, .on_result = on_synced },
	};
	list_init(&sync->inquiry.link);
	inquiry_ask(&sync->inquiry, bus);
	r = wait_for(bus, &sync->is_done, end_ns);
	if (!sync->is_done) {
		sync->is_given_up = true;
		return r;
	}
	r = sync->is_lost ? -ENOTCONN : 0;
	free(sync);
	return r;
}

struct ack_wait {
	helio_ack_fn on_ack;
	void *userdata;
	unsigned status;
	bool is_done;
};

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct ack_wait *wait = userdata;

	wait->is_done = true;
	wait->status = ack->status;
	if (ack->status)
		client_set_error(bus, ack->reason, strlen(ack->reason));
	if (wait->on_ack)
		wait->on_ack(bus, ack, wait->userdata);
}

/* -EAGAIN is over when there is room, and a turn comes to see it. */
static int wait_for_room(struct helio *bus, uint64_t end_ns)
{
	int r = wait_once(bus, end_ns);

	if (r < 0)
		return r;
	return clock_now_ns() >= end_ns ? -ETIMEDOUT : 0;
}

static int publish_when_room(struct helio *bus, const char *subject,
			     const void *body, size_t n_body,
			     const struct helio_publish_options *options,
			     uint64_t end_ns)
{
	for (;;) {
		int r = helio_publish(bus, subject, body, n_body, options);

		if (r != -EAGAIN)
			return r;
		r = wait_for_room(bus, end_ns);
		if (r < 0)
			return r;
	}
}

/* The ack has a timeout of its own: once it is sent, it is waited for. */
static int publish_acked(struct helio *bus, const char *subject,
			 const void *body, size_t n_body,
			 const struct helio_publish_options *options,
			 uint64_t end_ns)
{
	struct helio_publish_options own = *options;
	struct ack_wait wait = {
		.on_ack = options->on_ack,
		.userdata = options->userdata,
	};
	int r;

	own.on_ack = on_ack;
	own.userdata = &wait;
	r = publish_when_room(bus, subject, body, n_body, &own, end_ns);
	if (r < 0)
		return r;
	while (!wait.is_done)
		(void)wait_once(bus, UINT64_MAX);
	return wait.status ? client_errno(wait.status) : 0;
}

int helio_publish_wait(struct helio *bus, const char *subject, const void *body,
		       size_t n_body,
		       const struct helio_publish_options *options,
		       int timeout_ms)
{
	uint64_t end_ns = end_of_wait(timeout_ms);
	int r = check_may_wait(bus);

	if (r < 0)
		return r;
	if (options && options->flags)
		return publish_acked(bus, subject, body, n_body, options,
				     end_ns);
	return publish_when_room(bus, subject, body, n_body, options, end_ns);
}

static int wait_for_standing(struct helio *bus,
			     const struct registration *registration,
			     uint64_t end_ns)
{
	while (registration->state != REGISTRATION_STANDING &&
	       registration->state != REGISTRATION_REFUSED) {
		int r = wait_once(bus, end_ns);

		if (r < 0)
			return r;
		if (clock_now_ns() >= end_ns)
			return -ETIMEDOUT;
	}
	return registration->refusal;
}

int helio_subscribe_wait(struct helio *bus, const char *pattern,
			 const struct helio_subscribe_options *options,
			 helio_message_fn on_message, void *userdata,
			 int timeout_ms,
			 struct helio_subscription **ret_subscription)
{
	uint64_t end_ns = end_of_wait(timeout_ms);
	struct helio_subscription *subscription;
	int r;

	r = check_may_wait(bus);
	if (r < 0)
		return r;
	r = helio_subscribe(bus, pattern, options, on_message, userdata,
			    &subscription);
	if (r < 0)
		return r;
	r = wait_for_standing(bus, &subscription->registration, end_ns);
	if (r < 0) {
		helio_unsubscribe(subscription);
		return r;
	}
	if (ret_subscription)
		*ret_subscription = subscription;
	return 0;
}

int helio_serve_wait(struct helio *bus, const char *name,
		     const struct helio_serve_options *options,
		     helio_request_fn on_request, void *userdata,
		     int timeout_ms, struct helio_service **ret_service)
{
	uint64_t end_ns = end_of_wait(timeout_ms);
	struct helio_service *service;
	int r;

	r = check_may_wait(bus);
	if (r < 0)
		return r;
	r = helio_serve(bus, name, options, on_request, userdata, &service);
	if (r < 0)
		return r;
	r = wait_for_standing(bus, &service->registration, end_ns);
	if (r < 0) {
		helio_unserve(service);
		return r;
	}
	if (ret_service)
		*ret_service = service;
	return 0;
}

struct call_wait {
	struct reply *reply;
	bool is_done;
};

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct call_wait *wait = userdata;

	(void)call;
	wait->is_done = true;
	(void)reply_new(reply, &wait->reply);
}

/* The call has a deadline of its own, so this ends. */
static int wait_for_reply(struct helio *bus, const struct call_wait *wait)
{
	while (!wait->is_done)
		(void)wait_once(bus, UINT64_MAX);
	return wait->reply ? 0 : -ENOMEM;
}

int helio_call_wait(struct helio *bus, const char *subject, const void *body,
		    size_t n_body, const struct helio_call_options *options,
		    struct helio_reply *ret_reply)
{
	struct call_wait wait = { 0 };
	uint64_t timeout_ms = TIMEOUT_DEFAULT_MS;
	uint64_t end_ns;
	int r;

	r = check_may_wait(bus);
	if (r < 0)
		return r;
	if (options && options->timeout_ms)
		timeout_ms = options->timeout_ms;
	end_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
	while ((r = helio_call_start(bus, subject, body, n_body, options,
				     on_reply, &wait, NULL)) == -EAGAIN) {
		r = wait_for_room(bus, end_ns);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = wait_for_reply(bus, &wait);
	if (r < 0)
		return r;
	reply_free(bus->kept);
	bus->kept = wait.reply;
	*ret_reply = wait.reply->reply;
	return 0;
}
