/* SPDX-License-Identifier: MIT */

#include "rpc/typed/attachment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 1000 };

static void on_timer(struct helio *bus, void *userdata);

static int tell_later(struct attachment *attachment, uint32_t after_ms)
{
	return helio_timer_start(attachment->bus, after_ms, on_timer,
				 attachment, &attachment->timer);
}

static void set_status(struct attachment *attachment, unsigned status,
		       const char *reason)
{
	attachment->status = status;
	snprintf(attachment->reason, sizeof(attachment->reason), "%s",
		 reason ? reason : "");
}

static void close_stream(struct attachment *attachment)
{
	helio_timer_cancel(attachment->timer);
	attachment->timer = NULL;
	if (attachment->stream)
		helio_stream_cancel(attachment->stream);
	attachment->stream = NULL;
}

/* With no memory for the timer only who asks is told that it is over. */
void attachment_fail(struct attachment *attachment, unsigned status,
		     const char *reason)
{
	if (attachment->is_over)
		return;
	set_status(attachment, status, reason);
	close_stream(attachment);
	attachment->is_over = true;
	(void)tell_later(attachment, 0);
}

static void retry(struct attachment *attachment)
{
	uint32_t pause_ms = attachment->pause_ms;
	int r = tell_later(attachment, pause_ms);

	attachment->pause_ms =
		pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	if (r < 0)
		attachment_fail(attachment, HELIO_RESOURCE_EXHAUSTED,
				strerror(-r));
}

static bool is_passing(int r)
{
	return r == -ENOTCONN || r == -EAGAIN;
}

static int open_stream(struct attachment *attachment)
{
	const struct helio_invoke_options options = {
		.is_waiting = attachment->is_waiting || attachment->was_served,
		.window_bytes = attachment->window_bytes,
	};

	helio_client_next(attachment->client, &options);
	return attachment->events->open(attachment, &attachment->stream);
}

static void open_again(struct attachment *attachment)
{
	int r;

	if (helio_state(attachment->bus) == HELIO_CLOSED) {
		attachment_fail(attachment, HELIO_UNAVAILABLE,
				helio_error(attachment->bus));
		return;
	}
	r = open_stream(attachment);
	if (is_passing(r))
		retry(attachment);
	else if (r < 0)
		attachment_fail(attachment, HELIO_INTERNAL, strerror(-r));
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct attachment *attachment = userdata;

	(void)bus;
	attachment->timer = NULL;
	if (attachment->is_over) {
		attachment->events->on_end(attachment);
		return;
	}
	if (attachment->is_lost) {
		attachment->is_lost = false;
		if (!attachment->events->on_lost(attachment))
			return;
	}
	open_again(attachment);
}

int attachment_init(struct attachment *attachment)
{
	int r = helio_client_new(attachment->bus, attachment->type, NULL,
				 &attachment->client);

	if (r < 0)
		return r;
	attachment->pause_ms = PAUSE_FIRST_MS;
	r = open_stream(attachment);
	if (is_passing(r))
		r = tell_later(attachment, attachment->pause_ms);
	if (r < 0)
		attachment_deinit(attachment);
	return r;
}

void attachment_is_served(struct attachment *attachment)
{
	attachment->was_served = true;
	attachment->pause_ms = PAUSE_FIRST_MS;
}

void attachment_stream_ended(struct attachment *attachment,
			     const struct helio_reply *reply)
{
	attachment->stream = NULL;
	if (reply->status != HELIO_UNAVAILABLE ||
	    !(attachment->was_served || attachment->is_waiting)) {
		attachment_fail(attachment, reply->status, reply->reason);
		return;
	}
	set_status(attachment, reply->status, reply->reason);
	attachment->is_lost = true;
	retry(attachment);
}

void attachment_deinit(struct attachment *attachment)
{
	if (!attachment->bus)
		return;
	close_stream(attachment);
	helio_client_free(attachment->client);
	attachment->client = NULL;
}
