/* SPDX-License-Identifier: MIT */

/** The half of libxengnttab that maps pages which another domain granted. */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xengnttab.h>

#include "tests/xen/standin/pages.h"

#define EXPORT __attribute__((visibility("default")))

struct xengntdev_handle {
	struct link link;
};

EXPORT xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
					unsigned open_flags)
{
	xengnttab_handle *xgt = calloc(1, sizeof(*xgt));

	if (!xgt)
		return NULL;
	if (link_open(&xgt->link, WIRE_OPEN_MAPS, NULL) < 0) {
		free(xgt);
		return NULL;
	}
	return xgt;
}

EXPORT int xengnttab_close(xengnttab_handle *xgt)
{
	if (!xgt)
		return 0;
	link_close(&xgt->link);
	free(xgt);
	return 0;
}

EXPORT int xengnttab_fd(xengnttab_handle *xgt)
{
	return xgt->link.fd;
}

EXPORT int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	return 0;
}

static int unmap(xengnttab_handle *xgt, void *address, uint32_t n)
{
	struct wire_request request = {
		.op = WIRE_UNMAP,
		.address = (uintptr_t)address,
		.value = n,
	};
	struct wire_reply reply;

	return link_call(&xgt->link, &request, &reply, NULL);
}

static void *map(xengnttab_handle *xgt, struct wire_request *request, int prot)
{
	struct wire_reply reply;
	struct link_fds memories;
	void *address = pages_reserve(request->n_pages);
	int r;

	if (!address)
		return NULL;
	request->op = WIRE_MAP;
	request->address = (uintptr_t)address;
	request->flags |= prot & PROT_WRITE ? WIRE_WRITABLE : 0;
	r = link_call(&xgt->link, request, &reply, &memories);
	if (!r) {
		r = pages_place(address, &reply, &memories, prot);
		if (r < 0)
			unmap(xgt, address, request->n_pages);
		while (memories.n)
			close(memories.fd[--memories.n]);
	}
	if (r < 0) {
		pages_release(address, request->n_pages);
		return NULL;
	}
	return address;
}

/* With a step of 0 all references are of the one domain. */
static void *map_many(xengnttab_handle *xgt, uint32_t count,
		      const uint32_t *domids, unsigned step,
		      const uint32_t *refs, int prot)
{
	struct wire_request request = { .n_pages = count };

	if (count < 1 || count > WIRE_MAX_PAGES) {
		errno = EINVAL;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		request.pages[i] = (struct wire_page){
			.where = domids[i * step],
			.what = refs[i],
		};
	return map(xgt, &request, prot);
}

EXPORT void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
				     uint32_t ref, int prot)
{
	return map_many(xgt, 1, &domid, 0, &ref, prot);
}

EXPORT void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count,
				      uint32_t *domids, uint32_t *refs,
				      int prot)
{
	return map_many(xgt, count, domids, 1, refs, prot);
}

EXPORT void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt,
					     uint32_t count, uint32_t domid,
					     uint32_t *refs, int prot)
{
	return map_many(xgt, count, &domid, 0, refs, prot);
}

EXPORT void *xengnttab_map_grant_ref_notify(xengnttab_handle *xgt,
					    uint32_t domid, uint32_t ref,
					    int prot, uint32_t notify_offset,
					    evtchn_port_t notify_port)
{
	struct wire_request request = {
		.n_pages = 1,
		.pages = { { .where = domid, .what = ref } },
		.clear_offset = notify_offset,
		.port = notify_port,
	};

	if (notify_offset < WIRE_PAGE_BYTES)
		request.flags |= WIRE_CLEAR_BYTE;
	if (notify_port != (evtchn_port_t)-1)
		request.flags |= WIRE_SEND_EVENT;
	return map(xgt, &request, prot);
}

EXPORT int xengnttab_unmap(xengnttab_handle *xgt, void *start_address,
			   uint32_t count)
{
	if (munmap(start_address, (size_t)count * WIRE_PAGE_BYTES) < 0)
		return -1;
	return unmap(xgt, start_address, count);
}
