/* SPDX-License-Identifier: MIT */

#include "storage/state/judge_write.h"

#include <inttypes.h>
#include <string.h>

#include "proto/status.h"
#include "storage/state/bucket.h"
#include "storage/state/party.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

/* ---- finding ---- */

unsigned judge_name(const char *name, struct judgement *out)
{
	if (name && state_is_name(name))
		return STATUS_OK;
	return judge_no(out, STATUS_INVALID_ARGUMENT,
			"a name has 1 to %d letters, digits, '-' and '_', and "
			"dots between",
			STATE_NAME_MAX_BYTES);
}

unsigned judge_find_bucket(const struct draft *draft, const char *name,
			   const struct bucket **ret_bucket,
			   struct judgement *out)
{
	const struct bucket *bucket =
		name ? bucket_lookup(draft->state, name) : NULL;
	unsigned status;

	if (bucket) {
		*ret_bucket = bucket;
		return STATUS_OK;
	}
	status = judge_name(name, out);
	if (status != STATUS_OK)
		return status;
	return judge_no(out, STATUS_NOT_FOUND, "there is no bucket %s", name);
}

unsigned judge_find_key(const struct draft *draft, const char *bucket,
			const char *key, const struct bucket **ret_bucket,
			const struct key **ret_key, struct judgement *out)
{
	unsigned status;

	status = judge_find_bucket(draft, bucket, ret_bucket, out);
	if (status != STATUS_OK)
		return status;
	*ret_key = key ? bucket_key(*ret_bucket, key) : NULL;
	if (*ret_key || (key && bucket_is_key(key)))
		return STATUS_OK;
	return judge_no(out, STATUS_INVALID_ARGUMENT,
			"a key has 1 to %d bytes of UTF-8 without control "
			"characters",
			BUCKET_KEY_MAX_BYTES);
}

uint64_t judge_revision_of(const struct key *key)
{
	return key && key->newest->value ? key->newest->revision : 0;
}

unsigned judge_revision(const struct bucket *bucket, const char *text,
			const struct key *key, uint64_t revision,
			struct judgement *out)
{
	uint64_t is = judge_revision_of(key);

	if (is == revision)
		return STATUS_OK;
	if (!is)
		return judge_no(out, STATUS_ABORTED,
				"bucket %s: revision %" PRIu64
				" was expected, and there is no key %s",
				bucket->name, revision, text);
	if (!revision)
		return judge_no(out, STATUS_ABORTED,
				"bucket %s: revision %" PRIu64
				" is there, and none was expected, of key %s",
				bucket->name, is, text);
	return judge_no(out, STATUS_ABORTED,
			"bucket %s: revision %" PRIu64 " is there, and %" PRIu64
			" was expected, of key %s",
			bucket->name, is, revision, text);
}

/* ---- quotas ---- */

uint64_t judge_write_bytes(const struct judged_write *write)
{
	return BUCKET_VERSION_BYTES + strlen(write->text) +
	       (write->value ? write->value->len : 0);
}

void judge_grow(const struct judged_write *write, struct judged_growth *growth)
{
	const struct key *key = write->key;
	bool is_there = key && key->newest->value;

	growth->bucket = write->bucket;
	if (!write->value) {
		growth->n_keys -= is_there;
		growth->n_bytes -= is_there ? key->n_kept_bytes : 0;
		return;
	}
	growth->n_keys += !is_there;
	growth->n_bytes += (int64_t)judge_write_bytes(write);
	if (key && !is_there)
		growth->n_bytes += key->n_kept_bytes;
	if (key && key->n_kept >= write->bucket->limits.history)
		growth->n_bytes -= (int64_t)key->kept_oldest->n_bytes;
}

unsigned judge_value(const struct judged_write *write, struct judgement *out)
{
	const struct bucket *bucket = write->bucket;

	if (!write->value || write->value->len <= bucket->limits.value_max)
		return STATUS_OK;
	return judge_no(out, STATUS_INVALID_ARGUMENT,
			"bucket %s: a value has %zu bytes, and %" PRIu64
			" are the most, of key %s",
			bucket->name, write->value->len,
			bucket->limits.value_max, write->text);
}

static unsigned is_full(const struct bucket *bucket, const char *what,
			uint64_t used, uint64_t max, int64_t wanted,
			struct judgement *out)
{
	return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
			"quota of %s in bucket %s, of %s: it has %" PRIu64
			" of %" PRIu64 ", and %" PRId64 " more are wanted",
			what, bucket->name,
			bucket->owner ? bucket->owner->account->durable_id
				      : "the store",
			used, max, wanted);
}

unsigned judge_growth(const struct judged_growth *growth, struct judgement *out)
{
	const struct bucket *bucket = growth->bucket;
	const struct bucket_limits *limits = &bucket->limits;

	if (growth->n_keys > 0 &&
	    bucket->n_present + (uint64_t)growth->n_keys > limits->keys_max)
		return is_full(bucket, "keys", bucket->n_present,
			       limits->keys_max, growth->n_keys, out);
	if (growth->n_bytes > 0 &&
	    bucket->n_kept_bytes + (uint64_t)growth->n_bytes >
		    limits->bytes_max)
		return is_full(bucket, "bytes", bucket->n_kept_bytes,
			       limits->bytes_max, growth->n_bytes, out);
	return STATUS_OK;
}

/* ---- drafting ---- */

static uint64_t expiry_of(const struct draft *draft,
			  const struct judged_write *write)
{
	uint64_t ttl_ms =
		write->has_ttl ? write->ttl_ms : write->bucket->limits.ttl_ms;
	uint64_t now = draft->step.unix_ms;

	if (!ttl_ms)
		return 0;
	return ttl_ms < UINT64_MAX - now ? now + ttl_ms : UINT64_MAX - 1;
}

unsigned judge_draft_write(struct draft *draft,
			   const struct judged_write *write,
			   struct judgement *out)
{
	bool is_there = judge_revision_of(write->key) != 0;
	Helio__Store__V1__Entry *entry;

	if (!write->value && !is_there)
		return STATUS_OK;
	entry = draft_add_version(draft, write->bucket->name, write->text);
	if (!entry)
		return judge_no_memory(out);
	if (is_there) {
		entry->has_created_revision = true;
		entry->created_revision = write->key->newest->created_revision;
	}
	if (!write->value) {
		entry->has_is_deleted = entry->is_deleted = true;
		return STATUS_OK;
	}
	entry->has_value = true;
	entry->value = *write->value;
	entry->expires_unix_ms = expiry_of(draft, write);
	entry->has_expires_unix_ms = entry->expires_unix_ms != 0;
	return STATUS_OK;
}

/* ---- one key ---- */

unsigned judge_put(struct draft *draft, const Helio__Store__V1__PutRequest *in,
		   struct judgement *out)
{
	struct judged_write write = { .text = in->key,
				      .value = &in->value,
				      .has_ttl = in->has_ttl_ms,
				      .ttl_ms = in->ttl_ms };
	struct judged_growth growth = { .n_keys = 0 };
	unsigned status;

	status = judge_find_key(draft, in->bucket, in->key, &write.bucket,
				&write.key, out);
	if (status == STATUS_OK && in->has_if_revision)
		status = judge_revision(write.bucket, in->key, write.key,
					in->if_revision, out);
	if (status == STATUS_OK)
		status = judge_value(&write, out);
	if (status != STATUS_OK)
		return status;
	judge_grow(&write, &growth);
	status = judge_growth(&growth, out);
	if (status == STATUS_OK)
		status = judge_quota(draft, judge_write_bytes(&write), "a put",
				     out);
	if (status != STATUS_OK)
		return status;
	return judge_draft_write(draft, &write, out);
}

unsigned judge_delete(struct draft *draft,
		      const Helio__Store__V1__DeleteRequest *in,
		      struct judgement *out)
{
	struct judged_write write = { .text = in->key };
	unsigned status;

	status = judge_find_key(draft, in->bucket, in->key, &write.bucket,
				&write.key, out);
	if (status == STATUS_OK && in->has_if_revision)
		status = judge_revision(write.bucket, in->key, write.key,
					in->if_revision, out);
	if (status != STATUS_OK)
		return status;
	return judge_draft_write(draft, &write, out);
}
