/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/xen/world/domain.h"
#include "tests/xen/world/handle.h"
#include "tests/xen/world/port.h"

/*
 * References are neither in order nor next to each other, nor the same in two
 * domains, as on guests that have been running for a while; Xen keeps the
 * first eight to itself.
 */
enum { FIRST_REFERENCE = 8, SCATTER = 1597, GATHER = 277 };

_Static_assert(SCATTER *GATHER % DOMAIN_FRAMES == 1, "not inverse");

static uint32_t shift_of(const struct domain *domain)
{
	return 5 + 331 * domain->domid;
}

static uint32_t reference_of(const struct domain *domain, uint32_t frame)
{
	return FIRST_REFERENCE +
	       (frame + shift_of(domain)) * SCATTER % DOMAIN_FRAMES;
}

static struct grant *lookup(struct domain *domain, uint32_t reference)
{
	uint32_t scattered = reference - FIRST_REFERENCE;

	if (reference < FIRST_REFERENCE || scattered >= DOMAIN_FRAMES)
		return NULL;
	return domain->grants[(scattered * GATHER - shift_of(domain)) %
			      DOMAIN_FRAMES];
}

static void end_grant(struct grant *grant)
{
	struct domain *domain = grant->domain;

	if (!grant->is_ended || grant->n_maps)
		return;
	fallocate(domain->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  (off_t)grant->frame * WIRE_PAGE_BYTES, WIRE_PAGE_BYTES);
	domain->grants[grant->frame] = NULL;
	domain->n_grants--;
	free(grant);
	domain_bury(domain);
}

static int new_grant(struct domain *domain, uint32_t *frame,
		     const struct wire_request *request,
		     struct grant **ret_grant)
{
	struct grant *grant;

	while (*frame < DOMAIN_FRAMES && domain->grants[*frame])
		(*frame)++;
	if (*frame == DOMAIN_FRAMES || domain->n_grants >= domain->max_grants)
		return -ENOSPC;
	grant = calloc(1, sizeof(*grant));
	if (!grant)
		return -ENOMEM;
	*grant = (struct grant){
		.domain = domain,
		.frame = *frame,
		.peer_domid = request->domid,
		.is_writable = request->flags & WIRE_WRITABLE,
	};
	domain->grants[*frame] = grant;
	domain->n_grants++;
	*ret_grant = grant;
	return 0;
}

static int new_holding(struct handle *handle,
		       const struct wire_request *request, uint32_t n,
		       struct holding **ret_holding)
{
	struct port *port = NULL;
	struct holding *holding;

	if (request->flags & WIRE_SEND_EVENT) {
		port = port_lookup(handle->domain, request->port);
		if (!port || !port->owner)
			return -EINVAL;
	}
	holding = calloc(1, sizeof(*holding) + n * sizeof(holding->grants[0]));
	if (!holding)
		return -ENOMEM;
	holding->domain = handle->domain;
	holding->pid = handle->pid;
	holding->address = request->address;
	holding->is_map = handle->kind == WIRE_OPEN_MAPS;
	holding->has_clear = request->flags & WIRE_CLEAR_BYTE;
	holding->clear_offset = request->clear_offset % WIRE_PAGE_BYTES;
	holding->port = port;
	if (port)
		port_hold(port);
	list_push_back(&handle->holdings, &holding->link);
	*ret_holding = holding;
	return 0;
}

int grant_share(struct handle *handle, const struct wire_request *request,
		struct wire_reply *reply)
{
	struct holding *holding;
	uint32_t frame = 0;
	int r;

	if (request->value < 1 || request->value > WIRE_MAX_PAGES)
		return -EINVAL;
	r = new_holding(handle, request, request->value, &holding);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < request->value; i++) {
		r = new_grant(handle->domain, &frame, request,
			      &holding->grants[i]);
		if (r < 0) {
			holding_end(holding, true);
			return r;
		}
		holding->n++;
		reply->pages[i].where = reference_of(handle->domain, frame);
		reply->pages[i].what = frame;
	}
	reply->n_pages = request->value;
	return 0;
}

/* Xen's verdict on one page, which Linux makes EINVAL for the whole. */
static int find_grant(struct domain *mapper, const struct wire_page *page,
		      bool is_writable, struct grant **ret_grant)
{
	struct domain *domain = domain_lookup(mapper->world, page->where);
	struct grant *grant = domain ? lookup(domain, page->what) : NULL;

	if (!grant || grant->is_ended || domain->is_zombie ||
	    grant->peer_domid != mapper->domid)
		return -EINVAL;
	if (is_writable && !grant->is_writable)
		return -EINVAL;
	*ret_grant = grant;
	return 0;
}

static int memory_index(int fds[WIRE_MAX_FDS], int fd)
{
	for (int i = 0; i < WIRE_MAX_FDS; i++) {
		if (fds[i] < 0)
			fds[i] = fd;
		if (fds[i] == fd)
			return i;
	}
	return -EINVAL;
}

static int map_page(struct holding *holding, const struct wire_request *request,
		    uint32_t i, struct wire_reply *reply, int *fds)
{
	bool is_writable = request->flags & WIRE_WRITABLE;
	struct grant *grant;
	int index;
	int r;

	r = find_grant(holding->domain, &request->pages[i], is_writable,
		       &grant);
	if (r < 0)
		return r;
	index = memory_index(fds, is_writable ? grant->domain->memory_fd
					      : grant->domain->memory_ro_fd);
	if (index < 0)
		return index;
	grant->n_maps++;
	holding->domain->n_maps++;
	holding->grants[holding->n++] = grant;
	reply->pages[i].where = (uint32_t)index;
	reply->pages[i].what = grant->frame;
	return 0;
}

int grant_map(struct handle *handle, const struct wire_request *request,
	      struct wire_reply *reply, int fds[WIRE_MAX_FDS])
{
	struct holding *holding;
	int r;

	if (request->n_pages < 1)
		return -EINVAL;
	if ((request->flags & WIRE_CLEAR_BYTE) &&
	    !(request->flags & WIRE_WRITABLE))
		return -EINVAL;
	for (int i = 0; i < WIRE_MAX_FDS; i++)
		fds[i] = -1;
	r = new_holding(handle, request, request->n_pages, &holding);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < request->n_pages; i++) {
		r = map_page(holding, request, i, reply, fds);
		if (r < 0) {
			holding_end(holding, true);
			return r;
		}
	}
	reply->n_pages = request->n_pages;
	return 0;
}

struct holding *holding_lookup(struct list *holdings, uint64_t address,
			       uint32_t n)
{
	struct list *pos;

	list_for_each (pos, holdings) {
		struct holding *holding =
			container_of(pos, struct holding, link);

		if (holding->address == address && holding->n == n)
			return holding;
	}
	return NULL;
}

static void say_goodbye(struct holding *holding)
{
	struct grant *first = holding->grants[0];

	if (holding->has_clear)
		__atomic_store_n(
			&first->domain->memory[(size_t)first->frame *
						       WIRE_PAGE_BYTES +
					       holding->clear_offset],
			0, __ATOMIC_SEQ_CST);
	if (holding->port)
		port_notify(holding->port);
}

void holding_end(struct holding *holding, bool is_silent)
{
	if (!is_silent && holding->n)
		say_goodbye(holding);
	if (holding->port)
		port_unhold(holding->port);
	list_unlink(&holding->link);
	for (uint32_t i = 0; i < holding->n; i++) {
		struct grant *grant = holding->grants[i];

		if (holding->is_map) {
			grant->n_maps--;
			holding->domain->n_maps--;
		} else {
			grant->is_ended = true;
		}
		end_grant(grant);
	}
	free(holding);
}

/* Whether memory of a domain is what the process has at that address. */
static bool is_mapped(const struct holding *holding)
{
	char path[32];
	char line[512];
	struct stat memory;
	bool is_there = false;
	FILE *maps;

	if (!holding->n ||
	    fstat(holding->grants[0]->domain->memory_fd, &memory) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)holding->pid);
	maps = fopen(path, "re");
	if (!maps)
		return false;
	while (!is_there && fgets(line, sizeof(line), maps)) {
		uint64_t begin;
		uint64_t end;
		uint64_t inode;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %" SCNu64,
			   &begin, &end, &inode) != 3)
			continue;
		is_there = inode == memory.st_ino &&
			   begin <= holding->address && holding->address < end;
	}
	fclose(maps);
	return is_there;
}

void holding_orphan(struct world *world, struct holding *holding)
{
	if (!is_mapped(holding)) {
		holding_end(holding, false);
		return;
	}
	list_unlink(&holding->link);
	list_push_back(&world->orphans, &holding->link);
}

void holding_sweep(struct world *world)
{
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &world->orphans) {
		struct holding *holding =
			container_of(pos, struct holding, link);

		if (!is_mapped(holding))
			holding_end(holding, false);
	}
}
