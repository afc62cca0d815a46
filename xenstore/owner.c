/* SPDX-License-Identifier: MIT */

#include "xenstore/owner.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DOMAINS "/local/domain/"

enum { DOMID_MAX = 0x7fef }; /* what is above names no domain */

static uint64_t node_ns(const struct owner *owner)
{
	return NS_PER_S / (owner->domid ? OWNER_RATE : OWNER_HOST_RATE);
}

static uint64_t burst_ns(const struct owner *owner)
{
	return node_ns(owner) * (owner->domid ? OWNER_BURST : OWNER_HOST_BURST);
}

/* As xenstored writes them; another is none of a domain, and the host's. */
uint32_t owner_domid(const char *path)
{
	const char *digit = path + strlen(DOMAINS);
	uint32_t domid = 0;

	if (strncmp(path, DOMAINS, strlen(DOMAINS)) != 0 || *digit == '0')
		return 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		domid = domid * 10 + (uint32_t)(*digit - '0');
		if (domid > DOMID_MAX)
			return 0;
	}
	return *digit && *digit != '/' ? 0 : domid;
}

static struct owner *owner_at(struct map_node *node)
{
	return container_of(node, struct owner, by_domid);
}

static struct owner *owner_new(uint32_t domid)
{
	struct owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return NULL;
	owner->domid = domid;
	list_init(&owner->turn);
	list_init(&owner->stale);
	return owner;
}

struct owner *owner_of(struct map *owners, const char *path)
{
	uint32_t domid = owner_domid(path);
	uint64_t hash = map_hash_u64(domid);
	struct map_node *node = map_lookup(owners, hash);
	struct owner *owner;

	while (node && owner_at(node)->domid != domid)
		node = map_next(node);
	if (node)
		return owner_at(node);
	owner = owner_new(domid);
	if (owner)
		map_add(owners, &owner->by_domid, hash);
	return owner;
}

void owners_free(struct map *owners)
{
	struct map_node *node;

	while ((node = map_pop(owners)))
		free(owner_at(node));
}

uint64_t owner_due_ns(const struct owner *owner, uint64_t now_ns)
{
	if (owner->paid_ns <= now_ns + burst_ns(owner))
		return 0;
	return owner->paid_ns - burst_ns(owner);
}

void owner_pay(struct owner *owner, uint64_t now_ns)
{
	if (owner->paid_ns < now_ns)
		owner->paid_ns = now_ns;
	owner->paid_ns += node_ns(owner);
}
