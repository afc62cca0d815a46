/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_DOMAINS_H
#define TRANSPORTS_VCHAN_DOMAINS_H

/**
 * The domains that are up, shared by all listeners of a poller.
 *
 * From xenstore, by a comparison of lists each time that something may have
 * changed; see nodes.h for where it is read. A domain is up while xenstored
 * serves it and its identity can be read. Each life has its own incarnation.
 * One that is called otherwise now is told as up once more.
 */

#include <stdbool.h>

#include "base/list.h"
#include "transports/transport.h"
#include "transports/vchan/store.h"
#include "transports/vchan/survey.h"

struct poller;

/** Who wants to be told. */
struct vchan_follower {
	struct list link;
	void (*on_domain)(struct vchan_follower *follower,
			  const struct transport_domain *domain, bool is_up);
	/* What people should know, in words. */
	void (*on_news)(struct vchan_follower *follower, const char *text);
};

struct domains;

/**
 * Those of this poller, which are looked at when they are first asked for; to
 * be given back by domains_unref(). The follower is told of changes from then
 * on. Returns 0; -EACCES, explained, when a node that it takes cannot be read;
 * or another negative errno, explained.
 */
int domains_ref(struct poller *poller, const struct transport_options *options,
		struct vchan_follower *follower, struct domains **ret_domains);
void domains_unref(struct domains *domains, struct vchan_follower *follower);

/** A list of struct known_domain. */
const struct list *domains_known(const struct domains *domains);

/** The connection that they are read by, for who has something to write. */
const struct store *domains_store(const struct domains *domains);

#endif
