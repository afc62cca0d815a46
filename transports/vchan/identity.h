/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_IDENTITY_H
#define TRANSPORTS_VCHAN_IDENTITY_H

/** Who a domain is, read from the nodes that nodes.h names. */

#include <stdbool.h>
#include <stdint.h>

struct store;
struct transport_domain;

/**
 * Domain, uuid and name, from what the agent keeps or from the hypervisor's
 * tree. Returns 0; -ENOENT when the domain is not up; -EACCES when that cannot
 * be told; or another negative errno.
 */
int identity_read(const struct store *store, bool is_by_agent, uint32_t domid,
		  struct transport_domain *ret_domain);

/** "/vm/UUID" without what stands before it. Returns 0 or -EINVAL. */
int identity_parse_uuid(const char *text, uint8_t ret_uuid[16]);

#endif
