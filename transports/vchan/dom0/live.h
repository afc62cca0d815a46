/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_DOM0_LIVE_H
#define TRANSPORTS_VCHAN_DOM0_LIVE_H

/** The domains that are up, as dom0 reads them in xenstore. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#include "transports/vchan/nodes.h"

enum {
	LIVE_DOMID_MAX = 0x7fef, /* what is above names no domain */
	LIVE_NAME_BYTES = 256,
	LIVE_DOMAINS_MAX = 32768,
};

struct live_domain {
	uint32_t domid;
	char name[LIVE_NAME_BYTES];     /* "": it has none */
	char uuid[NODE_UUID_CHARS + 1]; /* of dom0 zeros if it has none */
};

struct live {
	struct live_domain *domains; /* by domid */
	size_t n;
};

/** A decimal number of a domain. Returns 0 or -EINVAL. */
int live_parse_domid(const char *text, uint32_t *ret_domid);

/**
 * Read them all. One without a uuid is not there yet, one whose nodes outlive
 * it no more. Returns 0 or a negative errno.
 */
int live_read(struct xs_handle *store, struct live *ret_live);

/** Safe on a zeroed one. */
void live_deinit(struct live *live);

/** NULL when it is not up. */
const struct live_domain *live_lookup(const struct live *live, uint32_t domid);

bool live_is_equal(const struct live_domain *a, const struct live_domain *b);

#endif
