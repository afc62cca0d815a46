/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_PRINCIPAL_H
#define SWITCH_PRINCIPAL_H

/**
 * Who a peer is. The only file that makes principals of evidence.
 *
 *     the socket domains/NAME.sock      vm:NAME
 *     the common socket, user N         uid:N
 *     CURVE key enrolled as NAME        key:NAME
 *     plain TCP                         tcp:plain
 *     the switch's own services         helio:switch
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transports/channel.h"

enum {
	PRINCIPAL_MAX_BYTES = 255,
	PRINCIPAL_PARTS_MAX = 4,
	PRINCIPAL_NAME_MAX_BYTES = 64,
};

struct principal {
	char path[PRINCIPAL_MAX_BYTES + 1];
	char durable_id[PRINCIPAL_MAX_BYTES + 1];
	uint64_t incarnation;
};

/**
 * Whether NAME may stand in `vm:NAME` or `key:NAME`: one token of a subject,
 * at most 64 bytes, without `/`, beginning with neither `.` nor `$`.
 */
bool principal_name_is_valid(const char *name, size_t n);

/**
 * Judge evidence and draw an incarnation, which is never 0. A socket's name is
 * `vm:NAME` for a domain's socket and "" for the common one. The durable id is
 * the path: an enrolled name, or the uid, outlives every channel.
 *
 * Returns 0, -EACCES when the evidence proves nobody, or another negative
 * errno.
 */
int principal_from_evidence(const struct channel_evidence *evidence,
			    struct principal *ret_principal);

#endif
