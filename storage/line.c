/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/heliograph.h"
#include "storage/outbox.h"
#include "storage/service.h"
#include "storage/state/state.h"

enum {
	LINE_UNDER_WAY_MAX = 128,
	ACK_TIMEOUT_MS = 10000,
};

static const struct state *state_of(const struct line *line)
{
	return &outbox_service(line->outbox)->state;
}

void line_stir(struct line *line)
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
	line->pause_ms = LINE_PAUSE_MS;
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
	line_stir(line);
	return 0;
}

static void after_success(struct line *line)
{
	line->is_in_doubt = false;
	list_unlink(&line->doubt_link);
	if (list_is_empty(&line->departures))
		line_free(line);
	else
		line_stir(line);
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
		line->pause_ms = LINE_PAUSE_MS;
		line_set_refused(line, false);
	} else {
		line_note_failure(line, ack, departure);
	}
	if (line->n_under_way > LINE_UNDER_WAY_MAX / 2)
		return;
	if (line->n_under_way && !line->has_failed)
		line_stir(line);
	else if (!line->n_under_way && line->has_failed)
		line_after_failure(line);
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

	line_note_failure(line, &ack, departure);
	if (!line->n_under_way)
		line_after_failure(line);
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
			line_stir(line);
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
