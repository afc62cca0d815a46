/* SPDX-License-Identifier: MIT */

#include "switch/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { N_HANDLES_FIRST = 16 };

int sources_init(struct sources *sources,
		 void (*on_retired)(void *userdata, uint32_t handle),
		 void *userdata)
{
	struct source **of_handle;
	struct hash_key key;
	int r;

	r = hash_key_draw(&key);
	if (r < 0)
		return r;
	of_handle = calloc(N_HANDLES_FIRST, sizeof(struct source *));
	if (!of_handle)
		return -ENOMEM;
	*sources = (struct sources){
		.key = key,
		.of_handle = of_handle,
		.n_handles = N_HANDLES_FIRST,
		.next = 1,
		.on_retired = on_retired,
		.userdata = userdata,
	};
	return 0;
}

void sources_deinit(struct sources *sources)
{
	for (uint32_t i = 0; i < sources->n_handles; i++)
		free(sources->of_handle[i]);
	free(sources->of_handle);
	*sources = (struct sources){ 0 };
}

static int grow(struct sources *sources)
{
	size_t n_old = sources->n_handles;
	struct source **of_handle;

	of_handle = reallocarray(sources->of_handle, n_old * 2,
				 sizeof(struct source *));
	if (!of_handle)
		return -ENOMEM;
	memset(of_handle + n_old, 0, n_old * sizeof(struct source *));
	sources->of_handle = of_handle;
	sources->n_handles = (uint32_t)(n_old * 2);
	sources->next = (uint32_t)n_old;
	return 0;
}

/* Goes round, so that a number rests for as long as possible. */
static uint32_t free_handle(const struct sources *sources)
{
	for (uint32_t i = 0; i < sources->n_handles; i++) {
		uint32_t handle = (sources->next + i) % sources->n_handles;

		if (handle && !sources->of_handle[handle])
			return handle;
	}
	return 0;
}

int source_new(struct sources *sources, const struct principal *principal,
	       struct source **ret_source)
{
	struct source *source;
	uint32_t handle;
	int r;

	handle = free_handle(sources);
	if (!handle) {
		r = grow(sources);
		if (r < 0)
			return r;
		handle = sources->next;
	}
	source = malloc(sizeof(*source));
	if (!source)
		return -ENOMEM;

	*source = (struct source){
		.handle = handle,
		.n_refs = 1,
		.owner = hash_bytes(&sources->key, principal->durable_id,
				    strlen(principal->durable_id)),
		.principal = *principal,
	};
	sources->of_handle[handle] = source;
	sources->next = handle + 1;
	*ret_source = source;
	return 0;
}

void source_unref(struct sources *sources, struct source *source)
{
	if (!source || --source->n_refs)
		return;
	sources->of_handle[source->handle] = NULL;
	if (source->was_announced)
		sources->on_retired(sources->userdata, source->handle);
	free(source);
}
