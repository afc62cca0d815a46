/* SPDX-License-Identifier: MIT */

/* Several keys, messages and jobs: all of it or nothing. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/status.h"
#include "proto/subject.h"
#include "storage/state/bucket.h"
#include "storage/state/judge_inside.h"
#include "storage/state/judge_write.h"
#include "storage/state/party.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

typedef Helio__Store__V1__Transaction transaction_type;

/* ---- how much it is ---- */

static size_t length_of(const char *text)
{
	return text ? strlen(text) : 0;
}

static size_t bytes_of(const transaction_type *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_conditions; i++)
		n += length_of(in->conditions[i]->key) +
		     in->conditions[i]->value.len;
	for (size_t i = 0; i < in->n_writes; i++)
		n += length_of(in->writes[i]->key) + in->writes[i]->value.len;
	for (size_t i = 0; i < in->n_messages; i++)
		n += length_of(in->messages[i]->subject) +
		     length_of(in->messages[i]->content_type) +
		     in->messages[i]->body.len;
	for (size_t i = 0; i < in->n_submits; i++)
		n += length_of(in->submits[i]->key) +
		     length_of(in->submits[i]->order_key) +
		     length_of(in->submits[i]->content_type) +
		     in->submits[i]->body.len;
	return n;
}

static unsigned judge_size(const transaction_type *in, struct judgement *out)
{
	const size_t max = JUDGE_PARTS_MAX;

	if (in->n_conditions > max || in->n_writes > max ||
	    in->n_messages > max || in->n_submits > max)
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"a transaction has at most %zu conditions, "
				"writes, messages and submits",
				max);
	if (bytes_of(in) > JUDGE_TRANSACTION_BYTES_MAX)
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"a transaction has at most %d bytes of keys, "
				"values, messages and jobs",
				JUDGE_TRANSACTION_BYTES_MAX);
	return STATUS_OK;
}

/* ---- conditions ---- */

static unsigned judge_is_there(const Helio__Store__V1__Condition *in,
			       const struct bucket *bucket,
			       const struct key *key, bool wanted,
			       struct judgement *out)
{
	uint64_t revision = judge_revision_of(key);

	if ((revision != 0) == wanted)
		return STATUS_OK;
	if (wanted)
		return judge_no(out, STATUS_ABORTED,
				"bucket %s: there is no key %s", bucket->name,
				in->key);
	return judge_revision(bucket, in->key, key, 0, out);
}

static unsigned judge_has_value(const Helio__Store__V1__Condition *in,
				const struct bucket *bucket,
				const struct key *key, struct judgement *out)
{
	const struct value *value;
	unsigned status;

	status = judge_is_there(in, bucket, key, true, out);
	if (status != STATUS_OK)
		return status;
	value = key->newest->value;
	if (value->n_bytes == in->value.len &&
	    (!value->n_bytes ||
	     !memcmp(value->bytes, in->value.data, value->n_bytes)))
		return STATUS_OK;
	return judge_no(
		out, STATUS_ABORTED,
		"bucket %s: another value is there, of revision %" PRIu64
		", of key %s",
		bucket->name, key->newest->revision, in->key);
}

static unsigned judge_condition(const struct draft *draft,
				const Helio__Store__V1__Condition *in,
				struct judgement *out)
{
	const struct bucket *bucket;
	const struct key *key;
	unsigned status;

	status = judge_find_key(draft, in->bucket, in->key, &bucket, &key, out);
	if (status != STATUS_OK)
		return status;
	if (!in->has_revision && !in->has_exists && !in->has_value)
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"bucket %s: a condition says nothing of key %s",
				bucket->name, in->key);
	if (in->has_revision)
		status =
			judge_revision(bucket, in->key, key, in->revision, out);
	if (status == STATUS_OK && in->has_exists)
		status = judge_is_there(in, bucket, key, in->exists, out);
	if (status == STATUS_OK && in->has_value)
		status = judge_has_value(in, bucket, key, out);
	return status;
}

/* ---- writes ---- */

static int compare_writes(const void *a, const void *b)
{
	const struct judged_write *x = *(const struct judged_write *const *)a;
	const struct judged_write *y = *(const struct judged_write *const *)b;

	if (x->bucket != y->bucket)
		return strcmp(x->bucket->name, y->bucket->name);
	return strcmp(x->text, y->text);
}

static unsigned find_write(const struct draft *draft,
			   const Helio__Store__V1__Write *in,
			   struct judged_write *write, struct judgement *out)
{
	unsigned status;

	*write = (struct judged_write){
		.text = in->key,
		.value = in->has_value ? &in->value : NULL,
		.has_ttl = in->has_ttl_ms,
		.ttl_ms = in->ttl_ms,
	};
	status = judge_find_key(draft, in->bucket, in->key, &write->bucket,
				&write->key, out);
	return status == STATUS_OK ? judge_value(write, out) : status;
}

/* In the order of their buckets and keys. */
static unsigned judge_sorted(struct judged_write *const *writes, size_t n,
			     struct judgement *out)
{
	struct judged_growth growth = { .bucket = NULL };

	for (size_t i = 0; i < n; i++) {
		const struct judged_write *write = writes[i];
		bool is_last =
			i + 1 == n || writes[i + 1]->bucket != write->bucket;
		unsigned status = STATUS_OK;

		if (!is_last && !strcmp(write->text, writes[i + 1]->text))
			return judge_no(
				out, STATUS_INVALID_ARGUMENT,
				"bucket %s: there are two writes of key %s",
				write->bucket->name, write->text);
		judge_grow(write, &growth);
		if (is_last)
			status = judge_growth(&growth, out);
		if (status != STATUS_OK)
			return status;
		if (is_last)
			growth = (struct judged_growth){ .bucket = NULL };
	}
	return STATUS_OK;
}

static unsigned judge_writes(struct draft *draft, const transaction_type *in,
			     uint64_t *n_bytes, struct judgement *out)
{
	struct judged_write writes[JUDGE_PARTS_MAX];
	struct judged_write *sorted[JUDGE_PARTS_MAX];
	unsigned status = STATUS_OK;
	size_t n = in->n_writes;

	for (size_t i = 0; status == STATUS_OK && i < n; i++) {
		status = find_write(draft, in->writes[i], &writes[i], out);
		sorted[i] = &writes[i];
		if (status == STATUS_OK && writes[i].value)
			*n_bytes += judge_write_bytes(&writes[i]);
	}
	if (status != STATUS_OK || !n)
		return status;
	qsort(sorted, n, sizeof(sorted[0]), compare_writes);
	status = judge_sorted(sorted, n, out);
	for (size_t i = 0; status == STATUS_OK && i < n; i++)
		status = judge_draft_write(draft, &writes[i], out);
	return status;
}

/* ---- messages ---- */

static unsigned draft_message(struct draft *draft,
			      const Helio__Store__V1__Message *in,
			      struct judgement *out)
{
	uint64_t number = draft->next_outgoing;
	Helio__Store__V1__Change *change = draft_add(draft);
	Helio__Store__V1__Outgoing *outgoing =
		arena_alloc(&draft->arena, sizeof(*outgoing));
	char key[sizeof(((struct outgoing *)0)->key)];

	if (!change || !outgoing)
		return judge_no_memory(out);
	*outgoing =
		(Helio__Store__V1__Outgoing)HELIO__STORE__V1__OUTGOING__INIT;
	snprintf(key, sizeof(key), "store:%s:%" PRIu64, draft->state->id,
		 number);
	outgoing->has_number = true;
	outgoing->number = number;
	outgoing->message = draft_copy(draft, in, sizeof(*in));
	outgoing->key = draft_copy(draft, key, strlen(key) + 1);
	outgoing->principal = draft->step.principal;
	outgoing->durable_id = draft->step.durable_id;
	if (!outgoing->message || !outgoing->key)
		return judge_no_memory(out);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_OUTGOING;
	change->outgoing = outgoing;
	draft->next_outgoing++;
	return STATUS_OK;
}

static unsigned judge_message(const Helio__Store__V1__Message *in,
			      struct judgement *out)
{
	const char *subject = in->subject ? in->subject : "";

	/* What the switch does not take would be in the way for ever. */
	if (subject_is_valid(subject, strlen(subject)) && *subject != '$')
		return judge_text(in->content_type, CONTENT_TYPE_MAX_BYTES,
				  "content_type", out);
	return judge_no(out, STATUS_INVALID_ARGUMENT,
			"not a subject to which messages can be sent: %s",
			subject);
}

/* What one cannot send leaves room for what others do. */
static unsigned judge_outbox(const struct draft *draft, size_t n,
			     struct judgement *out)
{
	const struct state *state = draft->state;
	const char *id = draft->step.durable_id;
	const struct account *account =
		n && id ? account_lookup(state, id) : NULL;

	if (account && account->n_outgoing + n > STATE_PARTY_OUTGOING_MAX)
		return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
				"messages that have not left yet: %s has %zu "
				"of %d",
				id, account->n_outgoing,
				STATE_PARTY_OUTGOING_MAX);
	if (state->n_outgoing + n > STATE_OUTGOING_MAX)
		return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
				"messages that have not left yet: there are "
				"%zu of %d",
				state->n_outgoing, STATE_OUTGOING_MAX);
	return STATUS_OK;
}

static unsigned judge_messages(struct draft *draft, const transaction_type *in,
			       uint64_t *n_bytes, struct judgement *out)
{
	unsigned status = judge_outbox(draft, in->n_messages, out);

	for (size_t i = 0; status == STATUS_OK && i < in->n_messages; i++) {
		status = judge_message(in->messages[i], out);
		if (status == STATUS_OK)
			status = draft_message(draft, in->messages[i], out);
		*n_bytes += outgoing_bytes(in->messages[i]);
	}
	return status;
}

/* ---- jobs ---- */

static bool is_same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static unsigned judge_submits(struct draft *draft, const transaction_type *in,
			      struct judgement *out)
{
	for (size_t i = 0; i < in->n_submits; i++) {
		const Helio__Store__V1__SubmitRequest *submit = in->submits[i];
		unsigned status;

		for (size_t j = 0; submit->key && j < i; j++)
			if (is_same(submit->key, in->submits[j]->key) &&
			    is_same(submit->queue, in->submits[j]->queue))
				return judge_no(out, STATUS_INVALID_ARGUMENT,
						"a transaction that submits "
						"two jobs with one key");
		status = judge_submit(draft, submit, out);
		if (status != STATUS_OK)
			return status;
		out->jobs[i] = out->number;
	}
	out->n_jobs = in->n_submits;
	return STATUS_OK;
}

unsigned judge_transaction(struct draft *draft,
			   const Helio__Store__V1__Transaction *in,
			   struct judgement *out)
{
	uint64_t n_bytes = 0;
	unsigned status;

	out->n_jobs = 0;
	if (!in)
		return STATUS_OK;
	status = judge_size(in, out);
	for (size_t i = 0; status == STATUS_OK && i < in->n_conditions; i++)
		status = judge_condition(draft, in->conditions[i], out);
	if (status == STATUS_OK)
		status = judge_writes(draft, in, &n_bytes, out);
	if (status == STATUS_OK)
		status = judge_messages(draft, in, &n_bytes, out);
	if (status == STATUS_OK && n_bytes)
		status = judge_quota(draft, n_bytes, "a transaction", out);
	if (status == STATUS_OK)
		status = judge_submits(draft, in, out);
	return status;
}
