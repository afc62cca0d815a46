/* SPDX-License-Identifier: MIT */

/* Queues as they are shown, and listed. */

#include <string.h>

#include "storage/queues_service.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/state/queue.h"
#include "storage/wish.h"

enum { PAGE_MAX = 64 };

struct queue *queues_find(struct wish *wish, const char *name)
{
	const struct state *state = &wish->service->state;
	struct queue *queue = queue_lookup(state, name);

	if (!queue)
		wish_refuse(wish, HELIO_NOT_FOUND, "there is no queue %s",
			    name);
	else if (queue->created_revision > state->committed)
		wish_again(wish, queue->created_revision);
	else
		return queue;
	return NULL;
}

/* ---- queues ---- */

static void describe(const struct queue *queue,
		     Helio__Store__V1__Queue *ret_queue)
{
	const struct list *link;

	queue_describe(queue, ret_queue);
	ret_queue->has_workers_waiting = 1;
	ret_queue->workers_waiting = 0;
	list_for_each (link, &queue->waiting)
		ret_queue->workers_waiting++;
}

static int may_see_queue(struct wish *wish, const char *name)
{
	bool is_submitter;

	return rights_ask_either(wish, "job-work", "job-submit", name,
				 &is_submitter);
}

static int may_show(struct wish *wish)
{
	return may_see_queue(wish, WISH_REQUEST(wish, ShowQueue)->name);
}

static void act_show(struct wish *wish)
{
	Helio__Store__V1__ShowQueueReply reply =
		HELIO__STORE__V1__SHOW_QUEUE_REPLY__INIT;
	const struct queue *queue =
		queues_find(wish, WISH_REQUEST(wish, ShowQueue)->name);
	Helio__Store__V1__Queue told;

	if (!queue)
		return;
	describe(queue, &told);
	reply.queue = &told;
	wish_answer(wish, &reply.base, wish->service->state.revision);
}

const struct wish_type queue_show_type = { .may = may_show, .act = act_show };

static int may_list_queues(struct wish *wish)
{
	return 1;
}

static int compare_name(const void *key, const struct order_node *node)
{
	return strcmp(key, const_container_of(node, struct queue, node)->name);
}

static struct order_node *queue_after(const struct state *state,
				      const char *name)
{
	struct order_node *node;

	if (!name)
		return order_first(&state->queues);
	node = order_seek(&state->queues, name, compare_name);
	if (node && !compare_name(name, node))
		node = order_next(node);
	return node;
}

struct queue_page {
	Helio__Store__V1__ListQueuesReply reply;
	Helio__Store__V1__Queue queues[PAGE_MAX];
	Helio__Store__V1__Queue *shown[PAGE_MAX];
};

/* Returns 1, or what asking returned. */
static int fill_queues(struct wish *wish, struct queue_page *page)
{
	const Helio__Store__V1__ListQueuesRequest *request =
		WISH_REQUEST(wish, ListQueues);
	const struct state *state = &wish->service->state;
	size_t limit = request->limit && request->limit < PAGE_MAX
			       ? request->limit
			       : PAGE_MAX;
	struct order_node *node = queue_after(state, request->cursor);

	for (; node; node = order_next(node)) {
		struct queue *queue = container_of(node, struct queue, node);
		size_t n = page->reply.n_queues;
		int r = may_see_queue(wish, queue->name);

		if (r < 0)
			return r;
		if (r == 0 || queue->created_revision > state->committed)
			continue;
		if (n == limit) {
			page->reply.next = page->queues[n - 1].name;
			break;
		}
		describe(queue, &page->queues[n]);
		page->shown[n] = &page->queues[n];
		page->reply.n_queues++;
	}
	return 1;
}

static void act_list_queues(struct wish *wish)
{
	struct queue_page page = {
		.reply = HELIO__STORE__V1__LIST_QUEUES_REPLY__INIT,
	};
	int r;

	page.reply.queues = page.shown;
	r = fill_queues(wish, &page);
	if (r == 1)
		wish_answer(wish, &page.reply.base,
			    wish->service->state.revision);
	else
		wish_ask_again(wish, r);
}

const struct wish_type queue_list_type = {
	.may = may_list_queues,
	.act = act_list_queues,
};
