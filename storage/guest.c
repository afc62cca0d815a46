/* SPDX-License-Identifier: MIT */

#include "storage/guest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/heliograph.h"

int guests_init(struct guests *guests)
{
	int r;

	*guests = (struct guests){ .n_idle = 0 };
	list_init(&guests->idle);
	r = hash_key_draw(&guests->key);
	return r < 0 ? r : map_init(&guests->by_name);
}

static void forget(struct guest *guest)
{
	if (guest->guests->last == guest)
		guest->guests->last = NULL;
	list_unlink(&guest->idle_link);
	map_remove(&guest->guests->by_name, &guest->node);
	free(guest);
}

void guests_deinit(struct guests *guests)
{
	struct map_node *node;

	while (guests->by_name.buckets && (node = map_first(&guests->by_name)))
		forget(container_of(node, struct guest, node));
	map_deinit(&guests->by_name);
}

static uint64_t hash_of(const struct guests *guests, const char *principal)
{
	return hash_bytes(&guests->key, principal, strlen(principal));
}

static bool is_guest(const struct guest *guest, const char *principal,
		     const char *durable_id)
{
	return !strcmp(guest->principal, principal) &&
	       !strcmp(guest->durable_id, durable_id);
}

static struct guest *lookup(const struct guests *guests, uint64_t hash,
			    const char *principal, const char *durable_id)
{
	struct map_node *node = map_lookup(&guests->by_name, hash);

	for (; node; node = map_next(node)) {
		struct guest *guest = container_of(node, struct guest, node);

		if (is_guest(guest, principal, durable_id))
			return guest;
	}
	return NULL;
}

static struct guest *guest_new(struct guests *guests, uint64_t hash,
			       const char *principal, const char *durable_id)
{
	size_t n_principal = strlen(principal) + 1;
	size_t n_durable_id = strlen(durable_id) + 1;
	struct guest *guest;

	guest = malloc(sizeof(*guest) + n_principal + n_durable_id);
	if (!guest)
		return NULL;
	*guest = (struct guest){ .guests = guests };
	list_init(&guest->idle_link);
	memcpy(guest->principal, principal, n_principal);
	guest->durable_id = memcpy(guest->principal + n_principal, durable_id,
				   n_durable_id);
	map_add(&guests->by_name, &guest->node, hash);
	return guest;
}

static struct guest *find(struct guests *guests,
			  const struct helio_message *message)
{
	const char *principal = message->source;
	const char *durable_id = message->durable_id;
	uint64_t hash;
	struct guest *guest;

	if (guests->last && is_guest(guests->last, principal, durable_id))
		return guests->last;
	hash = hash_of(guests, principal);
	guest = lookup(guests, hash, principal, durable_id);
	if (!guest)
		guest = guest_new(guests, hash, principal, durable_id);
	guests->last = guest;
	return guest;
}

struct guest *guest_get(struct guests *guests,
			const struct helio_message *message)
{
	struct guest *guest = find(guests, message);

	if (guest && !guest->n_refs++ && list_is_linked(&guest->idle_link)) {
		list_unlink(&guest->idle_link);
		guests->n_idle--;
	}
	return guest;
}

struct guest *guest_put(struct guest *guest)
{
	struct guests *guests = guest ? guest->guests : NULL;

	if (!guest || --guest->n_refs)
		return NULL;
	list_push_back(&guests->idle, &guest->idle_link);
	if (++guests->n_idle > GUESTS_IDLE_MAX) {
		guests->n_idle--;
		forget(container_of(guests->idle.next, struct guest,
				    idle_link));
	}
	return NULL;
}
