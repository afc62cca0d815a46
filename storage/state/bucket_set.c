/* SPDX-License-Identifier: MIT */

/* Buckets are created, changed and dropped. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "storage/state/bucket.h"
#include "storage/state/party.h"
#include "storage/state/state.h"

typedef Helio__Store__V1__BucketConfig config_type;

config_type *bucket_copy_config(const config_type *config)
{
	static const config_type none = HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	const config_type *from = config ? config : &none;
	size_t n = helio__store__v1__bucket_config__get_packed_size(from);
	_cleanup_(freep) uint8_t *packed = malloc(n + 1);

	if (!packed)
		return NULL;
	helio__store__v1__bucket_config__pack(from, packed);
	return helio__store__v1__bucket_config__unpack(NULL, n, packed);
}

/* ---- created ---- */

static void take_back_created(struct state *state, struct undo *undo)
{
	struct bucket *bucket = container_of(undo, struct bucket, created);

	(void)state;
	bucket_leave(bucket);
	bucket_free(bucket);
}

static void let_go_created(struct state *state, struct undo *undo)
{
	struct bucket *bucket = container_of(undo, struct bucket, created);

	(void)state;
	bucket->revision_on_disk = bucket->created_revision;
}

static int create(struct state *state, const Helio__Store__V1__Step *step,
		  const Helio__Store__V1__Bucket *change)
{
	const char *id = step->durable_id ? step->durable_id : "";
	struct bucket *bucket;

	bucket = bucket_new(state, change->name, change->config);
	if (!bucket)
		return -ENOMEM;
	if (step->principal) {
		bucket->owner = party_get(state, step->principal, id);
		if (!bucket->owner) {
			bucket_free(bucket);
			return -ENOMEM;
		}
	}
	bucket->created_revision = step->revision;
	bucket->revision = step->revision;
	bucket->first_revision = step->revision;
	bucket->created = (struct undo){ .take_back = take_back_created,
					 .let_go = let_go_created };
	bucket_enter(bucket);
	undo_add(state, &bucket->created);
	return 0;
}

/* ---- changed ---- */

struct bucket_change {
	struct undo undo;
	struct bucket *bucket;
	config_type *before;
	uint64_t revision_before;
	uint64_t revision;
	struct bucket_limits limits;
};

static void take_back_change(struct state *state, struct undo *undo)
{
	struct bucket_change *change =
		container_of(undo, struct bucket_change, undo);
	struct bucket *bucket = change->bucket;

	(void)state;
	helio__store__v1__bucket_config__free_unpacked(bucket->config, NULL);
	bucket->config = change->before;
	bucket->limits = bucket_limits_of(bucket->config);
	bucket->revision = change->revision_before;
	free(change);
}

static void let_go_change(struct state *state, struct undo *undo)
{
	struct bucket_change *change =
		container_of(undo, struct bucket_change, undo);
	struct bucket *bucket = change->bucket;

	(void)state;
	helio__store__v1__bucket_config__free_unpacked(change->before, NULL);
	bucket->limits_on_disk = change->limits;
	bucket->revision_on_disk = change->revision;
	bucket_trim_window(bucket);
	free(change);
}

static int change(struct bucket *bucket, const Helio__Store__V1__Step *step,
		  const Helio__Store__V1__Bucket *to)
{
	struct bucket_change *change = malloc(sizeof(*change));
	config_type *config = bucket_copy_config(to->config);

	if (!change || !config) {
		free(change);
		if (config)
			helio__store__v1__bucket_config__free_unpacked(config,
								       NULL);
		return -ENOMEM;
	}
	*change = (struct bucket_change){
		.undo = { .take_back = take_back_change,
			  .let_go = let_go_change },
		.bucket = bucket,
		.before = bucket->config,
		.revision_before = bucket->revision,
		.revision = step->revision,
		.limits = bucket_limits_of(config),
	};
	bucket->config = config;
	bucket->limits = change->limits;
	bucket->revision = step->revision;
	undo_add(bucket->state, &change->undo);
	return 0;
}

int bucket_apply_set(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__Bucket *change_to)
{
	struct bucket *bucket;

	if (!change_to->name || !state_is_name(change_to->name))
		return -EBADMSG;
	bucket = bucket_lookup(state, change_to->name);
	return bucket ? change(bucket, step, change_to)
		      : create(state, step, change_to);
}

/* ---- dropped ---- */

static void take_back_dropped(struct state *state, struct undo *undo)
{
	struct bucket *bucket = container_of(undo, struct bucket, dropped);

	(void)state;
	bucket_enter(bucket);
}

static void let_go_dropped(struct state *state, struct undo *undo)
{
	struct bucket *bucket = container_of(undo, struct bucket, dropped);

	if (state->on_dropped)
		state->on_dropped(state, bucket);
	list_push_back(&state->dropped, &bucket->dropped_link);
}

int bucket_apply_drop(struct state *state, const Helio__Store__V1__Step *step,
		      const char *name)
{
	struct bucket *bucket = name ? bucket_lookup(state, name) : NULL;

	(void)step;
	if (!bucket)
		return -EBADMSG;
	bucket->dropped = (struct undo){ .take_back = take_back_dropped,
					 .let_go = let_go_dropped };
	bucket_leave(bucket);
	undo_add(state, &bucket->dropped);
	return 0;
}
