/* SPDX-License-Identifier: MIT */

/* The state as text, for tests. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "storage/state/bucket.h"
#include "storage/state/party.h"
#include "storage/state/queue.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

enum { DUMP_BYTES_MAX = 1 << 30 };

static void dump_bytes(struct buffer *out, const void *bytes, size_t n)
{
	buffer_format(out, " %zu:%08" PRIx32, n, crc32c(0, bytes, n));
}

/* ---- accounts ---- */

static int compare_accounts(const void *a, const void *b)
{
	const struct account *const *x = a;
	const struct account *const *y = b;

	return strcmp((*x)->durable_id, (*y)->durable_id);
}

static void dump_accounts(const struct state *state, struct buffer *out)
{
	size_t n = 0;
	_cleanup_(freep) const struct account **sorted =
		calloc(state->accounts.n_nodes + 1, sizeof(*sorted));
	struct map_node *node = NULL;

	if (!sorted) {
		out->error = -ENOMEM;
		return;
	}
	while ((node = map_walk(&state->accounts, node)))
		sorted[n++] = container_of(node, struct account, node);
	qsort(sorted, n, sizeof(*sorted), compare_accounts);
	for (size_t i = 0; i < n; i++)
		buffer_format(out,
			      "account %s bytes %" PRIu64 " jobs %" PRIu64
			      " things %u\n",
			      sorted[i]->durable_id, sorted[i]->n_bytes,
			      sorted[i]->n_jobs, sorted[i]->n_things);
}

/* ---- buckets ---- */

static void dump_version(const struct version *version, struct buffer *out)
{
	buffer_format(out, "  %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
		      version->revision, version->unix_ms,
		      version->created_revision, version->expires_unix_ms);
	if (version->writer)
		buffer_format(out, " %s/%s", version->writer->principal,
			      version->writer->account->durable_id);
	if (version->value)
		dump_bytes(out, version->value->bytes, version->value->n_bytes);
	else
		buffer_text(out, " deleted");
	buffer_text(out, "\n");
}

/* Not what is only there because nobody has removed it yet. */
static void dump_committed_key(const struct key *key, struct buffer *out)
{
	const struct version *version = key->on_disk;
	const struct bucket *bucket = key->bucket;
	unsigned n = 0;

	if (version)
		buffer_format(out, " key %s\n", key->text);
	for (; version; version = version->older) {
		if (n++ >= bucket->limits_on_disk.history &&
		    version->newer->revision <= bucket->first_revision)
			break;
		dump_version(version, out);
	}
}

static void dump_key(const struct key *key, struct buffer *out)
{
	const struct version *version = key->newest;

	buffer_format(out, " key %s kept %u %u on disk %u%s\n", key->text,
		      key->n_kept, key->n_kept_bytes, key->n_on_disk,
		      key->is_cut ? " cut" : "");
	for (; version; version = version->older)
		dump_version(version, out);
}

static void dump_limits(const struct bucket_limits *limits, struct buffer *out)
{
	buffer_format(
		out,
		" history %u ttl %" PRIu64 " bytes %" PRIu64 " keys %" PRIu64
		" value %" PRIu64 " window %" PRIu64 "\n",
		limits->history, limits->ttl_ms, limits->bytes_max,
		limits->keys_max, limits->value_max, limits->window_bytes);
}

static void dump_changes(const struct bucket *bucket, struct buffer *out)
{
	const struct list *link = NULL;

	buffer_text(out, " changes");
	list_for_each (link, &bucket->changes) {
		const struct version *version =
			const_container_of(link, struct version, link);

		buffer_format(out, " %" PRIu64 ":%s", version->revision,
			      version->key->text);
	}
	buffer_text(out, "\n");
}

static void dump_bucket(const struct bucket *bucket, bool is_committed_only,
			struct buffer *out)
{
	struct order_node *node = order_first(&bucket->keys);

	buffer_format(out,
		      "bucket %s of %s created %" PRIu64 " revision %" PRIu64
		      " first %" PRIu64 "\n",
		      bucket->name,
		      bucket->owner ? bucket->owner->principal : "nobody",
		      bucket->created_revision, bucket->revision_on_disk,
		      bucket->first_revision);
	dump_limits(&bucket->limits_on_disk, out);
	dump_changes(bucket, out);
	if (!is_committed_only) {
		dump_limits(&bucket->limits, out);
		buffer_format(out,
			      " head %" PRIu64 " present %" PRIu64
			      " bytes %" PRIu64 " kept %" PRIu64
			      " window %" PRIu64 " expiry %" PRIu64 "\n",
			      bucket->revision, bucket->n_present,
			      bucket->n_bytes, bucket->n_kept_bytes,
			      bucket->n_window_bytes, bucket->first_expiry);
	}
	for (; node; node = order_next(node)) {
		const struct key *key =
			const_container_of(node, struct key, node);

		if (is_committed_only)
			dump_committed_key(key, out);
		else
			dump_key(key, out);
	}
}

static void dump_buckets(const struct state *state, bool is_committed_only,
			 struct buffer *out)
{
	struct order_node *node = order_first(&state->buckets);

	for (; node; node = order_next(node)) {
		const struct bucket *bucket =
			const_container_of(node, struct bucket, node);

		if (!is_committed_only ||
		    bucket->created_revision <= state->committed)
			dump_bucket(bucket, is_committed_only, out);
	}
}

/* ---- the rest ---- */

static void dump_outgoing(const struct state *state, bool is_committed_only,
			  struct buffer *out)
{
	const struct list *link = NULL;

	list_for_each (link, &state->outgoing) {
		const struct outgoing *outgoing =
			const_container_of(link, struct outgoing, link);
		const Helio__Store__V1__Message *message = outgoing->message;

		if (is_committed_only && outgoing->revision > state->committed)
			continue;
		buffer_format(out, "outgoing %" PRIu64 " %s %s of %s",
			      outgoing->number, outgoing->key, message->subject,
			      outgoing->party ? outgoing->party->principal
					      : "nobody");
		dump_bytes(out, message->body.data, message->body.len);
		buffer_text(out, outgoing->is_sent && !is_committed_only
					 ? " sent\n"
					 : "\n");
	}
}

char *state_dump(const struct state *state, bool is_committed_only)
{
	struct buffer out;

	buffer_init(&out, DUMP_BYTES_MAX);
	buffer_format(&out, "committed %" PRIu64 "\n", state->committed);
	if (!is_committed_only) {
		buffer_format(&out,
			      "revision %" PRIu64 " at %" PRIu64 " job %" PRIu64
			      " outgoing %" PRIu64 " bytes %" PRIu64 "\n",
			      state->revision, state->unix_ms, state->next_job,
			      state->next_outgoing, state->n_bytes);
		dump_accounts(state, &out);
	}
	dump_buckets(state, is_committed_only, &out);
	dump_outgoing(state, is_committed_only, &out);
	if (!is_committed_only)
		queue_dump(state, &out);
	if (buffer_error(&out))
		buffer_deinit(&out);
	return out.bytes;
}
