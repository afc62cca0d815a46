/* SPDX-License-Identifier: MIT */

/* What becomes of a line of messages when one of them could not leave. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "rpc/heliograph.h"
#include "storage/outbox.h"
#include "storage/service.h"
#include "storage/state/judge.h"

enum {
	PAUSE_MAX_MS = 5000,
	/* When it is refused. */
	REFUSED_FIRST_MS = 1000,
	REFUSED_MAX_MS = 30000,
	RENAMES_MAX = 256, /* of one step; the others come after them */
};

static const struct state *state_of(const struct line *line)
{
	return &outbox_service(line->outbox)->state;
}

static struct departure *first_of(const struct line *line)
{
	return list_is_empty(&line->departures)
		       ? NULL
		       : container_of(line->departures.next, struct departure,
				      link);
}

void line_set_refused(struct line *line, bool is_refused)
{
	if (line->is_refused != is_refused)
		line->outbox->n_refused += is_refused ? 1 : -1u;
	if (is_refused && !line->is_refused)
		log_warning("messages on %s cannot leave: %s: %s",
			    line->subject, helio_status_name(line->status),
			    line->reason);
	if (line->is_refused != is_refused) {
		line->is_refused = is_refused;
		outbox_tell_fault(line->outbox);
	}
}

static bool is_passing(unsigned status)
{
	return status == HELIO_UNAVAILABLE ||
	       status == HELIO_DEADLINE_EXCEEDED || status == HELIO_CANCELLED;
}

static void pause_for(struct line *line, uint32_t first_ms, uint32_t max_ms)
{
	uint32_t pause_ms =
		line->pause_ms > first_ms ? line->pause_ms : first_ms;

	line->pause_ms = pause_ms * 2 < max_ms ? pause_ms * 2 : max_ms;
	wheel_add(&outbox_service(line->outbox)->wheel, &line->timer,
		  clock_now_ns() + pause_ms * NS_PER_MS);
}

static int draft_names(struct line *line, struct draft *draft)
{
	size_t n_lane = strlen(line->lane);
	struct list *link;
	int r = 0;

	list_for_each (link, &line->departures) {
		const struct departure *departure =
			container_of(link, struct departure, link);
		const struct outgoing *outgoing =
			outgoing_lookup(state_of(line), departure->number);
		char key[LANE_KEY_BYTES];

		if (lane_name_bytes(outgoing->key) != n_lane ||
		    memcmp(outgoing->key, line->lane, n_lane) != 0 ||
		    draft->step.n_changes == RENAMES_MAX)
			break;
		r = lanes_next(&line->outbox->lanes, line->subject, key);
		if (r == 0 && judge_renamed(draft, departure->number, key))
			r = -ENOMEM;
		if (r < 0)
			break;
	}
	return r;
}

/*
 * A log that was made anew, say, wants number 1: what is left of the lane gets
 * another one, and leaves when that is on disk.
 */
static void rename_lane(struct line *line)
{
	struct service *service = outbox_service(line->outbox);
	struct draft draft;

	pause_for(line, LINE_PAUSE_MS, PAUSE_MAX_MS);
	if (line->renamed || !service_may_step(service))
		return;
	draft_init(&draft, &service->state, service_now_ms(service),
		   &service_nobody);
	lanes_forget_one(&line->outbox->lanes, line->subject);
	if (draft_names(line, &draft) == 0 && commit_step(service, &draft) == 0)
		line->renamed = draft.step.revision;
	else
		lanes_forget_one(&line->outbox->lanes, line->subject);
	draft_deinit(&draft);
}

void line_after_failure(struct line *line)
{
	if (!line->is_in_doubt)
		list_unlink(&line->doubt_link);
	if (line->is_lost) {
		rename_lane(line);
		return;
	}
	if (is_passing(line->status)) {
		pause_for(line, LINE_PAUSE_MS, PAUSE_MAX_MS);
		return;
	}
	line_set_refused(line, true);
	pause_for(line, REFUSED_FIRST_MS, REFUSED_MAX_MS);
}

/* While another lane is on its way to the disk it is looked at again. */
void line_hurry(struct line *line)
{
	timer_remove(&line->timer);
	if (line->n_under_way)
		return;
	if (line->is_lost &&
	    (!line->renamed || line->renamed > state_of(line)->committed)) {
		rename_lane(line);
		return;
	}
	line->renamed = 0;
	line->is_lost = false;
	line->has_failed = false;
	line_stir(line);
}

void line_note_failure(struct line *line, const struct helio_ack *ack,
		       const struct departure *departure)
{
	bool is_first = departure == first_of(line);

	/* What follows one that was refused is refused for its number only. */
	if (line->has_failed && !is_first)
		return;
	line->has_failed = true;
	line->status = ack->status;
	snprintf(line->reason, sizeof(line->reason), "%s", ack->reason);
	line->is_lost = is_first && !ack->is_refused &&
			(ack->status == HELIO_FAILED_PRECONDITION ||
			 ack->status == HELIO_ALREADY_EXISTS);
	/* The switch says nothing of what became of it before. */
	if (!ack->is_refused)
		line->is_in_doubt = is_passing(ack->status);
	else if (!is_passing(ack->status))
		line->is_in_doubt = false;
}
