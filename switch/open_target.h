/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OPEN_TARGET_H
#define SWITCH_OPEN_TARGET_H

/**
 * A message in fragments on its way to one subscription.
 *
 * With the first fragment the total length is reserved: in the queue, as far
 * as the sender's share of it goes, and for the rest in credit, of which at
 * most half is kept. What goes out is paid from the credit that was kept, and
 * what has to wait takes the room that was reserved. Credit
 * promises that the client can take it, not that its channel has room at once:
 * when that is full, and the queue cannot take the rest either, the message is
 * aborted.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "switch/subscription.h"

struct message;
struct share;

struct open_target {
	struct list link;                  /* in subscription.open_targets */
	struct subscription *subscription; /* NULL: this has ended */
	uint64_t correlation;
	struct share *share;       /* of the sender, held */
	uint64_t n_reserved_bytes; /* of the body, in the queue */
	uint64_t n_kept_bytes;     /* of the body, out of the credit */
};

/** Whether all of what the message begins would be taken now. */
bool open_target_has_room(const struct subscription *subscription,
			  const struct message *message);

/**
 * The first fragment: decides for all of it. `target` is set when it is taken,
 * and ends with the last fragment or with the subscription.
 */
enum delivery open_target_begin(struct open_target *target,
				struct subscription *subscription,
				const struct message *message);

/** The next fragment for a target that has not ended. */
void open_target_continue(struct open_target *target,
			  const struct message *message);

/** The rest will not come: the receiver is told why, and the target ends. */
void open_target_abort(struct open_target *target, const char *text);

/** It ends, and nobody is told. */
void open_target_close(struct open_target *target);

#endif
