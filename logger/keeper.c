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

void keeper_tell_fault(struct keeper *keeper)
{
	const struct capture *refused = keeper_first_refused(keeper);
	char before[sizeof(keeper->fault)];

	memcpy(before, keeper->fault, sizeof(before));
	keeper->fault[0] = '\0';
	if (keeper->is_full)
		snprintf(keeper->fault, sizeof(keeper->fault), "disk full");
	else if (keeper->state == KEEPER_DAMAGED ||
		 keeper->state == KEEPER_FAILED)
		snprintf(keeper->fault, sizeof(keeper->fault), "%s: %s",
			 keeper->state == KEEPER_DAMAGED ? "damaged"
							 : "the disk failed",
			 keeper->why);
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

/* ---- opening ---- */

static void take(struct keeper *keeper, const struct keeping *found)
{
	if (!strcmp(found->key, "config"))
		keeper->has_config = config_unpack(found->value, found->n_value,
						   &keeper->config) == 0;
	else if (!strncmp(found->key, "schema/", 7))
		schemas_found(keeper, found->key);
	else
		cursor_found(keeper, found->key, found->value, found->n_value);
}

/* Of one that was open before it is known already. */
static void take_found(struct keeper *keeper, struct commit *commit,
		       bool is_wanted)
{
	struct list *link;

	while ((link = list_pop_front(&commit->found))) {
		struct keeping *found =
			container_of(link, struct keeping, link);

		if (is_wanted)
			take(keeper, found);
		keeping_free(found);
	}
}

static void fail(struct keeper *keeper, int r, const char *why)
{
	keeper->has_log = false;
	/* Even to open a log takes some room. */
	keeper->is_full = r == -ENOSPC;
	keeper->state =
		r == -EBADMSG || r == -EPROTO ? KEEPER_DAMAGED : KEEPER_FAILED;
	snprintf(keeper->why, sizeof(keeper->why), "%s",
		 why && *why ? why : strerror(-r));
	keeper->retry_ns = clock_now_ns() + KEEPER_RETRY_NS;
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

static unsigned status_of_failure(int r)
{
	if (r == -EEXIST)
		return HELIO_ALREADY_EXISTS;
	return r == -ENOSPC ? HELIO_RESOURCE_EXHAUSTED : HELIO_UNAVAILABLE;
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
	r = keeper_set_captures(keeper, keeper->config.proto);
	if (r >= 0)
		lose_what_was_said(keeper);
	return r;
}

/* It may have been open before, and failed. */
void keeper_opened(struct keeper *keeper, struct commit *commit)
{
	bool was_open = keeper->was_open;
	int r = commit->r;

	take_found(keeper, commit,
		   r == 0 && !was_open && keeper->state != KEEPER_CLOSING);
	if (keeper->state == KEEPER_CLOSING) {
		keeper->has_log = r == 0;
		return;
	}
	if (r == 0 && !was_open) {
		keeper->was_open = true;
		keeper->last_ns = keeper->status.last_ns;
		keeper->has_log = true;
		keeper->state = KEEPER_OPEN;
		r = begin_capturing(keeper);
	}
	if (r < 0) {
		fail(keeper, r, commit->why);
		if (!was_open)
			keeper_settle(keeper, status_of_failure(r),
				      keeper->why);
	} else {
		keeper->has_log = true;
		keeper->state = KEEPER_OPEN;
		keeper->is_full = false;
		keeper_settle_if_answered(keeper);
	}
	free(commit->why);
	commit->why = NULL;
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

static void free_captures(struct list *captures)
{
	struct list *link, *after;

	list_for_each_safe (link, after, captures)
		capture_free(container_of(link, struct capture, link));
}

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
	keeper_take_back(keeper);
	drop_batch(keeper, keeper->filling);
	keepings_free(&keeper->keepings);
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

static void run_closing(struct task *task)
{
	struct keeper *keeper = container_of(task, struct keeper, closing);

	keeper->log = log_close(keeper->log);
	keeper->r_closing = 0;
	if (keeper->is_delete)
		keeper->r_closing =
			log_delete(keeper->logger->backend, keeper->folder);
}

static void done_closing(struct task *task)
{
	struct keeper *keeper = container_of(task, struct keeper, closing);
	int r = keeper->r_closing;

	list_unlink(&keeper->link);
	if (keeper->on_gone)
		keeper->on_gone(keeper, r ? HELIO_UNAVAILABLE : HELIO_OK,
				r ? strerror(-r) : "", keeper->gone_userdata);
	keeper_free(keeper);
}

static void run_unviewing(struct task *task)
{
	struct keeper *keeper = container_of(task, struct keeper, closing);

	keeper->view = view_close(keeper->view);
}

static void done_unviewing(struct task *task)
{
	struct keeper *keeper = container_of(task, struct keeper, closing);

	task->run = run_closing;
	task->done = done_closing;
	worker_push(&keeper->logger->writer, task);
}

void keeper_close_if_idle(struct keeper *keeper)
{
	if (keeper->state != KEEPER_CLOSING || keeper->n_committing ||
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

void keeper_fetched(struct keeper *keeper)
{
	keeper->n_fetches--;
	keeper_close_if_idle(keeper);
}

/* Nobody may have written since there is room again. */
static void look_for_room(struct keeper *keeper)
{
	struct statvfs disk;

	if (!keeper->is_full || keeper->state != KEEPER_OPEN ||
	    statvfs(keeper->folder, &disk) < 0 ||
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
	    keeper->n_committing || keeper->is_configuring)
		return;
	keeper->retry_ns = 0;
	if (keeper->state == KEEPER_FAILED)
		keeper_open(keeper, false);
	else if (keeper->state == KEEPER_OPEN)
		keeper_renew_refused(keeper);
}
