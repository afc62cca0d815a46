/* SPDX-License-Identifier: MIT */

/* Buckets that are created, changed and dropped. */

#include <inttypes.h>

#include "proto/status.h"
#include "storage/state/bucket.h"
#include "storage/state/judge_write.h"
#include "storage/state/state.h"

typedef Helio__Store__V1__BucketConfig config_type;

static unsigned is_out_of_range(struct judgement *out, const char *what,
				uint64_t value, uint64_t min, uint64_t max)
{
	return judge_no(out, STATUS_INVALID_ARGUMENT,
			"%s: %" PRIu64 " is not from %" PRIu64 " to %" PRIu64,
			what, value, min, max);
}

static unsigned judge_config(const config_type *c, struct judgement *out)
{
	const struct {
		const char *name;
		bool is_there;
		uint64_t value, min, max;
	} ranges[] = {
		{ "history", c->has_history, c->history, 1,
		  BUCKET_HISTORY_MAX },
		{ "bytes_max", c->has_bytes_max, c->bytes_max, 1, INT64_MAX },
		{ "keys_max", c->has_keys_max, c->keys_max, 1, INT64_MAX },
		{ "value_max", c->has_value_max, c->value_max, 1,
		  BUCKET_VALUE_MAX_BYTES },
		{ "window_bytes", c->has_window_bytes, c->window_bytes, 0,
		  BUCKET_WINDOW_MAX_BYTES },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (ranges[i].is_there && (ranges[i].value < ranges[i].min ||
					   ranges[i].value > ranges[i].max))
			return is_out_of_range(out, ranges[i].name,
					       ranges[i].value, ranges[i].min,
					       ranges[i].max);
	return STATUS_OK;
}

static unsigned draft_set(struct draft *draft, const char *name,
			  const config_type *config, struct judgement *out)
{
	Helio__Store__V1__Change *change = draft_add(draft);
	Helio__Store__V1__Bucket *bucket =
		arena_alloc(&draft->arena, sizeof(*bucket));

	if (!change || !bucket)
		return judge_no_memory(out);
	*bucket = (Helio__Store__V1__Bucket)HELIO__STORE__V1__BUCKET__INIT;
	bucket->name = draft_text(name);
	bucket->config = draft_copy(draft, config, sizeof(*config));
	if (!bucket->config)
		return judge_no_memory(out);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_BUCKET;
	change->bucket = bucket;
	return STATUS_OK;
}

unsigned judge_bucket_create(struct draft *draft,
			     const Helio__Store__V1__CreateBucketRequest *in,
			     struct judgement *out)
{
	static const config_type none = HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	const config_type *config = in->config ? in->config : &none;
	struct bucket_limits limits = bucket_limits_of(config);
	const struct bucket *bucket;
	unsigned status;

	out->was_there = false;
	status = judge_name(in->name, out);
	if (status == STATUS_OK)
		status = judge_config(config, out);
	if (status != STATUS_OK)
		return status;
	bucket = bucket_lookup(draft->state, in->name);
	if (bucket && bucket_limits_equal(&bucket->limits, &limits)) {
		out->was_there = true;
		return STATUS_OK;
	}
	if (bucket)
		return judge_no(out, STATUS_ALREADY_EXISTS,
				"bucket %s is there with another configuration",
				in->name);
	if (draft->state->buckets.n_nodes >= STATE_BUCKETS_MAX)
		return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
				"the store has %d buckets, which is the most",
				STATE_BUCKETS_MAX);
	status = judge_things(draft, out);
	if (status != STATUS_OK)
		return status;
	return draft_set(draft, in->name, config, out);
}

/* What is said anew takes the place of what was. */
static void merge(config_type *config, const config_type *with)
{
#define MERGE(field)                                 \
	do {                                         \
		if (with->has_##field) {             \
			config->has_##field = true;  \
			config->field = with->field; \
		}                                    \
	} while (0)
	MERGE(history);
	MERGE(ttl_ms);
	MERGE(bytes_max);
	MERGE(keys_max);
	MERGE(value_max);
	MERGE(window_bytes);
#undef MERGE
}

unsigned judge_bucket_change(struct draft *draft,
			     const Helio__Store__V1__ChangeBucketRequest *in,
			     struct judgement *out)
{
	const struct bucket *bucket;
	struct bucket_limits limits;
	config_type config;
	unsigned status;

	status = judge_find_bucket(draft, in->name, &bucket, out);
	if (status == STATUS_OK && in->config)
		status = judge_config(in->config, out);
	if (status != STATUS_OK || !in->config)
		return status;
	config = *bucket->config;
	merge(&config, in->config);
	limits = bucket_limits_of(&config);
	if (bucket_limits_equal(&bucket->limits, &limits))
		return STATUS_OK;
	return draft_set(draft, bucket->name, &config, out);
}

unsigned judge_bucket_drop(struct draft *draft,
			   const Helio__Store__V1__DropBucketRequest *in,
			   struct judgement *out)
{
	Helio__Store__V1__Change *change;
	const struct bucket *bucket;
	unsigned status;

	status = judge_find_bucket(draft, in->name, &bucket, out);
	if (status != STATUS_OK)
		return status;
	change = draft_add(draft);
	if (!change)
		return judge_no_memory(out);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_BUCKET_DROPPED;
	change->bucket_dropped = draft_text(bucket->name);
	return STATUS_OK;
}
