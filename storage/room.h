/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_ROOM_H
#define STORAGE_ROOM_H

/**
 * Whether there is room for more that waits: of one caller, and of all, of
 * which one has at most as much as is left for others. NULL, or why there is
 * none.
 */

struct guest;
struct service;

/** For one more call; its own reference to the guest counts, NULL is none. */
const char *room_for_call(const struct service *service,
			  const struct guest *guest);
/** For an answer that cannot be sent at once. */
const char *room_for_answer(const struct service *service,
			    const struct guest *guest);

#endif
