/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_BUCKET_WORLD_H
#define TESTS_UNIT_STORAGE_STATE_BUCKET_WORLD_H

/** A state, and who changes its buckets. */

#include "storage/state/bucket.h"
#include "storage/state/draft.h"
#include "storage/state/judge.h"
#include "storage/state/state.h"

struct bucket_world {
	struct state state;
	uint64_t now;
	struct caller caller;
	struct judgement judged; /* of the last request */
	size_t n_changes;        /* that it had */
	int error;               /* of its step, or 0 */
};

int bucket_world_set_up(void **state);
int bucket_world_tear_down(void **state);

/* Each judges and applies, and returns the status. */
#define WORLD_DO(world, judge, in)                                 \
	({                                                         \
		struct draft draft_;                               \
		unsigned status_;                                  \
		draft_init(&draft_, &(world)->state, (world)->now, \
			   &(world)->caller);                      \
		status_ = judge(&draft_, (in), &(world)->judged);  \
		bucket_world_apply((world), &draft_, status_);     \
		status_;                                           \
	})

/** Ends the draft. */
void bucket_world_apply(struct bucket_world *world, struct draft *draft,
			unsigned status);

enum { ANY = -1 };

unsigned world_create(struct bucket_world *world, const char *name,
		      const Helio__Store__V1__BucketConfig *config);
unsigned world_change(struct bucket_world *world, const char *name,
		      const Helio__Store__V1__BucketConfig *config);
unsigned world_drop(struct bucket_world *world, const char *name);
/** `revision` ANY: whatever it is. */
unsigned world_put(struct bucket_world *world, const char *bucket,
		   const char *key, const char *value, int64_t revision);
unsigned world_put_for(struct bucket_world *world, const char *bucket,
		       const char *key, const char *value, uint64_t ttl_ms);
unsigned world_delete(struct bucket_world *world, const char *bucket,
		      const char *key, int64_t revision);
/** All that is due at world.now; returns how many changes there were. */
size_t world_expire(struct bucket_world *world);
void world_commit(struct bucket_world *world);

/** As of a revision: its value, "deleted", "never" or "lost". */
const char *world_get_at(const struct bucket_world *world, const char *bucket,
			 const char *key, uint64_t revision);

#endif
