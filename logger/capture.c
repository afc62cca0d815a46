/* SPDX-License-Identifier: MIT */

#include "logger/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logger/keeper.h"
#include "logger/logger.h"
#include "proto/frame.h"
#include "rpc/heliograph.h"

enum {
	/* Under way to us; a body of 1 MiB has to find room in it. */
	CREDIT_BYTES = 4 * 1024 * 1024,
	CREDIT_MESSAGES = 65536,
	OBSERVE_CREDIT_BYTES = 1024 * 1024,
};

static void on_message(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	struct capture *capture = userdata;

	(void)subscription;
	capture->n_waiting++;
	keeper_take(capture->keeper, capture, message);
}

static void on_observed(struct helio_subscription *subscription,
			const struct helio_message *message, bool is_reply,
			uint64_t slot, unsigned status, void *userdata)
{
	struct capture *capture = userdata;
	const struct keeper_observed observed = {
		.is_reply = is_reply,
		.slot = slot,
		.status = status,
	};

	(void)subscription;
	capture->n_waiting++;
	keeper_observe(capture->keeper, capture, message, &observed);
}

static void on_gap(struct helio_subscription *subscription, uint64_t n_lost,
		   const char *reason, void *userdata)
{
	struct capture *capture = userdata;

	(void)subscription;
	capture_lose(capture, n_lost, reason);
	keeper_stir(capture->keeper);
}

static void on_ready(struct helio *bus, unsigned status, const char *reason,
		     void *userdata)
{
	struct capture *capture = userdata;

	(void)bus;
	capture->is_answered = true;
	capture->status = status;
	snprintf(capture->refusal, sizeof(capture->refusal), "%s", reason);
	keeper_capture_ready(capture->keeper, capture);
}

/*
 * Whether it is a service of a versioned package, whose methods are called, and
 * not a subject that is itself called.
 */
static bool is_service(const char *name)
{
	const char *last = strrchr(name, '.');
	const char *at = last;

	while (at && at > name && at[-1] != '.')
		at--;
	return at && *at == 'v' && last - at > 1 &&
	       strspn(at + 1, "0123456789") == (size_t)(last - at) - 1;
}

static int subscribe(struct capture *capture)
{
	bool is_service_observed =
		capture->is_observer && is_service(capture->pattern);
	char pattern[FRAME_SUBJECT_MAX_BYTES + 1];
	const struct helio_subscribe_options options = {
		.credit_bytes = capture->is_observer ? OBSERVE_CREDIT_BYTES
						     : CREDIT_BYTES,
		.credit_messages = CREDIT_MESSAGES,
		.capture = capture->is_observer ? NULL : capture->keeper->name,
		.on_observed = capture->is_observer ? on_observed : NULL,
		.on_gap = on_gap,
		.on_ready = on_ready,
	};

	snprintf(pattern, sizeof(pattern), "%s%s", capture->pattern,
		 is_service_observed ? ".*" : "");
	return helio_subscribe(capture->keeper->logger->bus, pattern, &options,
			       on_message, capture, &capture->subscription);
}

int capture_new(struct keeper *keeper, const char *pattern, bool is_observer,
		struct capture **ret_capture)
{
	size_t n = strlen(pattern) + 1;
	struct capture *capture = calloc(1, sizeof(*capture) + n);
	int r;

	if (!capture)
		return -ENOMEM;
	capture->keeper = keeper;
	capture->is_observer = is_observer;
	capture->status = HELIO_UNAVAILABLE;
	list_init(&capture->link);
	memcpy(capture->pattern, pattern, n);
	r = subscribe(capture);
	if (r < 0) {
		free(capture);
		return r;
	}
	*ret_capture = capture;
	return 0;
}

int capture_renew(struct capture *capture)
{
	capture_end(capture);
	return subscribe(capture);
}

void capture_end(struct capture *capture)
{
	helio_unsubscribe(capture->subscription);
	capture->subscription = NULL;
	capture_orphan(capture);
}

struct capture *capture_free(struct capture *capture)
{
	if (!capture)
		return NULL;
	helio_unsubscribe(capture->subscription);
	list_unlink(&capture->link);
	free(capture);
	return NULL;
}

void capture_answer(struct capture *capture, uint32_t n, unsigned status,
		    uint64_t sequence, bool is_duplicate)
{
	uint64_t n_orphans = capture->n_orphans < n ? capture->n_orphans : n;

	capture->n_waiting -= n;
	capture->n_orphans -= n_orphans;
	n -= (uint32_t)n_orphans;
	if (!n || capture->is_observer || !capture->subscription)
		return;
	/* Of a connection that is being lost nobody is told anything. */
	(void)helio_stored(capture->subscription, n, status,
			   sequence + (status == HELIO_OK ? n_orphans : 0),
			   is_duplicate);
}

void capture_orphan(struct capture *capture)
{
	capture->n_orphans = capture->n_waiting;
}

void capture_pause(struct capture *capture)
{
	if (capture->is_paused || !capture->subscription)
		return;
	capture->is_paused = true;
	helio_pause(capture->subscription);
}

void capture_resume(struct capture *capture)
{
	if (!capture->is_paused)
		return;
	capture->is_paused = false;
	if (capture->subscription)
		helio_resume(capture->subscription);
}

/* What is lost one after the other is told as one. */
void capture_lose(struct capture *capture, uint64_t n, const char *reason)
{
	if (!capture->has_loss) {
		capture->has_loss = true;
		capture->is_loss_known = n != 0;
		capture->n_lost = n;
		snprintf(capture->reason, sizeof(capture->reason), "%s",
			 reason);
		return;
	}
	capture->is_loss_known &= n != 0;
	capture->n_lost += n;
}
