/* SPDX-License-Identifier: MIT */

#include "logger/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "logger/capture.h"
#include "logger/cursor.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"

/* Of what failed: a disk, or the right to a pattern. */
#define RETRY_NS   (2 * NS_PER_S)

/* With so much of it a disk is not full. */
#define ROOM_BYTES (UINT64_C(16) << 20)

static const Helio__Log__V1__Config empty = HELIO__LOG__V1__CONFIG__INIT;

struct keeper *keeper_lookup(const struct logger *logger, const char *name)
{
	struct list *link;

	if (!name)
		return NULL;
	list_for_each (link, &logger->keepers) {
		struct keeper *keeper = container_of(link, struct keeper, link);

		if (!strcmp(keeper->name, name))
			return keeper;
	}
	return NULL;
}

/* ---- faults ---- */

static const struct capture *first_refused(const struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->is_answered && capture->status != HELIO_OK)
			return capture;
	}
	return NULL;
}

void keeper_tell_fault(struct keeper *keeper)
{
	const struct capture *refused = first_refused(keeper);
	char before[sizeof(keeper->fault)];

	memcpy(before, keeper->fault, sizeof(before));
	keeper->fault[0] = '\0';
	if (keeper->state == KEEPER_DAMAGED || keeper->state == KEEPER_FAILED)
		snprintf(keeper->fault, sizeof(keeper->fault), "%s: %s",
			 keeper->state == KEEPER_DAMAGED ? "damaged"
							 : "the disk failed",
			 keeper->why);
	else if (keeper->is_full)
		snprintf(keeper->fault, sizeof(keeper->fault), "disk full");
	else if (refused)
		snprintf(keeper->fault, sizeof(keeper->fault),
			 "%s is not %s: %.180s", refused->pattern,
			 refused->is_observer ? "observed" : "captured",
			 refused->refusal);
	if (!strcmp(before, keeper->fault))
		return;
	if (keeper->fault[0])
		log_error("%s: %s", keeper->name, keeper->fault);
	else
		log_info("%s: all is well again", keeper->name);
	logger_tell_health(keeper->logger);
}

/* ---- captures ---- */

static bool has_text(char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(texts[i], text))
			return true;
	return false;
}

static bool is_wanted(const struct capture *capture,
		      const Helio__Log__V1__Config *proto)
{
	return capture->is_observer
		       ? has_text(proto->services, proto->n_services,
				  capture->pattern)
		       : has_text(proto->patterns, proto->n_patterns,
				  capture->pattern);
}

static bool is_captured(const struct keeper *keeper, const char *pattern,
			bool is_observer)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->is_observer == is_observer &&
		    !strcmp(capture->pattern, pattern))
			return true;
	}
	return false;
}

static int add_captures(struct keeper *keeper, char *const *patterns, size_t n,
			bool is_observer)
{
	for (size_t i = 0; i < n; i++) {
		struct capture *capture;
		int r;

		if (is_captured(keeper, patterns[i], is_observer))
			continue;
		r = capture_new(keeper, patterns[i], is_observer, &capture);
		if (r < 0)
			return r;
		list_push_back(&keeper->captures, &capture->link);
	}
	return 0;
}

/* What is not wanted any more goes first: what is new may overlap it. */
static int set_captures(struct keeper *keeper,
			const Helio__Log__V1__Config *proto)
{
	struct list *link, *after;
	int r;

	list_for_each_safe (link, after, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (is_wanted(capture, proto))
			continue;
		capture_end(capture);
		list_unlink(&capture->link);
		list_push_back(&keeper->old_captures, &capture->link);
	}
	r = add_captures(keeper, proto->patterns, proto->n_patterns, false);
	if (r == 0)
		r = add_captures(keeper, proto->services, proto->n_services,
				 true);
	return r;
}

static void free_captures(struct list *captures)
{
	struct list *link, *after;

	list_for_each_safe (link, after, captures)
		capture_free(container_of(link, struct capture, link));
}

/* ---- settling: it captures all that it should, or cannot ---- */

static void settle(struct keeper *keeper, unsigned status, const char *reason)
{
	keeper_fn on_settled = keeper->on_settled;

	keeper->on_settled = NULL;
	keeper->is_configuring = false;
	keeper_tell_fault(keeper);
	if (on_settled)
		on_settled(keeper, status, reason, keeper->settled_userdata);
}

/* The configuration before holds again. */
static void revert(struct keeper *keeper, unsigned status, const char *reason)
{
	const Helio__Log__V1__Config *before =
		keeper->config.proto ? keeper->config.proto : &empty;
	char text[256];

	snprintf(text, sizeof(text), "%s", reason);
	config_deinit(&keeper->next);
	(void)set_captures(keeper, before);
	settle(keeper, status, text);
}

static void on_config_kept(struct keeping *keeping, int r)
{
	struct keeper *keeper = keeping->userdata;

	if (r < 0) {
		revert(keeper, HELIO_UNAVAILABLE,
		       "the configuration cannot be written");
		return;
	}
	config_deinit(&keeper->config);
	keeper->config = keeper->next;
	keeper->next = (struct config){ 0 };
	keeper->has_config = true;
	keeper->n_configs++;
	keeper->has_new_limits = true;
	keeper->wants_expiry = true;
	keeper_stir(keeper);
	settle(keeper, HELIO_OK, "");
}

static int keep_config(struct keeper *keeper)
{
	const ProtobufCMessage *proto = &keeper->next.proto->base;
	struct keeping *keeping = calloc(1, sizeof(*keeping));

	if (!keeping)
		return -ENOMEM;
	keeping->n_value = protobuf_c_message_get_packed_size(proto);
	keeping->value = malloc(keeping->n_value + 1);
	if (!keeping->value) {
		free(keeping);
		return -ENOMEM;
	}
	protobuf_c_message_pack(proto, keeping->value);
	snprintf(keeping->key, sizeof(keeping->key), "config");
	keeping->on_kept = on_config_kept;
	keeping->userdata = keeper;
	keeper_keep(keeper, keeping);
	return 0;
}

static bool are_captures_answered(const struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures)
		if (!container_of(link, struct capture, link)->is_answered)
			return false;
	return true;
}

static void settle_if_answered(struct keeper *keeper)
{
	const struct capture *refused = first_refused(keeper);
	char text[700];

	if (keeper->state != KEEPER_OPEN || !are_captures_answered(keeper))
		return;
	if (!keeper->is_configuring) {
		settle(keeper, HELIO_OK, "");
		return;
	}
	if (keeper->is_config_asked)
		return;
	if (refused) {
		snprintf(text, sizeof(text), "%s: %s", refused->pattern,
			 refused->refusal);
		revert(keeper, refused->status, text);
		return;
	}
	keeper->is_config_asked = true;
	if (keep_config(keeper) < 0)
		revert(keeper, HELIO_RESOURCE_EXHAUSTED, "no memory");
}

void keeper_capture_ready(struct keeper *keeper, struct capture *capture)
{
	if (capture->status != HELIO_OK && !keeper->retry_ns)
		keeper->retry_ns = clock_now_ns() + RETRY_NS;
	keeper_tell_fault(keeper);
	settle_if_answered(keeper);
}

void keeper_configure(struct keeper *keeper, struct config *config,
		      keeper_fn on_done, void *userdata)
{
	keeper->next = *config;
	*config = (struct config){ 0 };
	keeper->is_configuring = true;
	keeper->is_config_asked = false;
	keeper->on_settled = on_done;
	keeper->settled_userdata = userdata;
	if (set_captures(keeper, keeper->next.proto) < 0)
		revert(keeper, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else
		settle_if_answered(keeper);
}

/* ---- opening ---- */

static void take_found(struct keeper *keeper)
{
	struct list *link;

	while ((link = list_pop_front(&keeper->commit.found))) {
		struct keeping *found =
			container_of(link, struct keeping, link);

		if (!strcmp(found->key, "config"))
			keeper->has_config =
				config_unpack(found->value, found->n_value,
					      &keeper->config) == 0;
		else if (!strncmp(found->key, "schema/", 7))
			schemas_found(keeper, found->key);
		else
			cursor_found(keeper, found->key, found->value,
				     found->n_value);
		free(found->value);
		free(found);
	}
}

static void fail(struct keeper *keeper, int r)
{
	const char *why = keeper->commit.why;

	keeper->has_log = false;
	keeper->state =
		r == -EBADMSG || r == -EPROTO ? KEEPER_DAMAGED : KEEPER_FAILED;
	snprintf(keeper->why, sizeof(keeper->why), "%s",
		 why && *why ? why : strerror(-r));
	keeper->retry_ns = clock_now_ns() + RETRY_NS;
	keeper_tell_fault(keeper);
}

/* Nobody knows what was said while no logger was there to hear it. */
static void lose_what_was_said(struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures)
		capture_lose(container_of(link, struct capture, link), 0,
			     "restart");
}

static int begin_capturing(struct keeper *keeper)
{
	struct config next = keeper->next;
	int r = 0;

	if (!keeper->config.proto)
		r = config_copy(&empty, &keeper->config);
	if (r < 0)
		return r;
	keeper->next = (struct config){ 0 };
	keeper->has_new_limits = true;
	if (next.proto) {
		keeper_configure(keeper, &next, keeper->on_settled,
				 keeper->settled_userdata);
		return 0;
	}
	r = set_captures(keeper, keeper->config.proto);
	if (r >= 0)
		lose_what_was_said(keeper);
	return r;
}

/* It may have been open before, and failed. */
void keeper_opened(struct keeper *keeper)
{
	bool was_open = keeper->was_open;
	int r = keeper->commit.r;

	if (keeper->state == KEEPER_CLOSING) {
		keeper->has_log = r == 0;
		return;
	}
	if (r == 0 && !was_open) {
		take_found(keeper);
		keeper->was_open = true;
		keeper->last_ns = keeper->status.last_ns;
		keeper->has_log = true;
		keeper->state = KEEPER_OPEN;
		r = begin_capturing(keeper);
	}
	if (r < 0) {
		fail(keeper, r);
		if (!was_open)
			settle(keeper,
			       r == -EEXIST ? HELIO_ALREADY_EXISTS
					    : HELIO_UNAVAILABLE,
			       keeper->why);
	} else {
		keeper->has_log = true;
		keeper->state = KEEPER_OPEN;
		settle_if_answered(keeper);
	}
	free(keeper->commit.why);
	keeper->commit.why = NULL;
}

/* In the order of their names. */
static void insert(struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->logger->keepers)
		if (strcmp(container_of(link, struct keeper, link)->name,
			   keeper->name) > 0)
			break;
	list_push_back(link, &keeper->link);
}

int keeper_new(struct logger *logger, const char *name, struct config *config,
	       keeper_fn on_settled, void *userdata, struct keeper **ret_keeper)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper)
		return -ENOMEM;
	keeper->logger = logger;
	snprintf(keeper->name, sizeof(keeper->name), "%s", name);
	list_init(&keeper->link);
	list_init(&keeper->stirred_link);
	list_init(&keeper->full);
	list_init(&keeper->keepings);
	list_init(&keeper->captures);
	list_init(&keeper->old_captures);
	list_init(&keeper->followers);
	list_init(&keeper->cursors);
	tail_init(&keeper->tail);
	if (schemas_init(&keeper->schemas) < 0) {
		free(keeper);
		return -ENOMEM;
	}
	if (asprintf(&keeper->folder, "%s/%s", logger->state, name) < 0) {
		schemas_deinit(&keeper->schemas);
		free(keeper);
		return -ENOMEM;
	}
	if (config) {
		keeper->next = *config;
		*config = (struct config){ 0 };
	}
	keeper->on_settled = on_settled;
	keeper->settled_userdata = userdata;
	insert(keeper);
	keeper_open(keeper, keeper->next.proto != NULL);
	*ret_keeper = keeper;
	return 0;
}

/* ---- closing ---- */

static void drop_batch(struct keeper *keeper, struct batch *batch)
{
	if (batch)
		logger_waiting(keeper->logger, -(int64_t)batch->n_counted);
	batch_free(batch);
}

struct keeper *keeper_free(struct keeper *keeper)
{
	struct list *link, *after;

	if (!keeper)
		return NULL;
	free_captures(&keeper->captures);
	free_captures(&keeper->old_captures);
	list_for_each_safe (link, after, &keeper->cursors)
		cursor_remove(container_of(link, struct cursor, link));
	list_for_each_safe (link, after, &keeper->full)
		drop_batch(keeper, container_of(link, struct batch, link));
	drop_batch(keeper, keeper->filling);
	batch_free(keeper->spare);
	tail_clear(&keeper->tail);
	schemas_deinit(&keeper->schemas);
	config_deinit(&keeper->config);
	config_deinit(&keeper->next);
	list_unlink(&keeper->link);
	list_unlink(&keeper->stirred_link);
	free(keeper->folder);
	free(keeper);
	return NULL;
}

static void run_closing(struct job *job)
{
	struct keeper *keeper = container_of(job, struct keeper, closing);

	keeper->log = log_close(keeper->log);
	keeper->commit.r = 0;
	if (keeper->is_delete)
		keeper->commit.r =
			log_delete(keeper->logger->backend, keeper->folder);
}

static void done_closing(struct job *job)
{
	struct keeper *keeper = container_of(job, struct keeper, closing);
	int r = keeper->commit.r;

	list_unlink(&keeper->link);
	if (keeper->on_gone)
		keeper->on_gone(keeper, r ? HELIO_UNAVAILABLE : HELIO_OK,
				r ? strerror(-r) : "", keeper->gone_userdata);
	keeper_free(keeper);
}

static void run_unviewing(struct job *job)
{
	struct keeper *keeper = container_of(job, struct keeper, closing);

	keeper->view = view_close(keeper->view);
}

static void done_unviewing(struct job *job)
{
	struct keeper *keeper = container_of(job, struct keeper, closing);

	job->run = run_closing;
	job->done = done_closing;
	worker_push(&keeper->logger->writer, job);
}

void keeper_close_if_idle(struct keeper *keeper)
{
	if (keeper->state != KEEPER_CLOSING || keeper->is_committing ||
	    keeper->n_fetches || keeper->closing.run)
		return;
	keeper->closing.run = run_unviewing;
	keeper->closing.done = done_unviewing;
	worker_push(&keeper->logger->reader, &keeper->closing);
}

void keeper_close(struct keeper *keeper, bool is_delete, keeper_fn on_gone,
		  void *userdata)
{
	struct list *link;

	keeper->state = KEEPER_CLOSING;
	keeper->is_delete = is_delete;
	keeper->on_gone = on_gone;
	keeper->gone_userdata = userdata;
	list_for_each (link, &keeper->captures)
		capture_end(container_of(link, struct capture, link));
	keeper_tell_news(keeper);
	keeper_commit(keeper);
	keeper_close_if_idle(keeper);
}

/* ---- the rest ---- */

void keeper_stir(struct keeper *keeper)
{
	if (!list_is_linked(&keeper->stirred_link))
		list_push_back(&keeper->logger->stirred, &keeper->stirred_link);
}

void keeper_lose(struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures)
		capture_orphan(container_of(link, struct capture, link));
}

void keeper_pause(struct keeper *keeper, bool is_paused)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (is_paused)
			capture_pause(capture);
		else
			capture_resume(capture);
	}
}

void keeper_follow(struct keeper *keeper, struct follower *follower)
{
	list_push_back(&keeper->followers, &follower->link);
}

void keeper_unfollow(struct keeper *keeper, struct follower *follower)
{
	(void)keeper;
	list_unlink(&follower->link);
}

void keeper_fetched(struct keeper *keeper)
{
	keeper->n_fetches--;
	keeper_close_if_idle(keeper);
}

static void renew_refused(struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->status != HELIO_OK && capture->is_answered)
			(void)capture_renew(capture);
	}
}

/* Nobody may have written since there is room again. */
static void look_for_room(struct keeper *keeper)
{
	struct statvfs disk;

	if (!keeper->is_full || statvfs(keeper->folder, &disk) < 0 ||
	    (uint64_t)disk.f_bavail * disk.f_frsize < ROOM_BYTES)
		return;
	keeper->is_full = false;
	keeper_tell_fault(keeper);
}

void keeper_tick(struct keeper *keeper, uint64_t now_ns)
{
	look_for_room(keeper);
	checkpoints_tick(keeper, now_ns);
	if (keeper->state == KEEPER_OPEN) {
		keeper_add_gaps(keeper);
		keeper_stir(keeper);
	}
	if (!keeper->retry_ns || now_ns < keeper->retry_ns ||
	    keeper->is_committing || keeper->is_configuring)
		return;
	keeper->retry_ns = 0;
	if (keeper->state == KEEPER_FAILED)
		keeper_open(keeper, false);
	else if (keeper->state == KEEPER_OPEN)
		renew_refused(keeper);
}
