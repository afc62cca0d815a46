/* SPDX-License-Identifier: MIT */

/* What of the Queues only reads: queues, jobs, and who waits for one. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/follow.h"
#include "storage/guest.h"
#include "storage/queues_service.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/state/party.h"
#include "storage/state/queue.h"
#include "storage/state/value.h"
#include "storage/wish.h"

enum {
	QUEUES_PAGE_MAX = 64,
	JOBS_PAGE_MAX = 256,
	JOBS_PAGE_BYTES_MAX = 1024 * 1024,
	LOOK_MAX = 16384, /* jobs that are looked at for one page */
};

#define REQUEST(wish, type) \
	((const Helio__Store__V1__##type *)(const void *)(wish)->request)

/* Refuses the wish if there is none, or has it act again later. */
static struct queue *find_queue(struct wish *wish, const char *name)
{
	const struct state *state = &wish->service->state;
	struct queue *queue = queue_lookup(state, name);

	if (!queue)
		wish_refuse(wish, HELIO_NOT_FOUND, "no queue is called %s",
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
	return may_see_queue(wish, REQUEST(wish, ShowQueueRequest)->name);
}

static void act_show(struct wish *wish)
{
	Helio__Store__V1__ShowQueueReply reply =
		HELIO__STORE__V1__SHOW_QUEUE_REPLY__INIT;
	const struct queue *queue =
		find_queue(wish, REQUEST(wish, ShowQueueRequest)->name);
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
	Helio__Store__V1__Queue queues[QUEUES_PAGE_MAX];
	Helio__Store__V1__Queue *shown[QUEUES_PAGE_MAX];
};

/* Returns 1, or what asking returned. */
static int fill_queues(struct wish *wish, struct queue_page *page)
{
	const Helio__Store__V1__ListQueuesRequest *request =
		REQUEST(wish, ListQueuesRequest);
	const struct state *state = &wish->service->state;
	size_t limit = request->limit && request->limit < QUEUES_PAGE_MAX
			       ? request->limit
			       : QUEUES_PAGE_MAX;
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

/* ---- one job ---- */

/* ShowJob, Await and Follow name it in the same way. */
struct job_name {
	const char *queue;
	uint64_t id;
	const char *key;
};

static int may_see_job(struct wish *wish, const struct job_name *name,
		       bool *ret_only_own)
{
	return rights_ask_either(wish, "job-work", "job-submit", name->queue,
				 ret_only_own);
}

static struct job *lookup(const struct wish *wish, const struct queue *queue,
			  const struct job_name *name, bool only_own)
{
	const char *durable_id = wish->guest->durable_id;
	struct job *job;

	if (name->key)
		return queue_job_by_key(queue, durable_id, name->key);
	job = queue_job(queue, name->id);
	if (job && only_own &&
	    strcmp(job->submitter->account->durable_id, durable_id) != 0)
		return NULL;
	return job;
}

/* Another's job is none to who may only submit. */
static struct job *find_job(struct wish *wish, const struct job_name *name)
{
	const struct queue *queue = find_queue(wish, name->queue);
	bool only_own;
	struct job *job;

	if (!queue)
		return NULL;
	/* It is known, for it was asked just now. */
	(void)may_see_job(wish, name, &only_own);
	job = lookup(wish, queue, name, only_own);
	if (!job)
		wish_refuse(wish, HELIO_NOT_FOUND, "there is no such job");
	return job;
}

#define NAME_OF(function, type)                                                \
	static struct job_name function(const struct wish *wish)               \
	{                                                                      \
		const Helio__Store__V1__##type *request = REQUEST(wish, type); \
                                                                               \
		return (struct job_name){ request->queue, request->id,         \
					  request->key };                      \
	}

NAME_OF(name_of_show, ShowJobRequest)
NAME_OF(name_of_await, AwaitRequest)
NAME_OF(name_of_follow, FollowRequest)

#define MAY_SEE(function, name_of)                          \
	static int function(struct wish *wish)              \
	{                                                   \
		const struct job_name name = name_of(wish); \
		bool only_own;                              \
                                                            \
		return may_see_job(wish, &name, &only_own); \
	}

MAY_SEE(may_show_job, name_of_show)
MAY_SEE(may_await, name_of_await)
MAY_SEE(may_follow, name_of_follow)

static void act_show_job(struct wish *wish)
{
	Helio__Store__V1__ShowJobReply reply =
		HELIO__STORE__V1__SHOW_JOB_REPLY__INIT;
	const struct job_name name = name_of_show(wish);
	const struct job *job = find_job(wish, &name);
	Helio__Store__V1__Job told;

	if (!job)
		return;
	job_describe(job, false, &told);
	reply.job = &told;
	wish_answer(wish, &reply.base, job->status.revision);
}

const struct wish_type job_show_type = {
	.may = may_show_job,
	.act = act_show_job,
};

/* ---- waiting for one ---- */

/* Of the steps that are not on disk the first knows what came before them. */
static bool is_on_disk(const struct state *state, const struct job *job)
{
	uint64_t next_job = state->next_job;

	if (!list_is_empty(&state->undos))
		next_job =
			container_of(state->undos.next, struct undo_step, link)
				->next_job_before;
	return job->id < next_job;
}

static void follow(struct wish *wish, const struct job_name *name,
		   bool is_await)
{
	struct job *job = find_job(wish, name);

	if (!job)
		return;
	if (is_on_disk(&wish->service->state, job))
		follow_start(wish, job, is_await);
	else
		wish_again(wish, job->status.revision);
}

static void act_await(struct wish *wish)
{
	const struct job_name name = name_of_await(wish);

	follow(wish, &name, true);
}

static void act_follow(struct wish *wish)
{
	const struct job_name name = name_of_follow(wish);

	follow(wish, &name, false);
}

const struct wish_type job_await_type = { .may = may_await, .act = act_await };
const struct wish_type job_follow_type = {
	.may = may_follow,
	.act = act_follow,
};

/* ---- many ---- */

static int may_list_jobs(struct wish *wish)
{
	return rights_ask(wish, "job-work",
			  REQUEST(wish, ListJobsRequest)->queue);
}

struct job_page {
	Helio__Store__V1__ListJobsReply reply;
	Helio__Store__V1__Job jobs[JOBS_PAGE_MAX];
	Helio__Store__V1__Job *shown[JOBS_PAGE_MAX];
	size_t n_bytes;
	uint64_t revision; /* of the job that was changed last */
};

static size_t size_of(const struct job *job, bool is_brief)
{
	size_t n = JOB_BYTES + job->n_bytes;

	if (is_brief)
		n = 2 * JOB_BYTES;
	else if (job->status.result)
		n += job->status.result->n_bytes;
	return n;
}

/* False: it does not fit any more. */
static bool add(struct job_page *page, const struct job *job, bool is_brief,
		size_t limit)
{
	size_t n = page->reply.n_jobs;
	size_t n_bytes = size_of(job, is_brief);

	if (n == limit || (n && page->n_bytes + n_bytes > JOBS_PAGE_BYTES_MAX))
		return false;
	job_describe(job, is_brief, &page->jobs[n]);
	page->shown[n] = &page->jobs[n];
	page->reply.n_jobs++;
	page->n_bytes += n_bytes;
	if (job->status.revision > page->revision)
		page->revision = job->status.revision;
	return true;
}

static void fill_jobs(const struct wish *wish, const struct queue *queue,
		      struct job_page *page)
{
	const Helio__Store__V1__ListJobsRequest *request =
		REQUEST(wish, ListJobsRequest);
	size_t limit = request->limit && request->limit < JOBS_PAGE_MAX
			       ? request->limit
			       : JOBS_PAGE_MAX;
	uint64_t after = request->after;
	const struct job *job;
	int n = 0;

	while ((job = queue_next_job(queue, after))) {
		bool is_wanted = !request->has_state ||
				 request->state == job->status.state;

		if (++n > LOOK_MAX ||
		    (is_wanted && !add(page, job, request->is_brief, limit))) {
			page->reply.has_next = 1;
			page->reply.next = after;
			return;
		}
		after = job->id;
	}
}

static void act_list_jobs(struct wish *wish)
{
	const struct queue *queue =
		find_queue(wish, REQUEST(wish, ListJobsRequest)->queue);
	struct job_page *page;

	if (!queue)
		return;
	page = malloc(sizeof(*page));
	if (!page) {
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	helio__store__v1__list_jobs_reply__init(&page->reply);
	page->reply.jobs = page->shown;
	page->n_bytes = 0;
	page->revision = 0;
	fill_jobs(wish, queue, page);
	wish_answer(wish, &page->reply.base, page->revision);
	free(page);
}

const struct wish_type job_list_type = {
	.may = may_list_jobs,
	.act = act_list_jobs,
};
