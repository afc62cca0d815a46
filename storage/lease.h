/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_LEASE_H
#define STORAGE_LEASE_H

/**
 * Workers that ask for jobs, and wait for some: in the order in which they
 * came, each in the list of its queue.
 */

#include "storage/wish.h"

struct queue;
struct service;

/** Of Lease. */
extern const struct wish_type lease_type;

/** Give what is ready to who waits. */
void leases_turn(struct service *service);
/** The queue was dropped, which is not on disk yet. */
void leases_dropped(struct queue *queue);
/** Nobody waits any more. */
void leases_end(struct service *service);

#endif
