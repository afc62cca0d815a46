/* SPDX-License-Identifier: MIT */

#include "tests/xen/raw.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xenstore.h>

#include <cmocka.h>

#include "tests/xen/pattern.h"

enum { STEP_MAX = 3000, READ_WRITE = PROT_READ | PROT_WRITE };

static unsigned pages_of(unsigned order)
{
	return (unsigned)(ring_pages_bytes(order) / RING_PAGE_BYTES);
}

static void bind_first(struct raw *raw, int port)
{
	assert_true(port > 0);
	raw->port = (evtchn_port_t)port;
	xenevtchn_unmask(raw->events, raw->port);
}

/* One ring's pages, or its place in the control page. */
static uint8_t *share_ring(struct raw *raw, uint32_t domid, unsigned order,
			   uint32_t *refs)
{
	uint8_t *ring;

	if (order < RING_ORDER_PAGES)
		return (uint8_t *)raw->page + ((size_t)1 << order);
	ring = xengntshr_share_pages(raw->given, domid, (int)pages_of(order),
				     refs, 1);
	assert_non_null(ring);
	return ring;
}

void raw_serve(struct raw *raw, struct xen_world *world,
	       const struct end_meeting *meeting, const unsigned orders[2])
{
	xen_world_enter(world, meeting->server);
	raw->given = xengntshr_open(NULL, 0);
	raw->events = xenevtchn_open(NULL, 0);
	assert_true(raw->given && raw->events);
	raw->page = xengntshr_share_pages(raw->given, meeting->client, 1,
					  &raw->ring_ref, 1);
	assert_non_null(raw->page);
	raw->left =
		share_ring(raw, meeting->client, orders[0], raw->page->grants);
	raw->right = share_ring(raw, meeting->client, orders[1],
				raw->page->grants + pages_of(orders[0]));
	raw->page->left_order = (uint16_t)orders[0];
	raw->page->right_order = (uint16_t)orders[1];
	raw->page->client_live = RING_AWAITED;
	raw->page->server_live = RING_LIVE;
	raw->page->client_notify = RING_NOTIFY_WRITE;
	bind_first(raw,
		   xenevtchn_bind_unbound_port(raw->events, meeting->client));
}

static void key_path(const struct end_meeting *meeting, const char *key,
		     char path[128])
{
	snprintf(path, 128, "/local/domain/%u/data/vchan/%u/%s/%s",
		 meeting->server, meeting->client, meeting->port, key);
}

static void set_owner(struct xs_handle *xs, const char *path,
		      const struct end_meeting *meeting, uint32_t owner)
{
	struct xs_permissions perms[] = { { owner, XS_PERM_NONE },
					  { meeting->client, XS_PERM_READ } };

	assert_true(xs_set_permissions(xs, XBT_NULL, path, perms, 2));
}

void raw_put(struct xen_world *world, const struct end_meeting *meeting,
	     const char *key, const void *value, size_t n_value)
{
	struct xs_handle *xs;
	char path[128];

	xen_world_enter(world, meeting->server);
	xs = xs_open(0);
	assert_non_null(xs);
	key_path(meeting, key, path);
	assert_true(xs_write(xs, XBT_NULL, path, value, (unsigned)n_value));
	set_owner(xs, path, meeting, meeting->server);
	xs_close(xs);
}

void raw_give_key(struct xen_world *world, const struct end_meeting *meeting,
		  const char *key, uint32_t owner)
{
	struct xs_handle *xs;
	char path[128];

	xen_world_enter(world, 0);
	xs = xs_open(0);
	assert_non_null(xs);
	key_path(meeting, key, path);
	set_owner(xs, path, meeting, owner);
	xs_close(xs);
}

static void put_number(struct xen_world *world,
		       const struct end_meeting *meeting, const char *key,
		       uint32_t number)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", number);

	raw_put(world, meeting, key, text, (size_t)n);
}

void raw_publish(const struct raw *raw, struct xen_world *world,
		 const struct end_meeting *meeting)
{
	put_number(world, meeting, "ring-ref", raw->ring_ref);
	put_number(world, meeting, "event-channel", raw->port);
}

static uint32_t get_number(struct xs_handle *xs,
			   const struct end_meeting *meeting, const char *key)
{
	char path[128];
	char *text;
	uint32_t number;
	unsigned n;

	key_path(meeting, key, path);
	text = xs_read(xs, XBT_NULL, path, &n);
	assert_non_null(text);
	number = (uint32_t)strtoul(text, NULL, 10);
	free(text);
	return number;
}

static uint8_t *map_ring(struct raw *raw, uint32_t domid, unsigned order,
			 uint32_t *refs)
{
	uint8_t *ring;

	if (order < RING_ORDER_PAGES)
		return (uint8_t *)raw->page + ((size_t)1 << order);
	ring = xengnttab_map_domain_grant_refs(raw->taken, pages_of(order),
					       domid, refs, READ_WRITE);
	assert_non_null(ring);
	return ring;
}

void raw_connect(struct raw *raw, struct xen_world *world,
		 const struct end_meeting *meeting)
{
	struct xs_handle *xs;
	uint32_t remote_port;

	xen_world_enter(world, meeting->client);
	xs = xs_open(0);
	assert_non_null(xs);
	raw->ring_ref = get_number(xs, meeting, "ring-ref");
	remote_port = get_number(xs, meeting, "event-channel");
	xs_close(xs);
	raw->taken = xengnttab_open(NULL, 0);
	raw->events = xenevtchn_open(NULL, 0);
	assert_true(raw->taken && raw->events);
	raw->page = xengnttab_map_grant_ref(raw->taken, meeting->server,
					    raw->ring_ref, READ_WRITE);
	assert_non_null(raw->page);
	bind_first(raw, xenevtchn_bind_interdomain(raw->events, meeting->server,
						   remote_port));
	raw->left = map_ring(raw, meeting->server, raw->page->left_order,
			     raw->page->grants);
	raw->right =
		map_ring(raw, meeting->server, raw->page->right_order,
			 raw->page->grants + pages_of(raw->page->left_order));
	raw->page->client_live = RING_LIVE;
	raw->page->server_notify = RING_NOTIFY_WRITE;
	raw_notify(raw);
}

void raw_notify(const struct raw *raw)
{
	xenevtchn_notify(raw->events, raw->port);
}

static void drop(struct raw *raw, void *at, unsigned n)
{
	if (!n)
		return;
	if (raw->given)
		xengntshr_unshare(raw->given, at, n);
	else
		xengnttab_unmap(raw->taken, at, n);
}

void raw_close(struct raw *raw)
{
	unsigned n_left = pages_of(raw->page->left_order);
	unsigned n_right = pages_of(raw->page->right_order);

	if (raw->given)
		raw->page->server_live = RING_GONE;
	else
		raw->page->client_live = RING_GONE;
	raw_notify(raw);
	drop(raw, raw->left, n_left);
	drop(raw, raw->right, n_right);
	drop(raw, raw->page, 1);
	xenevtchn_close(raw->events);
	if (raw->given)
		xengntshr_close(raw->given);
	else
		xengnttab_close(raw->taken);
}

/* ---- traffic ---- */

struct way {
	_Atomic uint32_t *prod;
	_Atomic uint32_t *cons;
	uint8_t *ring;
	uint32_t size;
};

static struct way way_of(const struct raw *raw, bool is_out)
{
	struct ring_page *page = raw->page;

	if (is_out == !raw->given)
		return (struct way){ &page->left_prod, &page->left_cons,
				     raw->left, 1U << page->left_order };
	return (struct way){ &page->right_prod, &page->right_cons, raw->right,
			     1U << page->right_order };
}

static void ask(const struct raw *raw, uint8_t bit)
{
	atomic_fetch_or(raw->given ? &raw->page->client_notify
				   : &raw->page->server_notify,
			bit);
}

static void tell(const struct raw *raw, uint8_t bit)
{
	_Atomic uint8_t *asked = raw->given ? &raw->page->server_notify
					    : &raw->page->client_notify;

	if (atomic_fetch_and(asked, (uint8_t)~bit) & bit)
		raw_notify(raw);
}

static size_t least(size_t a, uint64_t b)
{
	return a < b ? a : (size_t)b;
}

static size_t send_some(struct raw *raw, uint64_t n_left)
{
	struct way out = way_of(raw, true);
	uint32_t prod = atomic_load(out.prod);
	size_t n =
		least(pattern_step(raw->seed, raw->n_sent, STEP_MAX), n_left);
	size_t room;

	ask(raw, RING_NOTIFY_READ);
	room = out.size - (prod - atomic_load(out.cons));
	n = least(n, room);
	for (size_t i = 0; i < n; i++)
		out.ring[(prod + i) % out.size] =
			pattern_byte(raw->seed, raw->n_sent + i);
	atomic_store(out.prod, prod + (uint32_t)n);
	if (n)
		tell(raw, RING_NOTIFY_WRITE);
	raw->n_sent += n;
	return n;
}

/* What was read before is given back first, and always told of. */
static ssize_t receive_some(struct raw *raw, uint64_t n_left)
{
	struct way in = way_of(raw, false);
	uint32_t cons = (uint32_t)raw->n_got;
	size_t n;

	atomic_store(in.cons, cons);
	tell(raw, RING_NOTIFY_READ);
	ask(raw, RING_NOTIFY_WRITE);
	n = least(in.size - cons % in.size, atomic_load(in.prod) - cons);
	n = least(n, n_left);
	for (size_t i = 0; i < n; i++)
		if (in.ring[(cons + i) % in.size] !=
		    pattern_byte(raw->expected_seed, raw->n_got + i))
			return -1;
	raw->n_got += n;
	return (ssize_t)n;
}

static const char *wait_for_event(struct raw *raw)
{
	struct pollfd fd = { .fd = xenevtchn_fd(raw->events),
			     .events = POLLIN };

	if (poll(&fd, 1, END_WAIT_MS) != 1)
		return "no event came";
	xenevtchn_unmask(raw->events,
			 (evtchn_port_t)xenevtchn_pending(raw->events));
	return NULL;
}

const char *raw_exchange(struct raw *raw, uint64_t n_send, uint64_t n_expect)
{
	const char *wrong = NULL;

	while (!wrong && (raw->n_sent < n_send || raw->n_got < n_expect)) {
		size_t n_sent = send_some(raw, n_send - raw->n_sent);
		ssize_t n_got = receive_some(raw, n_expect - raw->n_got);

		if (n_got < 0)
			return "other bytes than expected";
		if (!n_sent && !n_got)
			wrong = wait_for_event(raw);
	}
	/* The last read is told of by the next one. */
	receive_some(raw, 0);
	return wrong;
}
