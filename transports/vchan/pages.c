/* SPDX-License-Identifier: MIT */

#include "transports/vchan/pages.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "transports/vchan/quiet.h"

enum { GRANTS_MAX = 1 << (RING_ORDER_MAX - RING_ORDER_PAGES) };

static int last_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

static unsigned count_pages(unsigned order)
{
	return (unsigned)(ring_pages_bytes(order) / RING_PAGE_BYTES);
}

/*
 * Share one ring's pages. The peer may write to the one that it reads as well:
 * MirageOS maps both so, and what we write there we never read.
 */
static int give_ring(struct vchan_pages *pages, unsigned order, bool is_left,
		     uint32_t *grants)
{
	unsigned n = count_pages(order);
	void *ring;

	if (!n)
		return 0;
	ring = xengntshr_share_pages(pages->given, pages->domid, (int)n, grants,
				     1);
	if (!ring)
		return last_errno();
	if (is_left)
		pages->left = ring;
	else
		pages->right = ring;
	return 0;
}

static int give_all(struct vchan_pages *pages, evtchn_port_t port,
		    uint32_t *ret_ring_ref)
{
	unsigned n_left = count_pages(pages->left_order);
	int r;

	pages->given = xengntshr_open(&vchan_quiet, 0);
	if (!pages->given)
		return last_errno();
	pages->page = xengntshr_share_page_notify(
		pages->given, pages->domid, ret_ring_ref, 1,
		offsetof(struct ring_page, server_live), port);
	if (!pages->page)
		return last_errno();
	r = give_ring(pages, pages->left_order, true, pages->page->grants);
	if (r < 0)
		return r;
	return give_ring(pages, pages->right_order, false,
			 pages->page->grants + n_left);
}

int vchan_pages_give(struct vchan_pages *pages, uint32_t domid,
		     const unsigned orders[2], evtchn_port_t port,
		     uint32_t *ret_ring_ref)
{
	int r;

	*pages = (struct vchan_pages){
		.domid = domid,
		.left_order = orders[0],
		.right_order = orders[1],
	};
	r = give_all(pages, port, ret_ring_ref);
	if (r < 0)
		vchan_pages_free(pages);
	return r;
}

int vchan_pages_take(struct vchan_pages *pages, uint32_t domid,
		     uint32_t ring_ref, const evtchn_port_t *port)
{
	*pages = (struct vchan_pages){ .domid = domid };
	pages->taken = xengnttab_open(&vchan_quiet, 0);
	if (!pages->taken)
		return last_errno();
	if (port)
		pages->page = xengnttab_map_grant_ref_notify(
			pages->taken, domid, ring_ref, PROT_READ | PROT_WRITE,
			offsetof(struct ring_page, client_live), *port);
	else
		pages->page = xengnttab_map_grant_ref(
			pages->taken, domid, ring_ref, PROT_READ | PROT_WRITE);
	if (pages->page)
		return 0;
	vchan_pages_free(pages);
	return -ECONNREFUSED;
}

static uint16_t read_order(const uint16_t *order)
{
	return *(const volatile uint16_t *)order;
}

/* The grants must not reach into a ring that stands in the control page. */
static bool has_room_for_grants(unsigned left_order, unsigned right_order)
{
	size_t n = count_pages(left_order) + count_pages(right_order);
	size_t n_bytes =
		offsetof(struct ring_page, grants) + n * sizeof(uint32_t);
	unsigned order = left_order < right_order ? left_order : right_order;

	return n_bytes <= (size_t)1 << order;
}

/*
 * The hypervisor judges each reference; we only see to it that those that it
 * judges are those that we map.
 */
static int take_ring(struct vchan_pages *pages, unsigned order,
		     const uint32_t *grants, int protection, uint8_t **ret_ring)
{
	uint32_t copies[GRANTS_MAX];
	unsigned n = count_pages(order);

	if (!n)
		return 0;
	for (unsigned i = 0; i < n; i++)
		copies[i] = ((const volatile uint32_t *)grants)[i];
	*ret_ring = xengnttab_map_domain_grant_refs(
		pages->taken, n, pages->domid, copies, protection);
	return *ret_ring ? 0 : last_errno();
}

int vchan_pages_take_rings(struct vchan_pages *pages, const char **ret_reason)
{
	struct ring_page *page = pages->page;
	unsigned left_order = read_order(&page->left_order);
	unsigned right_order = read_order(&page->right_order);
	int r;

	*ret_reason = "orders of rings that cannot be";
	if (!ring_orders_are_legal(left_order, right_order) ||
	    !has_room_for_grants(left_order, right_order))
		return -EPROTO;
	pages->left_order = left_order;
	pages->right_order = right_order;

	r = take_ring(pages, left_order, page->grants, PROT_READ | PROT_WRITE,
		      &pages->left);
	if (!r)
		r = take_ring(pages, right_order,
			      page->grants + count_pages(left_order), PROT_READ,
			      &pages->right);
	if (r == -ENOMEM || r == -ENOSPC || r == -EMFILE)
		return r;
	*ret_reason = "grants of a ring that cannot be mapped";
	return r < 0 ? -EPROTO : 0;
}

static void give_back(struct vchan_pages *pages, void *at, unsigned n)
{
	if (!at || !n)
		return;
	if (pages->given)
		(void)xengntshr_unshare(pages->given, at, n);
	else
		(void)xengnttab_unmap(pages->taken, at, n);
}

void vchan_pages_free(struct vchan_pages *pages)
{
	give_back(pages, pages->left, count_pages(pages->left_order));
	give_back(pages, pages->right, count_pages(pages->right_order));
	give_back(pages, pages->page, 1);
	if (pages->given)
		(void)xengntshr_close(pages->given);
	if (pages->taken)
		(void)xengnttab_close(pages->taken);
	*pages = (struct vchan_pages){ 0 };
}
