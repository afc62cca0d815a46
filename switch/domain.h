/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_DOMAIN_H
#define SWITCH_DOMAIN_H

/**
 * The domains of the hypervisor that are up, and what they are called.
 *
 * Listeners tell of them; several may tell of one, which is known by its
 * incarnation. A domain is `vm:NAME` after the name that the toolstack gave
 * it, or `vm:UUID` when that name
 *
 *   - is none, or no plain token (principal_name_is_valid());
 *   - has the form of a uuid, or is "Domain-0" and the domain is not;
 *   - is that of an enrolled domain, or of one that was and has a channel;
 *   - is borne already by one that has been up for longer.
 *
 * So no two channels have one principal unless they are of one domain. The
 * name is judged anew when something of this changes. A domain that is called
 * otherwise then loses its channels, and comes back under the other name.
 *
 * `$sys.domain.started` and `$sys.domain.stopped` tell of each once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "switch/principal.h"
#include "transports/transport.h"

struct bus;

enum {
	DOMAIN_TELLERS_MAX = 64,
	DOMAIN_PATH_BYTES = sizeof("vm:") + PRINCIPAL_NAME_MAX_BYTES,
};

struct domain {
	struct list link; /* in domains.up */
	struct transport_domain is;
	uint64_t serial;  /* counts up, from 1 */
	uint64_t told_by; /* a bit for each listener that knows it; 0: none */
	char path[DOMAIN_PATH_BYTES];
};

struct domains {
	struct list up; /* that came first, first */
	size_t n_up;
	uint64_t n_ever;
	uint64_t tellers; /* bits that are taken */
	/* Whether an enrolled domain has the name. NULL: none has. */
	bool (*is_enrolled)(void *userdata, const char *name);
	void *userdata;
};

void domains_init(struct domains *domains);

/** Forgets all in silence. Safe on zeroed domains. */
void domains_deinit(struct domains *domains);

/** A listener that may tell of domains. Returns 0 or -ENOSPC. */
int domains_add_teller(struct domains *domains, unsigned *ret_teller);

/**
 * What only this listener knew is forgotten, for nobody would tell its death;
 * with its last channel, which bears its name until then.
 */
void domains_remove_teller(struct bus *bus, unsigned teller);

/**
 * One has come, is called otherwise, or is gone. Told again it changes
 * nothing. Without memory for it, it stays unknown and gets nothing.
 */
void domains_tell(struct bus *bus, unsigned teller,
		  const struct transport_domain *told, bool is_up);

/** NULL when no domain in this life is up. */
const struct domain *domains_lookup(const struct domains *domains,
				    uint64_t incarnation);

/** Whether policy gives it anything at all, so that a ring is worth it. */
bool domain_is_served(const struct bus *bus, const struct domain *domain);

/** What they are called, anew: the enrolment has changed. */
void domains_judge_again(struct bus *bus);

/** How many channels it has. */
size_t domain_n_channels(const struct bus *bus, const struct domain *domain);

#endif
