/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/bucket_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/bucket.h"

void model_deinit(struct model *model)
{
	free(model->buckets);
	free(model->versions);
	free(model->changes);
	*model = (struct model){ 0 };
}

static void *grow(void *at, size_t n, size_t *n_max, size_t n_member)
{
	if (n == *n_max) {
		*n_max = n ? 2 * n : 64;
		at = reallocarray(at, *n_max, n_member);
		assert_non_null(at);
	}
	return at;
}

int model_find(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n_buckets; i++)
		if (model->buckets[i].dropped == MODEL_FOR_EVER &&
		    !strcmp(model->buckets[i].name, name))
			return (int)i;
	return -1;
}

struct model_bucket *model_create(struct model *model, const char *name,
				  uint64_t revision)
{
	struct model_bucket *bucket;

	model->buckets = grow(model->buckets, model->n_buckets,
			      &model->n_buckets_max, sizeof(*bucket));
	bucket = &model->buckets[model->n_buckets++];
	*bucket = (struct model_bucket){ .created = revision,
					 .dropped = MODEL_FOR_EVER,
					 .window_bytes = 8 << 20,
					 .history = 1,
					 .bytes_max = 64 << 20,
					 .keys_max = 1000000 };
	snprintf(bucket->name, sizeof(bucket->name), "%s", name);
	return bucket;
}

void model_change(struct model *model, int bucket, uint64_t revision,
		  unsigned history, uint64_t window_bytes)
{
	struct model_bucket *changed = &model->buckets[bucket];

	model->changes = grow(model->changes, model->n_changes,
			      &model->n_changes_max, sizeof(*model->changes));
	model->changes[model->n_changes++] =
		(struct model_change){ .bucket = (size_t)bucket,
				       .revision = revision,
				       .before = *changed };
	changed->history = history;
	changed->window_bytes = window_bytes;
	changed->was_changed = true;
}

static void unchange(struct model *model)
{
	const struct model_change *change = &model->changes[--model->n_changes];
	struct model_bucket *bucket = &model->buckets[change->bucket];

	bucket->history = change->before.history;
	bucket->window_bytes = change->before.window_bytes;
	bucket->was_changed = change->before.was_changed;
}

void model_write(struct model *model, const struct model_version *version)
{
	const struct model_version *before = model_at(
		model, (int)version->bucket, version->key, MODEL_FOR_EVER);
	struct model_version *added;
	uint64_t created = version->revision;

	if (before && !before->is_deleted)
		created = before->created;
	model->versions = grow(model->versions, model->n_versions,
			       &model->n_versions_max, sizeof(*added));
	added = &model->versions[model->n_versions++];
	*added = *version;
	added->created = created;
}

void model_truncate(struct model *model, uint64_t revision)
{
	while (model->n_versions &&
	       model->versions[model->n_versions - 1].revision > revision)
		model->n_versions--;
	while (model->n_changes &&
	       model->changes[model->n_changes - 1].revision > revision)
		unchange(model);
	while (model->n_buckets &&
	       model->buckets[model->n_buckets - 1].created > revision)
		model->n_buckets--;
	for (size_t i = 0; i < model->n_buckets; i++)
		if (model->buckets[i].dropped > revision)
			model->buckets[i].dropped = MODEL_FOR_EVER;
}

const struct model_version *model_at(const struct model *model, int bucket,
				     const char *key, uint64_t revision)
{
	for (size_t i = model->n_versions; i > 0; i--) {
		const struct model_version *version = &model->versions[i - 1];

		if (version->bucket == (size_t)bucket &&
		    version->revision <= revision && !strcmp(version->key, key))
			return version;
	}
	return NULL;
}

uint64_t model_revision(const struct model *model, int bucket, const char *key)
{
	const struct model_version *version =
		model_at(model, bucket, key, MODEL_FOR_EVER);

	return version && !version->is_deleted ? version->revision : 0;
}

uint64_t model_version_bytes(const struct model_version *version)
{
	return 224 + strlen(version->key) + version->n_value;
}

/* Whether it is what its key is now, and the key is there. */
static bool is_present(const struct model *model,
		       const struct model_version *version, int bucket)
{
	return version->bucket == (size_t)bucket && !version->is_deleted &&
	       model_at(model, bucket, version->key, MODEL_FOR_EVER) == version;
}

uint64_t model_n_present(const struct model *model, int bucket)
{
	uint64_t n = 0;

	for (size_t i = 0; i < model->n_versions; i++)
		n += is_present(model, &model->versions[i], bucket);
	return n;
}

uint64_t model_bytes(const struct model *model, int bucket)
{
	uint64_t n = 0;

	for (size_t i = 0; i < model->n_versions; i++)
		if (is_present(model, &model->versions[i], bucket))
			n += model_version_bytes(&model->versions[i]);
	return n;
}

uint64_t model_first(const struct model *model, int bucket)
{
	uint64_t n_left = model->buckets[bucket].window_bytes;
	uint64_t newest = 0;

	for (size_t i = model->n_versions; i > 0; i--) {
		const struct model_version *version = &model->versions[i - 1];
		uint64_t n = model_version_bytes(version);

		if (version->bucket != (size_t)bucket ||
		    version->revision > model->committed)
			continue;
		if (!newest)
			newest = version->revision;
		if (n > n_left && version->revision != newest)
			return version->revision;
		n_left = n < n_left ? n_left - n : 0;
	}
	return model->buckets[bucket].created;
}

uint64_t model_due(const struct model *model)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < model->n_versions; i++) {
		const struct model_version *version = &model->versions[i];
		const struct model_bucket *bucket =
			&model->buckets[version->bucket];

		if (bucket->dropped == MODEL_FOR_EVER && version->expires &&
		    version->expires < due &&
		    is_present(model, version, (int)version->bucket))
			due = version->expires;
	}
	return due;
}

void model_value(uint64_t value, size_t n, char *bytes)
{
	char text[24];
	size_t n_text = (size_t)snprintf(text, sizeof(text), "%" PRIu64, value);

	memset(bytes, '.', n);
	memcpy(bytes, text, n < n_text ? n : n_text);
}
