/* SPDX-License-Identifier: MIT */

#include "transports/vchan/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "transports/vchan/explain.h"
#include "transports/vchan/guest.h"

enum {
	HANDSHAKES_MAX_DEFAULT = 64,
	HANDSHAKE_MS_DEFAULT = 5000,
	/*
	 * Both rings and the control page take 33 grants. Linux gives out
	 * 1,024 at a time unless it is told otherwise, so 31 channels; and a
	 * ring holds the longest frame.
	 */
	ORDER_DEFAULT = 16,
};

static struct host *host_of(struct listener *listener)
{
	return container_of(listener, struct host, listener);
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	if (!a_ns || !b_ns)
		return a_ns ? a_ns : b_ns;
	return a_ns < b_ns ? a_ns : b_ns;
}

static bool is_over(const struct host *host)
{
	return host->is_closed && list_is_empty(&host->guests);
}

/* 0: nothing is due. 1 is long past, which is to say now. */
static uint64_t next_due_ns(const struct host *host)
{
	uint64_t next_ns = 0;
	struct list *link;

	if (!host->is_started || !list_is_empty(&host->buried) ||
	    !list_is_empty(&host->rotten) || is_over(host))
		return 1;
	if (!list_is_empty(&host->handshakes))
		next_ns =
			container_of(host->handshakes.next, struct vchan, link)
				->deadline_ns;
	list_for_each (link, &host->guests)
		next_ns = earlier(
			next_ns,
			container_of(link, struct guest, link)->offer_at_ns);
	return next_ns;
}

void host_set_timer(struct host *host)
{
	uint64_t next_ns = next_due_ns(host);
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(next_ns / NS_PER_S),
		.it_value.tv_nsec = (long)(next_ns % NS_PER_S),
	};

	(void)timerfd_settime(host->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void host_bury(struct host *host, struct vchan *vchan)
{
	vchan->owner = NULL;
	list_unlink(&vchan->link);
	list_push_back(&host->buried, &vchan->link);
	doorbell_unwatch(&vchan->doorbell);
	host_set_timer(host);
}

static void free_vchans(struct list *list)
{
	struct list *link;

	while ((link = list_pop_front(list)))
		vchan_free(container_of(link, struct vchan, link));
}

static struct guest *guest_lookup(const struct host *host, uint32_t domid)
{
	struct list *link;

	list_for_each (link, &host->guests) {
		struct guest *guest = container_of(link, struct guest, link);

		if (guest->domain.domid == domid)
			return guest;
	}
	return NULL;
}

static bool is_ours(const struct host *host, uint32_t domid)
{
	if (host->address.is_any)
		return domid != domains_store(host->domains)->domid;
	return domid == host->address.domid;
}

static void judge(struct guest *guest, uint64_t now_ns)
{
	struct listener *listener = &guest->host->listener;

	guest->is_served = !listener->is_served ||
			   listener->is_served(listener, &guest->domain);
	guest_update(guest, now_ns);
}

static void add_guest(struct host *host, const struct transport_domain *domain)
{
	struct listener *listener = &host->listener;
	struct guest *guest;

	if (!is_ours(host, domain->domid) ||
	    guest_new(host, domain, &guest) < 0)
		return;
	list_push_back(&host->guests, &guest->link);
	if (listener->on_domain)
		listener->on_domain(listener, &guest->domain, true);
	judge(guest, clock_now_ns());
}

/* It is called otherwise now; what the owner makes of that, it does. */
static void rename_guest(struct guest *guest,
			 const struct transport_domain *domain)
{
	struct listener *listener = &guest->host->listener;

	guest->domain = *domain;
	if (listener->on_domain)
		listener->on_domain(listener, domain, true);
	judge(guest, clock_now_ns());
}

static void remove_guest(struct host *host,
			 const struct transport_domain *domain)
{
	struct listener *listener = &host->listener;
	struct guest *guest = guest_lookup(host, domain->domid);

	if (!guest)
		return;
	guest_free(guest);
	if (host->is_closed)
		host_set_timer(host);
	else if (listener->on_domain)
		listener->on_domain(listener, domain, false);
}

static void on_domain(struct vchan_follower *follower,
		      const struct transport_domain *domain, bool is_up)
{
	struct host *host = container_of(follower, struct host, follower);

	struct guest *guest = guest_lookup(host, domain->domid);

	if (!host->is_started)
		return;
	if (is_up && guest && !host->is_closed)
		rename_guest(guest, domain);
	else if (is_up && !host->is_closed)
		add_guest(host, domain);
	else if (!is_up)
		remove_guest(host, domain);
}

void host_say(struct host *host, const char *text)
{
	if (!host->is_closed && host->listener.on_news)
		host->listener.on_news(&host->listener, text);
}

static void on_news(struct vchan_follower *follower, const char *text)
{
	host_say(container_of(follower, struct host, follower), text);
}

static void start(struct host *host)
{
	struct list *link;

	host->is_started = true;
	list_for_each (link, domains_known(host->domains))
		add_guest(
			host,
			&container_of(link, struct known_domain, link)->domain);
}

static void make_due_offers(struct host *host, uint64_t now_ns)
{
	struct list *link;

	list_for_each (link, &host->guests) {
		struct guest *guest = container_of(link, struct guest, link);

		if (guest->offer_at_ns && guest->offer_at_ns <= now_ns)
			guest_update(guest, now_ns);
	}
}

static void destroy(struct host *host)
{
	free_vchans(&host->buried);
	free_vchans(&host->rotten);
	if (host->domains)
		domains_unref(host->domains, &host->follower);
	if (host->timer.fd >= 0) {
		poller_remove(host->poller, &host->timer);
		close(host->timer.fd);
	}
	free(host);
}

void host_reap(struct host *host, struct guest *guest)
{
	if (!guest->n_channels)
		guest_free(guest);
	if (is_over(host))
		destroy(host);
}

static void timer_ready(struct poll_source *source, uint32_t events)
{
	struct host *host = container_of(source, struct host, timer);
	uint64_t now_ns = clock_now_ns();

	if (is_over(host)) {
		destroy(host);
		return;
	}
	free_vchans(&host->rotten);
	list_splice_back(&host->rotten, &host->buried);
	if (!host->is_started)
		start(host);
	while (!list_is_empty(&host->handshakes) &&
	       container_of(host->handshakes.next, struct vchan, link)
			       ->deadline_ns <= now_ns)
		host_cut_off_oldest(host);
	make_due_offers(host, now_ns);
	host_set_timer(host);
}

static void judge_again(struct listener *listener)
{
	struct host *host = host_of(listener);
	uint64_t now_ns = clock_now_ns();
	struct list *link;

	list_for_each (link, &host->guests)
		judge(container_of(link, struct guest, link), now_ns);
}

/* Whoever has channels of it still has to learn that a domain is gone. */
static void host_free(struct listener *listener)
{
	struct host *host = host_of(listener);
	struct list *link;
	struct list *after;

	host->is_closed = true;
	list_unlink(&host->place);
	list_for_each_safe (link, after, &host->guests) {
		struct guest *guest = container_of(link, struct guest, link);

		guest_close(guest);
		if (!guest->n_channels)
			guest_free(guest);
	}
	if (is_over(host))
		destroy(host);
}

static const struct listener_ops host_ops = {
	.free = host_free,
	.judge_again = judge_again,
};

static struct host *host_new(struct poller *poller,
			     const struct vchan_address *address,
			     const struct transport_options *options)
{
	struct host *host;

	host = calloc(1, sizeof(*host));
	if (!host)
		return NULL;
	host->listener.ops = &host_ops;
	host->poller = poller;
	host->address = *address;
	host->follower.on_domain = on_domain;
	host->follower.on_news = on_news;
	host->timer = (struct poll_source){ .fd = -1, .ready = timer_ready };
	host->n_handshakes_max =
		options->n_handshakes_max ?: HANDSHAKES_MAX_DEFAULT;
	host->handshake_ns =
		(options->handshake_ms ?: HANDSHAKE_MS_DEFAULT) * NS_PER_MS;
	list_init(&host->follower.link);
	list_init(&host->place);
	list_init(&host->guests);
	list_init(&host->handshakes);
	list_init(&host->buried);
	list_init(&host->rotten);
	return host;
}

static int set_orders(struct host *host, uint32_t ring_bytes)
{
	unsigned order = ORDER_DEFAULT;

	if (ring_bytes) {
		order = (unsigned)__builtin_ctz(ring_bytes);
		if (order < RING_ORDER_MIN || order > RING_ORDER_MAX ||
		    ring_bytes != UINT32_C(1) << order)
			return -EINVAL;
	}
	host->orders[0] = order;
	host->orders[1] =
		ring_orders_are_legal(order, order) ? order : order + 1;
	return 0;
}

/* Those that are not closed, of every poller. */
static struct list listening = LIST_INIT(listening);

/* Whether both would put keys in one place. */
static bool is_in_the_way(const struct host *host, const struct host *other)
{
	if (domains_store(host->domains)->domid !=
		    domains_store(other->domains)->domid ||
	    strcmp(host->address.port, other->address.port) != 0)
		return false;
	if (host->address.is_any)
		return other->address.is_any ||
		       is_ours(host, other->address.domid);
	return is_ours(other, host->address.domid);
}

static int take_place(struct host *host,
		      const struct transport_options *options)
{
	struct list *link;

	list_for_each (link, &listening) {
		struct host *other = container_of(link, struct host, place);

		if (!is_in_the_way(host, other))
			continue;
		vchan_explain(options, "another address has port %s of %s",
			      host->address.port,
			      host->address.is_any ? "such a domain"
						   : "this domain");
		return -EADDRINUSE;
	}
	list_push_back(&listening, &host->place);
	return 0;
}

/* An edge of the timer is all that is needed: it is set anew, never read. */
static int start_listening(struct host *host,
			   const struct transport_options *options)
{
	int r;

	r = set_orders(host, options->ring_bytes);
	if (r < 0)
		return r;
	host->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (host->timer.fd < 0)
		return -errno;
	r = poller_add(host->poller, &host->timer, EPOLLIN | EPOLLET);
	if (r < 0)
		return r;
	host_set_timer(host);
	r = domains_ref(host->poller, options, &host->follower, &host->domains);
	return r < 0 ? r : take_place(host, options);
}

int vchan_listen(struct poller *poller, const struct vchan_address *address,
		 const struct transport_options *options,
		 struct listener **ret_listener)
{
	struct host *host;
	int r;

	host = host_new(poller, address, options);
	if (!host)
		return -ENOMEM;
	r = start_listening(host, options);
	if (r < 0) {
		host_free(&host->listener);
		return r;
	}
	*ret_listener = &host->listener;
	return 0;
}
