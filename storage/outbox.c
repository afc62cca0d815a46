/* SPDX-License-Identifier: MIT */

#include "storage/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/heliograph.h"
#include "storage/service.h"
#include "storage/state/judge.h"

enum { MARKS_MAX = 512 }; /* of one step */

int outbox_init(struct outbox *outbox)
{
	int r;

	*outbox = (struct outbox){ .last = 0 };
	list_init(&outbox->ready);
	list_init(&outbox->doubtful);
	list_init(&outbox->gone);
	list_init(&outbox->marked);
	r = lanes_init(&outbox->lanes);
	return r < 0 ? r : map_init(&outbox->lines);
}

static void free_all(struct list *departures)
{
	struct list *link;

	while ((link = list_pop_front(departures)))
		free(container_of(link, struct departure, link));
}

void outbox_deinit(struct outbox *outbox)
{
	struct map_node *node;

	if (!outbox->lines.buckets) {
		lanes_deinit(&outbox->lanes);
		return;
	}
	while ((node = map_first(&outbox->lines))) {
		struct line *line = container_of(node, struct line, node);

		free_all(&line->departures);
		line_free(line);
	}
	map_deinit(&outbox->lines);
	free_all(&outbox->gone);
	free_all(&outbox->marked);
	lanes_deinit(&outbox->lanes);
}

struct service *outbox_service(struct outbox *outbox)
{
	return container_of(outbox, struct service, outbox);
}

/* ---- taking up ---- */

/* They stand in the order of their numbers, and the new ones at the end. */
static struct list *first_new(const struct outbox *outbox,
			      const struct state *state)
{
	struct list *link = state->outgoing.prev;

	while (link != &state->outgoing &&
	       container_of(link, struct outgoing, link)->number > outbox->last)
		link = link->prev;
	return link->next;
}

static void take_up(struct outbox *outbox, const struct state *state)
{
	struct list *link;

	if (list_is_empty(&state->outgoing))
		return;
	for (link = first_new(outbox, state); link != &state->outgoing;
	     link = link->next) {
		const struct outgoing *outgoing =
			container_of(link, struct outgoing, link);

		if (outgoing->revision > state->committed ||
		    line_add(outbox, outgoing->number,
			     outgoing->message->subject, outgoing->n_bytes) < 0)
			return;
		outbox->last = outgoing->number;
	}
}

/* ---- gone ---- */

static void forget_marked(struct outbox *outbox, uint64_t committed)
{
	while (!list_is_empty(&outbox->marked)) {
		struct departure *departure = container_of(
			outbox->marked.next, struct departure, link);

		if (departure->revision > committed)
			return;
		list_unlink(&departure->link);
		free(departure);
		outbox->n_left++;
	}
}

static size_t numbers_of(const struct outbox *outbox,
			 uint64_t numbers[MARKS_MAX])
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &outbox->gone) {
		if (n == MARKS_MAX)
			break;
		numbers[n++] =
			container_of(link, struct departure, link)->number;
	}
	return n;
}

static void note_marked(struct outbox *outbox, size_t n, uint64_t revision)
{
	while (n--) {
		struct list *link = list_pop_front(&outbox->gone);

		container_of(link, struct departure, link)->revision = revision;
		list_push_back(&outbox->marked, link);
	}
}

static void mark(struct service *service)
{
	struct outbox *outbox = &service->outbox;
	uint64_t numbers[MARKS_MAX];
	size_t n = numbers_of(outbox, numbers);
	struct draft draft;

	if (!n || !service_may_step(service))
		return;
	draft_init(&draft, &service->state, service_now_ms(service),
		   &service_nobody);
	if (judge_sent(&draft, numbers, n) == HELIO_OK &&
	    commit_step(service, &draft) == 0)
		note_marked(outbox, n, draft.step.revision);
	draft_deinit(&draft);
}

/* What was marked and is not is marked again; keys are as they were. */
void outbox_reverted(struct outbox *outbox)
{
	uint64_t committed = outbox_service(outbox)->state.committed;
	struct map_node *node = NULL;

	lanes_forget(&outbox->lanes);
	forget_marked(outbox, committed);
	list_splice_back(&outbox->gone, &outbox->marked);
	while ((node = map_walk(&outbox->lines, node))) {
		struct line *line = container_of(node, struct line, node);

		if (line->renamed > committed)
			line->renamed = 0;
	}
}

/* ---- all of it ---- */

void outbox_turn(struct service *service)
{
	struct outbox *outbox = &service->outbox;
	struct list round = LIST_INIT(round);
	struct list *link;

	if (!service->bus)
		return;
	take_up(outbox, &service->state);
	forget_marked(outbox, service->state.committed);
	mark(service);
	if (helio_state(service->bus) != HELIO_CONNECTED)
		return;
	list_splice_back(&round, &outbox->ready);
	while ((link = list_pop_front(&round))) {
		struct line *line = container_of(link, struct line, ready_link);

		if (line_send(line))
			continue;
		list_push_back(&outbox->ready, &line->ready_link);
		list_splice_back(&outbox->ready, &round);
		return;
	}
}

void outbox_hurry(struct outbox *outbox)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&outbox->lines, node))) {
		struct line *line = container_of(node, struct line, node);

		line_hurry(line);
	}
}

void outbox_tell_fault(struct outbox *outbox)
{
	struct map_node *node = NULL;

	outbox->fault[0] = '\0';
	while (outbox->n_refused && (node = map_walk(&outbox->lines, node))) {
		const struct line *line = container_of(node, struct line, node);

		if (!line->is_refused)
			continue;
		snprintf(outbox->fault, sizeof(outbox->fault),
			 "messages on %s cannot leave: %s: %s", line->subject,
			 helio_status_name(line->status), line->reason);
		break;
	}
	service_tell_health(outbox_service(outbox));
}
