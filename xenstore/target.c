/* SPDX-License-Identifier: MIT */

#include "xenstore/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/store/v1/store.helio.h"
#include "xenstore/batch.h"
#include "xenstore/node.h"

enum {
	PAUSE_FIRST_MS = 50,
	PAUSE_MAX_MS = 2000,
	CALL_MS = 20000,
	WRITES_MAX = 128,
};

static void create(struct target *target);
static void begin_in(struct target *target, uint32_t after_ms);

static ProtobufCService *ask(struct target *target)
{
	const struct helio_invoke_options options = {
		.timeout_ms = CALL_MS,
		.is_waiting = true,
	};

	target->is_busy = true;
	helio_client_next(target->client, &options);
	return helio_client_service(target->client);
}

/* ---- when something is wrong ---- */

static void on_again(struct helio *bus, void *userdata)
{
	struct target *target = userdata;

	(void)bus;
	target->again = NULL;
	if (target->events->on_begin(target->userdata))
		create(target);
	else
		begin_in(target, PAUSE_FIRST_MS);
}

/* Without memory for a timer it stays away, which $check tells. */
static void begin_in(struct target *target, uint32_t after_ms)
{
	if (!target->again)
		(void)helio_timer_start(target->bus, after_ms, on_again, target,
					&target->again);
}

static void lose(struct target *target, const char *what)
{
	bool was_ready = target->is_ready;

	snprintf(target->reason, sizeof(target->reason), "bucket %s: %s",
		 target->bucket, what);
	free(target->cursor);
	target->cursor = NULL;
	target->is_ready = false;
	begin_in(target, target->pause_ms);
	target->pause_ms *= 2;
	if (target->pause_ms > PAUSE_MAX_MS)
		target->pause_ms = PAUSE_MAX_MS;
	if (was_ready)
		target->events->on_lost(target->userdata);
}

static void lose_by_reply(struct target *target)
{
	const struct helio_reply *reply = helio_client_reply(target->client);
	char what[TARGET_REASON_BYTES - 80];

	snprintf(what, sizeof(what), "%s: %s", helio_status_name(reply->status),
		 reply->reason ? reply->reason : "");
	lose(target, what);
}

/* ---- what is in it ---- */

static void list(struct target *target);

static void on_page(const Helio__Store__V1__ListReply *page, void *userdata)
{
	struct target *target = userdata;

	target->is_busy = false;
	if (!page) {
		lose_by_reply(target);
		return;
	}
	for (size_t i = 0; i < page->n_entries; i++) {
		const Helio__Store__V1__Entry *entry = page->entries[i];

		if (entry->key)
			target->events->on_key(target->userdata, entry->key,
					       entry->value.data,
					       entry->value.len);
	}
	free(target->cursor);
	target->cursor = NULL;
	if (page->next && *page->next) {
		target->cursor = strdup(page->next);
		if (!target->cursor)
			lose(target, "no memory");
		else
			list(target);
		return;
	}
	target->revision = page->revision;
	target->is_ready = true;
	target->n_loads++;
	target->pause_ms = PAUSE_FIRST_MS;
	target->reason[0] = '\0';
	target->events->on_ready(target->userdata);
}

static void list(struct target *target)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;

	request.bucket = (char *)(uintptr_t)target->bucket;
	request.cursor = target->cursor;
	helio__store__v1__buckets__list(ask(target), &request, on_page, target);
}

/* One that is there already stays as it is configured. */
static void on_created(const Helio__Store__V1__CreateBucketReply *reply,
		       void *userdata)
{
	struct target *target = userdata;

	target->is_busy = false;
	if (!reply &&
	    helio_client_reply(target->client)->status != HELIO_ALREADY_EXISTS)
		lose_by_reply(target);
	else
		list(target);
}

static void create(struct target *target)
{
	Helio__Store__V1__CreateBucketRequest request =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;

	request.name = (char *)(uintptr_t)target->bucket;
	helio__store__v1__buckets__create(ask(target), &request, on_created,
					  target);
}

/* ---- writing ---- */

/* Not what is unknown, nor what has to do with the bucket as a whole. */
static bool is_refusal(unsigned status)
{
	return status == HELIO_RESOURCE_EXHAUSTED ||
	       status == HELIO_INVALID_ARGUMENT ||
	       status == HELIO_FAILED_PRECONDITION;
}

static void on_commit(const Helio__Store__V1__CommitReply *reply,
		      void *userdata)
{
	struct target *target = userdata;

	target->is_busy = false;
	if (reply && reply->revision)
		target->revision = reply->revision;
	if (reply)
		target->events->on_written(target->userdata, true);
	else if (is_refusal(helio_client_reply(target->client)->status))
		target->events->on_written(target->userdata, false);
	else
		lose_by_reply(target);
}

static void fill(struct target *target, const struct change *change,
		 Helio__Store__V1__Write *ret_write)
{
	helio__store__v1__write__init(ret_write);
	ret_write->bucket = (char *)(uintptr_t)target->bucket;
	ret_write->key = change->sight->node->path;
	if (change->is_delete)
		return;
	ret_write->has_value = true;
	ret_write->value.data = change->sight->value;
	ret_write->value.len = change->sight->n_value;
}

void target_write(struct target *target, const struct change *changes, size_t n)
{
	Helio__Store__V1__Write writes[WRITES_MAX];
	Helio__Store__V1__Write *pointers[WRITES_MAX];
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;

	for (size_t i = 0; i < n; i++) {
		fill(target, &changes[i], &writes[i]);
		pointers[i] = &writes[i];
	}
	transaction.writes = pointers;
	transaction.n_writes = n;
	request.transaction = &transaction;
	target->n_commits++;
	target->n_writes += n;
	helio__store__v1__buckets__commit(ask(target), &request, on_commit,
					  target);
}

/* ---- others ---- */

static void on_shown(const Helio__Store__V1__ShowBucketReply *reply,
		     void *userdata)
{
	struct target *target = userdata;

	target->is_busy = false;
	if (!reply || !reply->bucket)
		lose_by_reply(target);
	else if (reply->bucket->revision > target->revision ||
		 reply->revision < target->revision)
		lose(target, "somebody else has changed it");
}

void target_check(struct target *target)
{
	Helio__Store__V1__ShowBucketRequest request =
		HELIO__STORE__V1__SHOW_BUCKET_REQUEST__INIT;

	request.name = (char *)(uintptr_t)target->bucket;
	helio__store__v1__buckets__show(ask(target), &request, on_shown,
					target);
}

int target_start(struct target *target, struct helio *bus, const char *bucket,
		 const struct target_events *events, void *userdata)
{
	int r;

	*target = (struct target){
		.bus = bus,
		.bucket = bucket,
		.events = events,
		.userdata = userdata,
		.pause_ms = PAUSE_FIRST_MS,
		.reason = "the bucket was not read yet",
	};
	r = helio_client_new(bus, &helio__store__v1__buckets__type, NULL,
			     &target->client);
	/* There may be no connection yet. */
	return r < 0 ? r
		     : helio_timer_start(bus, 0, on_again, target,
					 &target->again);
}

void target_deinit(struct target *target)
{
	helio_timer_cancel(target->again);
	helio_client_free(target->client);
	free(target->cursor);
	*target = (struct target){ .bus = NULL };
}
