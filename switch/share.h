/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SHARE_H
#define SWITCH_SHARE_H

/**
 * What one sender has waiting, where room is limited: in one backlog, and in
 * all that one account pays for.
 *
 * A sender may have at most as much waiting as is then left free for others,
 * so that one who floods never takes the last place. A sender is a durable id:
 * many channels of it have one share. There is a share only while something
 * waits, or a message of that sender is open, so shares are bounded by what
 * the subscriber is charged for.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "switch/queue.h"

struct share {
	struct map_node node; /* in share_table.by_owner */
	const void *pool;     /* the backlog or account that it is of */
	uint64_t owner;       /* source.owner */
	struct share *whole;  /* of a backlog's: its account's */
	unsigned n_holds;     /* open messages, or shares of this whole */
	uint32_t n_frames;
	uint64_t n_bytes; /* with what is reserved */
	struct lane lane; /* in the backlog's queue */
};

struct share_table {
	struct map by_owner;
};

/** Returns 0 or -ENOMEM. */
int share_table_init(struct share_table *table);

/** All shares must be gone. Safe on a zeroed one. */
void share_table_deinit(struct share_table *table);

/** What the sender has waiting in `pool`; NULL: nothing. */
struct share *share_lookup(const struct share_table *table, const void *pool,
			   uint64_t owner);

/**
 * The same, made if need be, with its whole in `account`. Held once more:
 * share_release() is due. NULL: no memory.
 */
struct share *share_hold(struct share_table *table, const void *pool,
			 const void *account, uint64_t owner);

/** It is freed when nothing of it is left. */
void share_release(struct share_table *table, struct share *share);

static inline void share_charge(struct share *share, uint32_t n_frames,
				uint64_t n_bytes)
{
	share->n_frames += n_frames;
	share->n_bytes += n_bytes;
	share->whole->n_frames += n_frames;
	share->whole->n_bytes += n_bytes;
}

/** It is freed when nothing of it is left. */
void share_discharge(struct share_table *table, struct share *share,
		     uint32_t n_frames, uint64_t n_bytes);

/**
 * How many bytes more a message may have, so that the others are left as much
 * as its sender then has, where so much is free now. The last odd place for a
 * frame may be taken. NULL: the sender has nothing yet.
 */
static inline uint64_t share_room(const struct share *share,
				  uint64_t n_free_frames, uint64_t n_free_bytes)
{
	uint64_t n_frames = share ? share->n_frames : 0;
	uint64_t n_bytes = share ? share->n_bytes : 0;

	if (n_frames >= n_free_frames || n_bytes >= n_free_bytes)
		return 0;
	return (n_free_bytes - n_bytes) / 2;
}

/** Whether such room is enough; a message of no bytes takes a frame too. */
static inline bool share_covers(uint64_t n_room, uint64_t n)
{
	return n_room && n <= n_room;
}

#endif
