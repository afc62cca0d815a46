/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_UPBIND_H
#define SWITCH_UPBIND_H

/**
 * What a leaf has bound at its host, for the calls by a handle that go up.
 *
 * Each service and schema is bound once for all programs, by the first call
 * that needs it, and for as long as any of them has it. Whether a server fits
 * is the host's to judge: the leaf itself only knows that equal ones do.
 */

#include <stdint.h>

/** In the ids of BIND and UNBIND, beside the handle. */
#define UPBIND_ID (UINT64_C(1) << 61)

struct inbound;
struct message;
struct schema;
struct slot;
struct uplink;

/*
 * So many services are bound at a time, or fewer where the host takes fewer.
 * Who calls by one more unbinds the one that was not called by for longest: so
 * no program keeps the others from being bound.
 */
enum { UPBINDS_MAX = 256 };

/** From now on the host is told when a schema is gone. */
void upbind_init(struct uplink *uplink);

/** The handle by which the host knows it, which is told if it is new. */
uint32_t upbind_handle(struct uplink *uplink, struct schema *schema);

/** The call by a handle as the host takes it: its subject is the method. */
void upbind_message(struct uplink *uplink, struct schema *schema,
		    struct message *message);

/**
 * The same of an encoded frame, which is cut at its front. Returns where it
 * begins now.
 */
uint8_t *upbind_frame(struct uplink *uplink, struct schema *schema,
		      uint8_t *frame);

/** A RESULT with UPBIND_ID in its id came: a bad one ends what went by it. */
void upbind_result(struct uplink *uplink, const struct inbound *inbound);

/** The uplink is away: the host knows none of them. */
void upbind_leave(struct uplink *uplink);

#endif
