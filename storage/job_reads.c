/* SPDX-License-Identifier: MIT */

/* Jobs as they are shown, and listed; and who waits for one. */

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
	PAGE_MAX = 256,
	PAGE_BYTES_MAX = 1024 * 1024,
	LOOK_MAX = 16384, /* jobs that are looked at for one page */
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
	const struct queue *queue = queues_find(wish, name->queue);
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

#define NAME_OF(function, Type)                                        \
	static struct job_name function(const struct wish *wish)       \
	{                                                              \
		const Helio__Store__V1__##Type##Request *request =     \
			WISH_REQUEST(wish, Type);                      \
                                                                       \
		return (struct job_name){ request->queue, request->id, \
					  request->key };              \
	}

NAME_OF(name_of_show, ShowJob)
NAME_OF(name_of_await, Await)
NAME_OF(name_of_follow, Follow)

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
			  WISH_REQUEST(wish, ListJobs)->queue);
}

struct job_page {
	Helio__Store__V1__ListJobsReply reply;
	Helio__Store__V1__Job jobs[PAGE_MAX];
	Helio__Store__V1__Job *shown[PAGE_MAX];
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

	if (n == limit || (n && page->n_bytes + n_bytes > PAGE_BYTES_MAX))
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
		WISH_REQUEST(wish, ListJobs);
	size_t limit = request->limit && request->limit < PAGE_MAX
			       ? request->limit
			       : PAGE_MAX;
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
		queues_find(wish, WISH_REQUEST(wish, ListJobs)->queue);
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
