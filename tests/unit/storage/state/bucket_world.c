/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/bucket_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "storage/state/value.h"

int bucket_world_set_up(void **state)
{
	struct bucket_world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(state_init(&world->state, NULL), 0);
	world->now = 1000;
	world->caller =
		(struct caller){ .principal = "vm:web", .durable_id = "web" };
	*state = world;
	return 0;
}

int bucket_world_tear_down(void **state)
{
	struct bucket_world *world = *state;

	state_deinit(&world->state);
	free(world);
	return 0;
}

void bucket_world_apply(struct bucket_world *world, struct draft *draft,
			unsigned status)
{
	world->n_changes = draft->step.n_changes;
	world->error = 0;
	if (status == STATUS_OK && draft->step.n_changes)
		world->error = state_apply(&world->state, &draft->step);
	draft_deinit(draft);
}

unsigned world_create(struct bucket_world *world, const char *name,
		      const Helio__Store__V1__BucketConfig *config)
{
	Helio__Store__V1__CreateBucketRequest in =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig copy =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	in.name = draft_text(name);
	if (config) {
		copy = *config;
		in.config = &copy;
	}
	return WORLD_DO(world, judge_bucket_create, &in);
}

unsigned world_change(struct bucket_world *world, const char *name,
		      const Helio__Store__V1__BucketConfig *config)
{
	Helio__Store__V1__ChangeBucketRequest in =
		HELIO__STORE__V1__CHANGE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig copy = *config;

	in.name = draft_text(name);
	in.config = &copy;
	return WORLD_DO(world, judge_bucket_change, &in);
}

unsigned world_drop(struct bucket_world *world, const char *name)
{
	Helio__Store__V1__DropBucketRequest in =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;

	in.name = draft_text(name);
	return WORLD_DO(world, judge_bucket_drop, &in);
}

static Helio__Store__V1__PutRequest put_of(const char *bucket, const char *key,
					   const char *value)
{
	Helio__Store__V1__PutRequest in = HELIO__STORE__V1__PUT_REQUEST__INIT;

	in.bucket = draft_text(bucket);
	in.key = draft_text(key);
	in.has_value = true;
	in.value.data = (uint8_t *)draft_text(value);
	in.value.len = strlen(value);
	return in;
}

unsigned world_put(struct bucket_world *world, const char *bucket,
		   const char *key, const char *value, int64_t revision)
{
	Helio__Store__V1__PutRequest in = put_of(bucket, key, value);

	in.has_if_revision = revision != ANY;
	in.if_revision = (uint64_t)revision;
	return WORLD_DO(world, judge_put, &in);
}

unsigned world_put_for(struct bucket_world *world, const char *bucket,
		       const char *key, const char *value, uint64_t ttl_ms)
{
	Helio__Store__V1__PutRequest in = put_of(bucket, key, value);

	in.has_ttl_ms = true;
	in.ttl_ms = ttl_ms;
	return WORLD_DO(world, judge_put, &in);
}

unsigned world_delete(struct bucket_world *world, const char *bucket,
		      const char *key, int64_t revision)
{
	Helio__Store__V1__DeleteRequest in =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;

	in.bucket = draft_text(bucket);
	in.key = draft_text(key);
	in.has_if_revision = revision != ANY;
	in.if_revision = (uint64_t)revision;
	return WORLD_DO(world, judge_delete, &in);
}

size_t world_expire(struct bucket_world *world)
{
	const struct caller nobody = { .principal = NULL };
	struct draft draft;
	size_t n = 0;
	int r = 1;

	while (r) {
		draft_init(&draft, &world->state, world->now, &nobody);
		r = state_draft_due(&world->state, world->now, 3, &draft);
		assert_true(r >= 0);
		n += draft.step.n_changes;
		bucket_world_apply(world, &draft, STATUS_OK);
		assert_int_equal(world->error, 0);
	}
	return n;
}

void world_commit(struct bucket_world *world)
{
	state_commit(&world->state, world->state.revision);
}

const char *world_get_at(const struct bucket_world *world, const char *bucket,
			 const char *key, uint64_t revision)
{
	static char text[256];
	const struct bucket *in = bucket_lookup(&world->state, bucket);
	const struct version *version;
	const struct key *found;
	int error = 0;

	assert_non_null(in);
	found = bucket_key(in, key);
	if (!found)
		return revision < in->first_revision ? "lost" : "never";
	version = key_at(found, revision, &error);
	if (error)
		return "lost";
	if (!version)
		return "never";
	if (!version->value)
		return "deleted";
	snprintf(text, sizeof(text), "%.*s", (int)version->value->n_bytes,
		 (const char *)version->value->bytes);
	return text;
}
