/* SPDX-License-Identifier: MIT */

#include "storage/room.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/guest.h"
#include "storage/service.h"
#include "storage/wish.h"

static const char too_much[] = "too much waits already";

/* He may have as much as is then left for others, so nobody takes the last. */
static bool is_share_full(uint64_t n_own, uint64_t n_all, uint64_t max)
{
	return n_all >= max || n_own > max - n_all;
}

const char *room_for_answer(const struct service *service,
			    const struct guest *guest)
{
	if (guest->n_bytes > GUEST_WAITING_BYTES_MAX)
		return "too much of this principal waits already";
	if (is_share_full(guest->n_bytes, service->n_waiting_bytes,
			  SERVICE_WAITING_BYTES_MAX))
		return too_much;
	return NULL;
}

const char *room_for_call(const struct service *service,
			  const struct guest *guest)
{
	if (!guest)
		return "no memory for the call";
	if (guest->n_refs > GUEST_CALLS_MAX)
		return "too many calls of this principal wait already";
	if (is_share_full(guest->n_refs, service->n_wishes, WISHES_MAX))
		return too_much;
	return room_for_answer(service, guest);
}
