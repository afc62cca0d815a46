/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_PRINCIPAL_H
#define SWITCH_PRINCIPAL_H

/**
 * Who a peer is. The only file that makes principals of evidence.
 *
 *     a domain of the hypervisor        vm:NAME or vm:UUID (switch/domain.h)
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

struct domains;

enum {
	PRINCIPAL_MAX_BYTES = 255,
	PRINCIPAL_PARTS_MAX = 4,
	PRINCIPAL_NAME_MAX_BYTES = 64,
	PRINCIPAL_UUID_CHARS = 36,
	PRINCIPAL_KIND_MAX_BYTES = 16,
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

/** Whether NAME has the form of a uuid, with which nobody may be called. */
bool principal_name_is_uuid(const char *name, size_t n);

/** "3f6c0c1e-8a53-4c1b-9a43-0d6f6f4b2a10" */
void principal_format_uuid(const uint8_t uuid[16],
			   char ret_text[PRINCIPAL_UUID_CHARS + 1]);

/**
 * Judge evidence and draw an incarnation, which is never 0. A socket's name is
 * `vm:NAME` for a domain's socket and "" for the common one. The durable id is
 * the path: an enrolled name, or the uid, outlives every channel.
 *
 * A domain of the hypervisor is called as the table of `domains` has it, and
 * has one incarnation for all its channels. Its durable id is `vm:UUID`, for a
 * name can be given to another. One that the table does not have is nobody;
 * `domains` may be NULL.
 *
 * Returns 0, -EACCES when the evidence proves nobody, or another negative
 * errno.
 */
int principal_from_evidence(const struct channel_evidence *evidence,
			    const struct domains *domains,
			    struct principal *ret_principal);

/** What a leaf says of one below it: paths relative to its own. */
struct principal_claim {
	const char *path;       /* "uid:1000"; NULL: not told */
	const char *durable_id; /* likewise */
	uint64_t incarnation;   /* not 0 */
};

/**
 * The principal that `leaf` claims: its own path and durable id stand in front
 * of both, so it can name nobody outside. Returns 0, or 1 and *ret_fault, a
 * constant text.
 */
int principal_below(const struct principal *leaf,
		    const struct principal_claim *claim,
		    struct principal *ret_principal, const char **ret_fault);

#endif
