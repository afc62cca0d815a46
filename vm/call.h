/* SPDX-License-Identifier: MIT */
#ifndef VM_CALL_H
#define VM_CALL_H

/**
 * A call of helio.vm.v1.VirtualMachines with one answer. It waits until what it
 * asks for is so, or cannot be, and until there is room for its answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "vm/fleet.h"

enum call_kind {
	CALL_LIST,
	CALL_GET,
	CALL_START,
	CALL_STOP,
	CALL_REFUSED, /* whatever it was: `status` and `reason` say why */
};

struct call {
	struct list link;
	struct helio_serving *serving;
	const struct fleet *fleet;
	enum call_kind kind;
	char principal[BIRTH_STARTED_BY_MAX_BYTES + 1];
	char name[DEFINITION_NAME_MAX_BYTES + 1]; /* of a list: its cursor */
	uint32_t limit;                           /* of a list */
	struct machine *machine;                  /* of get, start, stop */
	uint64_t incarnation;                     /* of stop: which life */
	bool was_so; /* start, stop: there was nothing to do */
	unsigned status;
	struct reason reason;
};

/** It is refused: nothing else comes of it. */
__attribute__((format(printf, 3, 4))) void call_refuse(struct call *call,
						       unsigned status,
						       const char *format, ...);

/**
 * Answer, if the time has come. Returns 0, and `serving` is gone; 1: not yet;
 * -EAGAIN: there is no room, so try again.
 */
int call_settle(struct call *call);

#endif
