/* SPDX-License-Identifier: MIT */

#include "switch/domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "switch/bus.h"
#include "switch/event.h"
#include "switch/peer.h"
#include "switch/policy.h"

#define NAME_OF_DOMID_0 "Domain-0"

void domains_init(struct domains *domains)
{
	*domains = (struct domains){ 0 };
	list_init(&domains->up);
}

static void forget(struct domains *domains, struct domain *domain)
{
	list_unlink(&domain->link);
	domains->n_up--;
	free(domain);
}

void domains_deinit(struct domains *domains)
{
	while (domains->n_up)
		forget(domains,
		       container_of(domains->up.next, struct domain, link));
}

int domains_add_teller(struct domains *domains, unsigned *ret_teller)
{
	for (unsigned i = 0; i < DOMAIN_TELLERS_MAX; i++) {
		if (domains->tellers >> i & 1)
			continue;
		domains->tellers |= UINT64_C(1) << i;
		*ret_teller = i;
		return 0;
	}
	return -ENOSPC;
}

static struct domain *lookup(const struct domains *domains,
			     uint64_t incarnation)
{
	struct list *link;

	list_for_each (link, &domains->up) {
		struct domain *domain = container_of(link, struct domain, link);

		if (domain->is.incarnation == incarnation)
			return domain;
	}
	return NULL;
}

const struct domain *domains_lookup(const struct domains *domains,
				    uint64_t incarnation)
{
	return lookup(domains, incarnation);
}

static bool is_of(const struct peer *peer, const struct domain *domain)
{
	const struct channel_evidence *evidence = &peer->channel->evidence;

	return evidence->kind == EVIDENCE_DOMAIN &&
	       evidence->incarnation == domain->is.incarnation;
}

size_t domain_n_channels(const struct bus *bus, const struct domain *domain)
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &bus->peers)
		n += is_of(container_of(link, struct peer, link), domain);
	return n;
}

/* A name is borne as long as a channel has it, whoever still tells of it. */
static void forget_untold(struct bus *bus)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &bus->domains.up) {
		struct domain *domain = container_of(link, struct domain, link);

		if (!domain->told_by && !domain_n_channels(bus, domain))
			forget(&bus->domains, domain);
	}
}

void domains_remove_teller(struct bus *bus, unsigned teller)
{
	uint64_t bit = UINT64_C(1) << teller;
	struct list *link;

	bus->domains.tellers &= ~bit;
	list_for_each (link, &bus->domains.up)
		container_of(link, struct domain, link)->told_by &= ~bit;
	forget_untold(bus);
}

bool domain_is_served(const struct bus *bus, const struct domain *domain)
{
	return policy_concerns(bus->policy, domain->path);
}

static bool is_borne_before(const struct domains *domains,
			    const struct domain *domain, const char *path)
{
	struct list *link;

	list_for_each (link, &domains->up) {
		const struct domain *other =
			container_of(link, struct domain, link);

		if (other == domain)
			break;
		if (!strcmp(other->path, path))
			return true;
	}
	return false;
}

/* By the socket of an enrolment that holds no longer, say. */
static bool is_borne_on_socket(const struct bus *bus, const char *path)
{
	struct list *link;

	list_for_each (link, &bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (peer->channel->evidence.kind != EVIDENCE_DOMAIN &&
		    peer_is_there(peer) && !strcmp(peer_path(peer), path))
			return true;
	}
	return false;
}

static bool may_have_name(const struct domains *domains,
			  const struct domain *domain)
{
	const char *name = domain->is.name;
	size_t n = strnlen(name, sizeof(domain->is.name));

	if (!principal_name_is_valid(name, n) ||
	    principal_name_is_uuid(name, n))
		return false;
	if (!strcmp(name, NAME_OF_DOMID_0) && domain->is.domid)
		return false;
	return !domains->is_enrolled ||
	       !domains->is_enrolled(domains->userdata, name);
}

static void choose_path(const struct bus *bus, const struct domain *domain,
			char path[DOMAIN_PATH_BYTES])
{
	char uuid[PRINCIPAL_UUID_CHARS + 1];

	if (may_have_name(&bus->domains, domain)) {
		snprintf(path, DOMAIN_PATH_BYTES, "vm:%.*s",
			 PRINCIPAL_NAME_MAX_BYTES, domain->is.name);
		if (!is_borne_before(&bus->domains, domain, path) &&
		    !is_borne_on_socket(bus, path))
			return;
	}
	principal_format_uuid(domain->is.uuid, uuid);
	snprintf(path, DOMAIN_PATH_BYTES, "vm:%s", uuid);
}

static void end_channels(struct bus *bus, const struct domain *domain)
{
	struct list *link;

	list_for_each (link, &bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (is_of(peer, domain))
			peer_end(peer, STATUS_UNAVAILABLE,
				 "its domain is called otherwise now");
	}
}

/* Who came first has the say, so one walk in that order is enough. */
void domains_judge_again(struct bus *bus)
{
	struct list *link;

	forget_untold(bus);
	list_for_each (link, &bus->domains.up) {
		struct domain *domain = container_of(link, struct domain, link);
		char path[DOMAIN_PATH_BYTES];

		choose_path(bus, domain, path);
		if (!strcmp(domain->path, path))
			continue;
		log_info("domain %u is %s now, and was %s", domain->is.domid,
			 path, domain->path);
		memcpy(domain->path, path, sizeof(path));
		end_channels(bus, domain);
	}
}

static void start(struct bus *bus, unsigned teller,
		  const struct transport_domain *told)
{
	struct domains *domains = &bus->domains;
	struct domain *domain = calloc(1, sizeof(*domain));

	if (!domain) {
		log_error("domain %u: out of memory, it gets no channel",
			  told->domid);
		return;
	}
	forget_untold(bus);
	domain->is = *told;
	domain->serial = ++domains->n_ever;
	domain->told_by = UINT64_C(1) << teller;
	list_push_back(&domains->up, &domain->link);
	domains->n_up++;
	choose_path(bus, domain, domain->path);
	log_info("domain %u ('%.64s') is up: %s%s", told->domid, told->name,
		 domain->path,
		 domain_is_served(bus, domain)
			 ? ""
			 : ", to which no line of the policy gives anything");
	event_domain(bus, domain, "started");
}

static void stop(struct bus *bus, struct domain *domain)
{
	log_info("domain %u (%s) is gone", domain->is.domid, domain->path);
	event_domain(bus, domain, "stopped");
	forget(&bus->domains, domain);
	/* The name is free for the next that bears it. */
	domains_judge_again(bus);
}

void domains_tell(struct bus *bus, unsigned teller,
		  const struct transport_domain *told, bool is_up)
{
	struct domain *domain = lookup(&bus->domains, told->incarnation);

	if (!domain && is_up)
		start(bus, teller, told);
	if (!domain)
		return;
	if (!is_up) {
		stop(bus, domain);
		return;
	}
	domain->told_by |= UINT64_C(1) << teller;
	if (strcmp(domain->is.name, told->name)) {
		memcpy(domain->is.name, told->name, sizeof(told->name));
		domains_judge_again(bus);
	}
}
