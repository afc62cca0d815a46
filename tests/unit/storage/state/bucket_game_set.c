/* SPDX-License-Identifier: MIT */

/* Buckets are made, changed and dropped, and time passes. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"
#include "storage/state/bucket.h"
#include "tests/unit/storage/state/bucket_game.h"

typedef Helio__Store__V1__BucketConfig config_type;

static config_type config_of(unsigned name)
{
	config_type config = HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	config.has_history = name == 1 || name == 3;
	config.history = name == 1 ? 3 : 4;
	config.has_window_bytes = name != 0;
	config.window_bytes = name == 1 ? 4000 : name == 2 ? 0 : 8000;
	config.has_keys_max = config.has_bytes_max = name == 2;
	config.keys_max = 5;
	config.bytes_max = 1800;
	config.has_ttl_ms = name == 3;
	config.ttl_ms = 50;
	return config;
}

static void model_configure(struct model_bucket *bucket, unsigned name)
{
	config_type config = config_of(name);

	if (config.has_history)
		bucket->history = config.history;
	if (config.has_window_bytes)
		bucket->window_bytes = config.window_bytes;
	if (config.has_keys_max)
		bucket->keys_max = config.keys_max;
	if (config.has_bytes_max)
		bucket->bytes_max = config.bytes_max;
	if (config.has_ttl_ms)
		bucket->ttl_ms = config.ttl_ms;
}

/* ---- buckets ---- */

void game_create(void)
{
	Helio__Store__V1__CreateBucketRequest in =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	unsigned name = draw(N_NAMES);
	config_type config = config_of(name);
	int is = model_find(&game.model, game_names[name]);
	struct judgement judgement;
	struct draft draft;
	unsigned status;

	in.name = draft_text(game_names[name]);
	in.config = &config;
	game_begin(&draft);
	status = judge_bucket_create(&draft, &in, &judgement);
	if (is < 0 || !game.model.buckets[is].was_changed)
		game_expect(0, status, &judgement);
	else
		assert_true(status == STATUS_OK ||
			    status == STATUS_ALREADY_EXISTS);
	if (status == STATUS_OK)
		assert_int_equal(judgement.was_there, is >= 0);
	if (game_end(&draft, status))
		model_configure(model_create(&game.model, game_names[name],
					     game.state->revision),
				name);
}

/* Windows become only smaller, so that one knows what they have. */
void game_change(void)
{
	Helio__Store__V1__ChangeBucketRequest in =
		HELIO__STORE__V1__CHANGE_BUCKET_REQUEST__INIT;
	config_type config = HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	int is = model_find(&game.model, "b3");
	struct judgement judgement;
	struct model_bucket bucket;
	struct draft draft;
	unsigned status;

	if (is < 0)
		return;
	bucket = game.model.buckets[is];
	in.name = draft_text("b3");
	in.config = &config;
	if (draw(3)) {
		config.has_history = true;
		config.history = bucket.history = 1 + draw(5);
	} else {
		config.has_window_bytes = true;
		config.window_bytes = bucket.window_bytes =
			bucket.window_bytes - draw(100);
	}
	game_begin(&draft);
	status = judge_bucket_change(&draft, &in, &judgement);
	game_expect(0, status, &judgement);
	if (game_end(&draft, status))
		model_change(&game.model, is, game.state->revision,
			     bucket.history, bucket.window_bytes);
}

void game_drop(void)
{
	Helio__Store__V1__DropBucketRequest in =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;
	unsigned name = draw(N_NAMES);
	int is = model_find(&game.model, game_names[name]);
	struct judgement judgement;
	struct draft draft;
	unsigned status;

	if (draw(4))
		return;
	in.name = draft_text(game_names[name]);
	game_begin(&draft);
	status = judge_bucket_drop(&draft, &in, &judgement);
	game_expect(is < 0 ? 1u << STATUS_NOT_FOUND : 0, status, &judgement);
	if (game_end(&draft, status))
		game.model.buckets[is].dropped = game.state->revision;
}

/* ---- time ---- */

static void model_expiry(const Helio__Store__V1__Version *change,
			 uint64_t unix_ms)
{
	int bucket = model_find(&game.model, change->bucket);
	const char *key = change->entry->key;
	struct model_version version = {
		.bucket = (size_t)bucket,
		.revision = game.state->revision + 1,
		.unix_ms = unix_ms,
		.is_deleted = true,
		.is_expired = true,
	};
	const struct model_version *is;

	assert_true(bucket >= 0);
	is = model_at(&game.model, bucket, key, MODEL_FOR_EVER);
	assert_true(is && !is->is_deleted && is->expires);
	assert_true(is->expires <= game.now);
	snprintf(version.key, sizeof(version.key), "%s", key);
	model_write(&game.model, &version);
}

void game_time(void)
{
	const struct caller nobody = { .principal = NULL };
	struct draft draft;
	int r = 1;

	game.now += draw(30);
	assert_int_equal(state_due(game.state), model_due(&game.model));
	while (r) {
		draft_init(&draft, game.state, game.now, &nobody);
		r = state_draft_due(game.state, game.now, 1 + draw(6), &draft);
		assert_true(r == 0 || r == 1);
		for (size_t i = 0; i < draft.step.n_changes; i++)
			model_expiry(draft.step.changes[i]->version,
				     draft.step.unix_ms);
		game_end(&draft, STATUS_OK);
	}
	assert_true(model_due(&game.model) > game.now);
	assert_int_equal(state_due(game.state), model_due(&game.model));
}
