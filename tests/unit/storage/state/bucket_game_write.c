/* SPDX-License-Identifier: MIT */

/* Keys are written, one or several. */

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

/* A write that is wanted, and what is known of it. */
struct wanted {
	int bucket; /* index, or -1 */
	const char *name;
	const char *key;
	bool is_delete;
	bool has_ttl;
	uint64_t ttl_ms;
	uint64_t value;
	size_t n_value;
	uint8_t bytes[VALUE_MAX];
};

static void want(struct wanted *wanted)
{
	*wanted = (struct wanted){
		.name = game_names[draw(N_NAMES)],
		.key = game_keys[draw(N_KEYS)],
		.is_delete = draw(4) == 0,
		.has_ttl = draw(5) == 0,
		.ttl_ms = draw(3) ? draw(40) : 0,
		.value = game.value++,
		.n_value = draw(10) ? draw(60) : draw(VALUE_MAX),
	};
	wanted->bucket = model_find(&game.model, wanted->name);
	model_value(wanted->value, wanted->n_value, (char *)wanted->bytes);
}

static uint64_t revision_of(const struct wanted *wanted)
{
	return model_revision(&game.model, wanted->bucket, wanted->key);
}

/* By how much a quota of its bucket is exceeded with all of these. */
static unsigned quota_wrongs(const struct wanted *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct model_bucket *bucket =
			&game.model.buckets[wanted[i].bucket];
		int64_t n_keys = 0;
		int64_t n_bytes = 0;

		if (bucket->history > 1)
			continue;
		for (size_t j = 0; j < n; j++) {
			const struct model_version *is =
				model_at(&game.model, wanted[j].bucket,
					 wanted[j].key, MODEL_FOR_EVER);
			bool was_there = is && !is->is_deleted;
			bool is_there = !wanted[j].is_delete;

			if (wanted[j].bucket != wanted[i].bucket)
				continue;
			n_keys += is_there - was_there;
			if (was_there)
				n_bytes -= (int64_t)model_version_bytes(is);
			if (is_there)
				n_bytes +=
					(int64_t)(224 + strlen(wanted[j].key) +
						  wanted[j].n_value);
		}
		if (n_keys > 0 &&
		    model_n_present(&game.model, wanted[i].bucket) +
				    (uint64_t)n_keys >
			    bucket->keys_max)
			return 1u << STATUS_RESOURCE_EXHAUSTED;
		if (n_bytes > 0 && model_bytes(&game.model, wanted[i].bucket) +
						   (uint64_t)n_bytes >
					   bucket->bytes_max)
			return 1u << STATUS_RESOURCE_EXHAUSTED;
	}
	return 0;
}

/* Into the model, of the step that was applied last. True: it changed it. */
static bool has_effect(const struct wanted *wanted)
{
	return !wanted->is_delete || revision_of(wanted);
}

static void model_wanted(const struct wanted *wanted, uint64_t unix_ms)
{
	uint64_t ttl_ms = wanted->has_ttl
				  ? wanted->ttl_ms
				  : game.model.buckets[wanted->bucket].ttl_ms;
	struct model_version version = {
		.bucket = (size_t)wanted->bucket,
		.revision = game.state->revision,
		.unix_ms = unix_ms,
		.is_deleted = wanted->is_delete,
		.value = wanted->value,
	};

	if (!wanted->is_delete) {
		version.n_value = wanted->n_value;
		version.expires = ttl_ms ? unix_ms + ttl_ms : 0;
	}
	snprintf(version.key, sizeof(version.key), "%s", wanted->key);
	model_write(&game.model, &version);
}

/* The right revision, none, or a wrong one; false: no condition. */
static bool draw_condition(const struct wanted *wanted, uint64_t *revision,
			   unsigned *wrongs)
{
	uint64_t is = wanted->bucket < 0 ? 0 : revision_of(wanted);
	unsigned kind = draw(8);

	*revision = kind < 3 ? is : kind < 4 ? 0 : draw(2) ? is + 1 : is - 1;
	if (kind > 4)
		return false;
	if (wanted->bucket >= 0 && *revision != is)
		*wrongs |= 1u << STATUS_ABORTED;
	return true;
}

void game_put(void)
{
	Helio__Store__V1__PutRequest in = HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct judgement judgement;
	struct wanted wanted;
	struct draft draft;
	unsigned wrongs = 0;
	unsigned status;
	uint64_t unix_ms;

	want(&wanted);
	wanted.is_delete = false;
	if (wanted.bucket < 0)
		wrongs = 1u << STATUS_NOT_FOUND;
	in.bucket = draft_text(wanted.name);
	in.key = draft_text(wanted.key);
	in.has_value = true;
	in.value.data = wanted.bytes;
	in.value.len = wanted.n_value;
	in.has_ttl_ms = wanted.has_ttl;
	in.ttl_ms = wanted.ttl_ms;
	in.has_if_revision = draw_condition(&wanted, &in.if_revision, &wrongs);
	if (!wrongs)
		wrongs = quota_wrongs(&wanted, 1);
	game_begin(&draft);
	status = judge_put(&draft, &in, &judgement);
	unix_ms = draft.step.unix_ms;
	game_expect(wrongs, status, &judgement);
	if (game_end(&draft, status))
		model_wanted(&wanted, unix_ms);
}

void game_delete(void)
{
	Helio__Store__V1__DeleteRequest in =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	struct judgement judgement;
	struct wanted wanted;
	struct draft draft;
	unsigned wrongs = 0;
	unsigned status;
	uint64_t unix_ms;

	want(&wanted);
	wanted.is_delete = true;
	if (wanted.bucket < 0)
		wrongs = 1u << STATUS_NOT_FOUND;
	in.bucket = draft_text(wanted.name);
	in.key = draft_text(wanted.key);
	in.has_if_revision = draw_condition(&wanted, &in.if_revision, &wrongs);
	game_begin(&draft);
	status = judge_delete(&draft, &in, &judgement);
	unix_ms = draft.step.unix_ms;
	game_expect(wrongs, status, &judgement);
	if (status == STATUS_OK)
		assert_int_equal(draft.step.n_changes, has_effect(&wanted));
	if (game_end(&draft, status))
		model_wanted(&wanted, unix_ms);
}

/* ---- transactions ---- */

enum { PARTS_MAX = 6 };

struct request {
	Helio__Store__V1__Transaction in;
	Helio__Store__V1__Condition conditions[PARTS_MAX];
	Helio__Store__V1__Condition *condition_at[PARTS_MAX];
	Helio__Store__V1__Write writes[PARTS_MAX];
	Helio__Store__V1__Write *write_at[PARTS_MAX];
	Helio__Store__V1__Message messages[PARTS_MAX];
	Helio__Store__V1__Message *message_at[PARTS_MAX];
	struct wanted conditioned[PARTS_MAX];
	struct wanted wanted[PARTS_MAX];
	unsigned wrongs;
};

static void draw_value_condition(struct request *request,
				 Helio__Store__V1__Condition *condition,
				 struct wanted *on)
{
	const struct model_version *is =
		on->bucket < 0 ? NULL
			       : model_at(&game.model, on->bucket, on->key,
					  MODEL_FOR_EVER);
	bool is_right = is && !is->is_deleted && draw(2);

	if (is_right) {
		on->n_value = is->n_value;
		model_value(is->value, is->n_value, (char *)on->bytes);
	}
	/* Of no bytes, others may have the same. */
	if (on->n_value < 12)
		is_right = is && !is->is_deleted &&
			   is->n_value == on->n_value && is_right;
	condition->has_value = is_right || on->n_value >= 12;
	condition->value.data = on->bytes;
	condition->value.len = on->n_value;
	if (condition->has_value && !is_right && on->bucket >= 0)
		request->wrongs |= 1u << STATUS_ABORTED;
}

static void draw_one_condition(struct request *request, size_t i)
{
	Helio__Store__V1__Condition *condition = &request->conditions[i];
	struct wanted *on = &request->conditioned[i];
	uint64_t is;

	*condition =
		(Helio__Store__V1__Condition)HELIO__STORE__V1__CONDITION__INIT;
	want(on);
	condition->bucket = draft_text(on->name);
	condition->key = draft_text(on->key);
	is = on->bucket < 0 ? 0 : revision_of(on);
	condition->has_revision = true;
	condition->revision = draw(8) ? is : is + 1;
	if (on->bucket >= 0 && condition->revision != is)
		request->wrongs |= 1u << STATUS_ABORTED;
	condition->has_exists = draw(3) == 0;
	condition->exists = draw(8) ? is != 0 : is == 0;
	if (on->bucket >= 0 && condition->has_exists &&
	    condition->exists != (is != 0))
		request->wrongs |= 1u << STATUS_ABORTED;
	if (draw(4) == 0)
		draw_value_condition(request, condition, on);
	if (on->bucket < 0)
		request->wrongs |= 1u << STATUS_NOT_FOUND;
	request->condition_at[i] = condition;
}

static void draw_one_write(struct request *request, size_t i)
{
	Helio__Store__V1__Write *write = &request->writes[i];
	struct wanted *wanted = &request->wanted[i];

	*write = (Helio__Store__V1__Write)HELIO__STORE__V1__WRITE__INIT;
	want(wanted);
	for (size_t j = 0; j < i; j++)
		if (!strcmp(request->wanted[j].name, wanted->name) &&
		    !strcmp(request->wanted[j].key, wanted->key))
			request->wrongs |= 1u << STATUS_INVALID_ARGUMENT;
	if (wanted->bucket < 0)
		request->wrongs |= 1u << STATUS_NOT_FOUND;
	write->bucket = draft_text(wanted->name);
	write->key = draft_text(wanted->key);
	write->has_value = !wanted->is_delete;
	write->value.data = wanted->bytes;
	write->value.len = wanted->n_value;
	write->has_ttl_ms = wanted->has_ttl;
	write->ttl_ms = wanted->ttl_ms;
	request->write_at[i] = write;
}

static void draw_one_message(struct request *request, size_t i)
{
	Helio__Store__V1__Message *message = &request->messages[i];
	bool is_wrong = draw(30) == 0;

	*message = (Helio__Store__V1__Message)HELIO__STORE__V1__MESSAGE__INIT;
	message->subject =
		draft_text(is_wrong ? draw(2) ? "$sys.x" : "a.*" : "vm.web.x");
	message->has_body = true;
	message->body.data = (uint8_t *)draft_text("body");
	message->body.len = 4;
	if (is_wrong)
		request->wrongs |= 1u << STATUS_INVALID_ARGUMENT;
	request->message_at[i] = message;
}

static void draw_request(struct request *request)
{
	Helio__Store__V1__Transaction *in = &request->in;

	*in = (Helio__Store__V1__Transaction)
		HELIO__STORE__V1__TRANSACTION__INIT;
	request->wrongs = 0;
	in->n_conditions = draw(3);
	in->n_writes = draw(PARTS_MAX);
	in->n_messages = draw(4) ? 0 : draw(3);
	in->conditions = request->condition_at;
	in->writes = request->write_at;
	in->messages = request->message_at;
	for (size_t i = 0; i < in->n_conditions; i++)
		draw_one_condition(request, i);
	for (size_t i = 0; i < in->n_writes; i++)
		draw_one_write(request, i);
	for (size_t i = 0; i < in->n_messages; i++)
		draw_one_message(request, i);
	/* What is wrong twice may be told either way. */
	if (request->wrongs & 1u << STATUS_INVALID_ARGUMENT)
		request->wrongs |= 1u << STATUS_RESOURCE_EXHAUSTED;
	if (!request->wrongs)
		request->wrongs = quota_wrongs(request->wanted, in->n_writes);
}

void game_transaction(void)
{
	static struct request request;
	struct judgement judgement;
	struct draft draft;
	size_t n_changes;
	unsigned status;
	uint64_t unix_ms;

	draw_request(&request);
	n_changes = request.in.n_messages;
	game_begin(&draft);
	status = judge_transaction(&draft, &request.in, &judgement);
	unix_ms = draft.step.unix_ms;
	game_expect(request.wrongs, status, &judgement);
	for (size_t i = 0; status == STATUS_OK && i < request.in.n_writes; i++)
		n_changes += has_effect(&request.wanted[i]);
	if (status == STATUS_OK)
		assert_int_equal(draft.step.n_changes, n_changes);
	if (!game_end(&draft, status))
		return;
	for (size_t i = 0; i < request.in.n_writes; i++)
		if (has_effect(&request.wanted[i]))
			model_wanted(&request.wanted[i], unix_ms);
	assert_int_equal(game.state->next_outgoing,
			 game.n_messages + 1 + request.in.n_messages);
	game.n_messages += request.in.n_messages;
}

/* The oldest message that is on disk has left. */
void game_send(void)
{
	const struct outgoing *first =
		container_of(game.state->outgoing.next, struct outgoing, link);
	struct draft draft;

	if (list_is_empty(&game.state->outgoing) || first->is_sent ||
	    first->revision > game.state->committed)
		return;
	game_begin(&draft);
	assert_int_equal(judge_sent(&draft, &first->number, 1), STATUS_OK);
	assert_true(game_end(&draft, STATUS_OK));
}
