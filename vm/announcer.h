/* SPDX-License-Identifier: MIT */
#ifndef VM_ANNOUNCER_H
#define VM_ANNOUNCER_H

/**
 * Changes of machines as messages: helio.vm.v1.Event on the subject
 * helio.vm.v1.events.NAME.KIND.
 *
 * A message tells of a change and is not kept for anybody: what happens while
 * there is no connection, or while the channel is full, is told by nobody. Who
 * needs to know how a machine is watches the service.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rpc/heliograph.h"
#include "vm/machine.h"

struct announcer {
	struct helio *bus; /* borrowed; NULL: not yet */
	uint64_t n_lost;   /* since one got through */
};

void announcer_tell(struct announcer *announcer, const struct machine *machine,
		    const char *kind);

#endif
