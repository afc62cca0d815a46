/* SPDX-License-Identifier: MIT */

/** The half of libxengnttab that grants pages of this domain to another. */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xengnttab.h>

#include "tests/xen/standin/pages.h"

#define EXPORT __attribute__((visibility("default")))

/* The library has one type for the handles of both halves. */
struct xengntdev_handle {
	struct link link;
	int memory_fd;
};

EXPORT xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger,
					unsigned open_flags)
{
	xengntshr_handle *xgs = calloc(1, sizeof(*xgs));

	if (!xgs)
		return NULL;
	if (link_open(&xgs->link, WIRE_OPEN_GRANTS, &xgs->memory_fd) < 0) {
		free(xgs);
		return NULL;
	}
	return xgs;
}

EXPORT int xengntshr_close(xengntshr_handle *xgs)
{
	if (!xgs)
		return 0;
	link_close(&xgs->link);
	close(xgs->memory_fd);
	free(xgs);
	return 0;
}

EXPORT int xengntshr_fd(xengntshr_handle *xgs)
{
	return xgs->link.fd;
}

/* In a reply to WIRE_GRANT `where` is the reference of frame `what`. */
static int take_references(struct wire_reply *reply, uint32_t *refs)
{
	for (size_t i = 0; i < reply->n_pages; i++) {
		refs[i] = reply->pages[i].where;
		reply->pages[i].where = 0;
	}
	return 0;
}

static void *share(xengntshr_handle *xgs, struct wire_request *request,
		   uint32_t n, uint32_t *refs)
{
	struct link_fds memory = { .n = 1, .fd = { xgs->memory_fd } };
	struct wire_reply reply;
	void *address = pages_reserve(n);

	if (!address)
		return NULL;
	request->op = WIRE_GRANT;
	request->address = (uintptr_t)address;
	request->value = n;
	if (link_call(&xgs->link, request, &reply, NULL) < 0 ||
	    take_references(&reply, refs) < 0 ||
	    pages_place(address, &reply, &memory, PROT_READ | PROT_WRITE) < 0) {
		pages_release(address, n);
		return NULL;
	}
	return address;
}

EXPORT void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid,
				   int count, uint32_t *refs, int writable)
{
	struct wire_request request = {
		.domid = domid,
		.flags = writable ? WIRE_WRITABLE : 0,
	};

	if (count < 1 || count > WIRE_MAX_PAGES) {
		errno = EINVAL;
		return NULL;
	}
	return share(xgs, &request, (uint32_t)count, refs);
}

EXPORT void *xengntshr_share_page_notify(xengntshr_handle *xgs, uint32_t domid,
					 uint32_t *ref, int writable,
					 uint32_t notify_offset,
					 evtchn_port_t notify_port)
{
	struct wire_request request = {
		.domid = domid,
		.flags = writable ? WIRE_WRITABLE : 0,
		.clear_offset = notify_offset,
		.port = notify_port,
	};

	if (notify_offset < WIRE_PAGE_BYTES)
		request.flags |= WIRE_CLEAR_BYTE;
	if (notify_port != (evtchn_port_t)-1)
		request.flags |= WIRE_SEND_EVENT;
	return share(xgs, &request, 1, ref);
}

EXPORT int xengntshr_unshare(xengntshr_handle *xgs, void *start_address,
			     uint32_t count)
{
	struct wire_request request = {
		.op = WIRE_UNGRANT,
		.address = (uintptr_t)start_address,
		.value = count,
	};
	struct wire_reply reply;

	if (munmap(start_address, (size_t)count * WIRE_PAGE_BYTES) < 0)
		return -1;
	return link_call(&xgs->link, &request, &reply, NULL);
}
