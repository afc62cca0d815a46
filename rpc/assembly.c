/* SPDX-License-Identifier: MIT */

#include "rpc/assembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "rpc/registration.h"

int assemblies_init(struct assemblies *assemblies, uint64_t n_bytes_max)
{
	*assemblies = (struct assemblies){ .n_bytes_max = n_bytes_max };
	return map_init(&assemblies->map);
}

void assemblies_clear(struct assemblies *assemblies)
{
	struct map_node *node;

	while ((node = map_pop(&assemblies->map)))
		free(container_of(node, struct assembly, node));
	assemblies->n_bytes = 0;
}

void assemblies_deinit(struct assemblies *assemblies)
{
	if (assemblies->map.buckets)
		assemblies_clear(assemblies);
	map_deinit(&assemblies->map);
}

struct assembly *assembly_lookup(const struct assemblies *assemblies,
				 uint64_t correlation)
{
	struct map_node *node;

	node = map_lookup(&assemblies->map, map_hash_u64(correlation));
	for (; node; node = map_next(node)) {
		struct assembly *assembly;

		assembly = container_of(node, struct assembly, node);
		if (assembly->first.correlation == correlation)
			return assembly;
	}
	return NULL;
}

/* What it counts for against the bound. */
static uint64_t held_bytes(const struct assembly *assembly)
{
	return assembly->is_dropped ? 0 : assembly->first.total_bytes;
}

/* Without room for the body there is still room to follow it. */
static struct assembly *allocate(const struct assemblies *assemblies,
				 const struct frame *frame)
{
	size_t n_fixed =
		sizeof(struct assembly) + frame->n_subject + frame->n_metadata;
	struct assembly *assembly = NULL;

	if (frame->total_bytes <= assemblies->n_bytes_max - assemblies->n_bytes)
		assembly = malloc(n_fixed + frame->total_bytes);
	if (assembly) {
		assembly->is_dropped = false;
		return assembly;
	}
	assembly = malloc(n_fixed);
	if (assembly)
		assembly->is_dropped = true;
	return assembly;
}

int assembly_new(struct assemblies *assemblies, const struct frame *frame,
		 const uint8_t *bytes, struct assembly **ret_assembly)
{
	const uint8_t *subject = bytes + frame_header_bytes(frame);
	size_t n_body = frame_body_bytes(frame);
	struct assembly *assembly;

	if (assemblies->map.n_nodes >= ASSEMBLIES_MAX ||
	    n_body > frame->total_bytes ||
	    assembly_lookup(assemblies, frame->correlation))
		return -EPROTO;
	assembly = allocate(assemblies, frame);
	if (!assembly)
		return -ENOMEM;

	assembly->first = *frame;
	assembly->n_have = n_body;
	memcpy(assembly->bytes, subject, frame->n_subject + frame->n_metadata);
	if (!assembly->is_dropped)
		memcpy(assembly->bytes + frame->n_subject + frame->n_metadata,
		       bytes + frame_body_offset(frame), n_body);
	assemblies->n_bytes += held_bytes(assembly);
	map_add(&assemblies->map, &assembly->node,
		map_hash_u64(frame->correlation));
	*ret_assembly = assembly;
	return 0;
}

void assembly_take(struct assemblies *assemblies, struct assembly *assembly)
{
	assemblies->n_bytes -= held_bytes(assembly);
	map_remove(&assemblies->map, &assembly->node);
}

void assembly_free(struct assembly *assembly)
{
	free(assembly);
}

int assembly_add(struct assembly *assembly, const struct frame *frame,
		 const uint8_t *bytes)
{
	uint64_t n_left = assembly->first.total_bytes - assembly->n_have;
	size_t n_body = frame_body_bytes(frame);

	if (frame->kind != assembly->first.kind || frame->n_subject ||
	    frame->n_metadata || n_body > n_left)
		return -EPROTO;
	if (!assembly->is_dropped)
		memcpy(assembly->bytes + assembly->first.n_subject +
			       assembly->first.n_metadata + assembly->n_have,
		       bytes + frame_body_offset(frame), n_body);
	assembly->n_have += n_body;
	if (!(frame->flags & FRAME_LAST))
		return 0;
	return n_body == n_left ? 1 : -EPROTO;
}

/* Starts again after each, for a map must not change while it is walked. */
void assemblies_drop(struct assemblies *assemblies, uint32_t registration)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&assemblies->map, node))) {
		struct assembly *assembly;

		assembly = container_of(node, struct assembly, node);
		if (REGISTRATION_ID(assembly->first.correlation) !=
		    registration)
			continue;
		assembly_take(assemblies, assembly);
		assembly_free(assembly);
		node = NULL;
	}
}
