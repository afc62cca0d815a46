/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_NODES_H
#define TRANSPORTS_VCHAN_NODES_H

/**
 * Where in xenstore the identities of domains stand.
 *
 * Who may read the hypervisor's own tree (dom0; another domain after `helio
 * xen-grant`) takes them from there:
 *
 *     /local/domain              a node for each domain, by domid
 *     /local/domain/N/name       as the toolstack calls it
 *     /local/domain/N/vm         "/vm/UUID"
 *     @introduceDomain, @releaseDomain   fire when one comes or goes
 *
 * Who may not, takes them from what `helio xen-agent` keeps true in the own
 * tree of the domain that holds the switch. The paths are relative, as that
 * domain uses them; the agent in dom0 puts /local/domain/DOMID/ in front.
 *
 *     data/heliograph/agent            a decimal number from 1 on, that is
 *                                      another after every change of what is
 *                                      below `domains`; it goes when the agent
 *                                      ends, and what is below stays. With
 *                                      --once it stays as well
 *     data/heliograph/domains/N/name   "" when it has none
 *     data/heliograph/domains/N/uuid   36 characters, as in "/vm/UUID"
 *
 * N takes in every domain that is up, dom0 and the switch's own as well. A
 * change is one transaction, number and all: a watch on the number fires when
 * it is done. Who reads without a transaction reads the number, the nodes, and
 * the number again, and believes what it read when both are the same. All of
 * it belongs to dom0, and the switch's domain may read it.
 *
 * Without either, a listener for all domains is refused with -EACCES.
 */

#define NODE_DOMAINS       "/local/domain"

#define NODE_AGENT_FOLDER  "data/heliograph"
#define NODE_AGENT         "data/heliograph/agent"
#define NODE_AGENT_DOMAINS "data/heliograph/domains"

#define NODE_NUMBER_MAX    UINT32_MAX

enum { NODE_UUID_CHARS = 36 };

#endif
