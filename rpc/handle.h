/* SPDX-License-Identifier: MIT */
#ifndef RPC_HANDLE_H
#define RPC_HANDLE_H

/**
 * Who is meant by the handles in frames: PEER tells, FORGET takes back.
 *
 * Handle 0, the switch itself, is always known; its names are "".
 */

#include <stdint.h>

#include "base/map.h"

enum { HANDLES_MAX = 65536 };

struct handle {
	struct map_node node;
	uint32_t number;
	uint64_t incarnation;
	const char *durable_id; /* behind the principal, terminated as it */
	char principal[];
};

struct handles {
	struct map map;            /* struct handle by number */
	const struct handle *last; /* that was looked up, or NULL */
};

/** Returns 0 or -ENOMEM. */
int handles_init(struct handles *handles);

/** Safe on a zeroed one. */
void handles_deinit(struct handles *handles);

/** Forget all: handles belong to one life of the channel. */
void handles_clear(struct handles *handles);

/**
 * The switch announces a handle, which must be new.
 * Returns 0, -EPROTO (0, known already, or more than HANDLES_MAX), -ENOMEM.
 */
int handles_add(struct handles *handles, uint32_t number, uint64_t incarnation,
		const char *principal, const char *durable_id);

/** Returns 0, or -EPROTO when nobody has that handle. */
int handles_remove(struct handles *handles, uint32_t number);

const struct handle *handles_find(struct handles *handles, uint32_t number);

/** Returns NULL when nobody has that handle. */
static inline const struct handle *handles_lookup(struct handles *handles,
						  uint32_t number)
{
	if (handles->last && handles->last->number == number)
		return handles->last;
	return handles_find(handles, number);
}

#endif
