/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "rpc/heliograph.h"
#include "storage/outbox.h"
#include "storage/service.h"
#include "storage/state/judge.h"

enum {
	LINE_UNDER_WAY_MAX = 128,
	ACK_TIMEOUT_MS = 10000,
	PAUSE_FIRST_MS = 50,
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

static void stir(struct line *line)
{
	if (!list_is_linked(&line->ready_link))
		list_push_back(&line->outbox->ready, &line->ready_link);
}

/* ---- taken up ---- */

static struct line *lookup(const struct outbox *outbox, const char *subject,
			   uint64_t hash)
{
	struct map_node *node = map_lookup(&outbox->lines, hash);

	for (; node; node = map_next(node)) {
		struct line *line = container_of(node, struct line, node);

		if (!strcmp(line->subject, subject))
			return line;
	}
	return NULL;
}

static void on_pause_over(struct timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	line_hurry(container_of(timer, struct line, timer));
}

static struct line *line_get(struct outbox *outbox, const char *subject)
{
	size_t n = strlen(subject) + 1;
	uint64_t hash = hash_bytes(&outbox->lanes.key, subject, n - 1);
	struct line *line = lookup(outbox, subject, hash);

	if (line)
		return line;
	line = calloc(1, sizeof(*line) + n);
	if (!line)
		return NULL;
	memcpy(line->subject, subject, n);
	line->outbox = outbox;
	line->pause_ms = PAUSE_FIRST_MS;
	timer_init(&line->timer, on_pause_over);
	list_init(&line->departures);
	list_init(&line->ready_link);
	list_init(&line->doubt_link);
	map_add(&outbox->lines, &line->node, hash);
	return line;
}

void line_free(struct line *line)
{
	map_remove(&line->outbox->lines, &line->node);
	list_unlink(&line->ready_link);
	list_unlink(&line->doubt_link);
	timer_remove(&line->timer);
	free(line);
}

int line_add(struct outbox *outbox, uint64_t number, const char *subject,
	     size_t n_bytes)
{
	struct departure *departure = malloc(sizeof(*departure));
	struct line *line = departure ? line_get(outbox, subject) : NULL;

	if (!line) {
		free(departure);
		return -ENOMEM;
	}
	*departure = (struct departure){ .line = line,
					 .number = number,
					 .n_bytes = n_bytes };
	list_init(&departure->link);
	list_push_back(&line->departures, &departure->link);
	stir(line);
	return 0;
}

/* ---- after a failure ---- */

static void set_refused(struct line *line, bool is_refused)
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

	pause_for(line, PAUSE_FIRST_MS, PAUSE_MAX_MS);
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

/* All are back. */
static void after_failure(struct line *line)
{
	if (!line->is_in_doubt)
		list_unlink(&line->doubt_link);
	if (line->is_lost) {
		rename_lane(line);
		return;
	}
	if (is_passing(line->status)) {
		pause_for(line, PAUSE_FIRST_MS, PAUSE_MAX_MS);
		return;
	}
	set_refused(line, true);
	pause_for(line, REFUSED_FIRST_MS, REFUSED_MAX_MS);
}

static void after_success(struct line *line)
{
	line->is_in_doubt = false;
	list_unlink(&line->doubt_link);
	if (list_is_empty(&line->departures))
		line_free(line);
	else
		stir(line);
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
	stir(line);
}

static void note_failure(struct line *line, const struct helio_ack *ack,
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

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct departure *departure = userdata;
	struct line *line = departure->line;

	(void)bus;
	departure->is_sent = false;
	line->n_under_way--;
	line->outbox->n_under_way--;
	line->outbox->n_under_way_bytes -= departure->n_bytes;
	if (ack->status == HELIO_OK) {
		list_unlink(&departure->link);
		list_push_back(&line->outbox->gone, &departure->link);
		line->pause_ms = PAUSE_FIRST_MS;
		set_refused(line, false);
	} else {
		note_failure(line, ack, departure);
	}
	if (line->n_under_way > LINE_UNDER_WAY_MAX / 2)
		return;
	if (line->n_under_way && !line->has_failed)
		stir(line);
	else if (!line->n_under_way && line->has_failed)
		after_failure(line);
	else if (!line->n_under_way)
		after_success(line);
}

/* ---- sending ---- */

/* Whether a lane may begin that the log may not know yet. */
static bool may_begin(struct outbox *outbox)
{
	const struct line *oldest;

	if (list_is_empty(&outbox->doubtful))
		return true;
	oldest = container_of(outbox->doubtful.next, struct line, doubt_link);
	return outbox->n_begun - oldest->since < OUTBOX_LANES_MAX;
}

static bool is_same_lane(const struct line *line, const char *key)
{
	size_t n = lane_name_bytes(key);

	return strlen(line->lane) == n && !memcmp(line->lane, key, n);
}

static void begin_lane(struct line *line, const char *key)
{
	size_t n = lane_name_bytes(key);

	memcpy(line->lane, key, n);
	line->lane[n] = '\0';
	line->outbox->n_begun++;
}

static int publish(const struct line *line, struct departure *departure,
		   const struct outgoing *outgoing)
{
	const Helio__Store__V1__Message *message = outgoing->message;
	const struct helio_publish_options options = {
		.flags =
			message->is_plain ? HELIO_ACK_ROUTED : HELIO_ACK_STORED,
		.timeout_ms = ACK_TIMEOUT_MS,
		.on_ack = on_ack,
		.userdata = departure,
		.idempotency_key = message->is_plain ? NULL : outgoing->key,
		.content_type = message->content_type,
	};

	return helio_publish(outbox_service(line->outbox)->bus, line->subject,
			     message->body.data, message->body.len, &options);
}

static void note_sent(struct line *line, struct departure *departure)
{
	struct outbox *outbox = line->outbox;

	departure->is_sent = true;
	line->n_under_way++;
	outbox->n_under_way++;
	outbox->n_under_way_bytes += departure->n_bytes;
	if (!list_is_linked(&line->doubt_link)) {
		line->since = outbox->n_begun;
		list_push_back(&outbox->doubtful, &line->doubt_link);
	}
}

/* The library will not send it, whatever comes. */
static void refuse(struct line *line, struct departure *departure, int r)
{
	const struct helio_ack ack = {
		.status = HELIO_INVALID_ARGUMENT,
		.reason = strerror(-r),
		.is_refused = true,
	};

	note_failure(line, &ack, departure);
	if (!line->n_under_way)
		after_failure(line);
}

/* 1: sent; 0: not now, nor what is behind it; -EAGAIN: nor anything else. */
static int send_one(struct line *line, struct departure *departure)
{
	const struct outgoing *outgoing =
		outgoing_lookup(state_of(line), departure->number);
	int r;

	if (!is_same_lane(line, outgoing->key)) {
		if (line->n_under_way)
			return 0;
		if (!may_begin(line->outbox)) {
			stir(line);
			return 0;
		}
	}
	r = publish(line, departure, outgoing);
	if (r == -EAGAIN || r == -ENOTCONN || r == -ENOMEM)
		return -EAGAIN;
	if (r < 0) {
		refuse(line, departure, r);
		return 0;
	}
	if (!is_same_lane(line, outgoing->key))
		begin_lane(line, outgoing->key);
	note_sent(line, departure);
	return 1;
}

static bool is_full(const struct outbox *outbox)
{
	return outbox->n_under_way >= OUTBOX_UNDER_WAY_MAX ||
	       outbox->n_under_way_bytes >= OUTBOX_UNDER_WAY_BYTES_MAX;
}

bool line_send(struct line *line)
{
	struct list *link;
	int r = 1;

	if (line->has_failed)
		return true;
	list_for_each (link, &line->departures) {
		struct departure *departure =
			container_of(link, struct departure, link);

		if (departure->is_sent)
			continue;
		if (line->n_under_way >= LINE_UNDER_WAY_MAX)
			break;
		r = is_full(line->outbox) ? -EAGAIN : send_one(line, departure);
		if (r <= 0)
			break;
	}
	return r >= 0;
}
