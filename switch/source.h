/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SOURCE_H
#define SWITCH_SOURCE_H

/**
 * Who said it: what a handle in a frame stands for.
 *
 * A source is held by the peer that it names and by each waiting frame that
 * carries its handle, so a handle means the same until the last of its frames
 * is gone; then every peer that knows it is told to FORGET, and the number may
 * be given to another. Handle 0 is the switch itself.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "switch/principal.h"

struct speaker;

enum { SOURCE_OWNER_SWITCH = 0 };

struct source {
	uint32_t handle;
	unsigned n_refs;
	bool was_announced; /* to anybody; if not, nobody has to forget it */
	uint64_t owner;     /* its durable id, by a key that nobody knows */
	struct speaker *speaker; /* NULL: gone, or not one of our own */
	struct principal principal;
};

struct sources {
	struct hash_key key;
	struct source **of_handle; /* [0] is never used */
	uint32_t n_handles;
	uint32_t next; /* where the search for a free one starts */
	/* One that was announced is given up; `userdata` is whoever initialised
	 * us. */
	void (*on_retired)(void *userdata, uint32_t handle);
	void *userdata;
};

/** Returns 0 or a negative errno. */
int sources_init(struct sources *sources,
		 void (*on_retired)(void *userdata, uint32_t handle),
		 void *userdata);
void sources_deinit(struct sources *sources);

/** One reference, the caller's. Returns 0 or -ENOMEM. */
int source_new(struct sources *sources, const struct principal *principal,
	       struct source **ret_source);

/** NULL if there is none. */
static inline struct source *source_lookup(const struct sources *sources,
					   uint32_t handle)
{
	return handle < sources->n_handles ? sources->of_handle[handle] : NULL;
}

static inline void source_ref(struct source *source)
{
	source->n_refs++;
}

/** NULL is fine. */
void source_unref(struct sources *sources, struct source *source);

#endif
