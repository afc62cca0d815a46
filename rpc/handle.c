/* SPDX-License-Identifier: MIT */

#include "rpc/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

static const struct handle the_switch = { .durable_id = "", .principal = "" };

int handles_init(struct handles *handles)
{
	*handles = (struct handles){ 0 };
	return map_init(&handles->map);
}

void handles_clear(struct handles *handles)
{
	struct map_node *node;

	handles->last = NULL;
	while ((node = map_pop(&handles->map)))
		free(container_of(node, struct handle, node));
}

void handles_deinit(struct handles *handles)
{
	if (handles->map.buckets)
		handles_clear(handles);
	map_deinit(&handles->map);
}

static struct handle *lookup(const struct handles *handles, uint32_t number)
{
	struct map_node *node;

	node = map_lookup(&handles->map, map_hash_u64(number));
	for (; node; node = map_next(node)) {
		struct handle *handle;

		handle = container_of(node, struct handle, node);
		if (handle->number == number)
			return handle;
	}
	return NULL;
}

const struct handle *handles_find(struct handles *handles, uint32_t number)
{
	const struct handle *handle;

	handle = number ? lookup(handles, number) : &the_switch;
	if (handle)
		handles->last = handle;
	return handle;
}

int handles_add(struct handles *handles, uint32_t number, uint64_t incarnation,
		const char *principal, const char *durable_id)
{
	struct handle *handle;
	size_t n = strlen(principal) + 1;
	size_t n_id = strlen(durable_id) + 1;

	if (!number || handles->map.n_nodes >= HANDLES_MAX ||
	    lookup(handles, number))
		return -EPROTO;
	handle = malloc(sizeof(*handle) + n + n_id);
	if (!handle)
		return -ENOMEM;

	handle->number = number;
	handle->incarnation = incarnation;
	memcpy(handle->principal, principal, n);
	memcpy(handle->principal + n, durable_id, n_id);
	handle->durable_id = handle->principal + n;
	map_add(&handles->map, &handle->node, map_hash_u64(number));
	return 0;
}

int handles_remove(struct handles *handles, uint32_t number)
{
	struct handle *handle = lookup(handles, number);

	if (!handle)
		return -EPROTO;
	if (handles->last == handle)
		handles->last = NULL;
	map_remove(&handles->map, &handle->node);
	free(handle);
	return 0;
}
