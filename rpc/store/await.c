/* SPDX-License-Identifier: MIT */

/* Waiting for the end of a job, across lost connections. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "helio/store/v1/store.helio.h"
#include "rpc/store/job.h"
#include "rpc/store/pursuit.h"

/* Then it is asked again: a store that forgot of us is not waited for. */
enum { ASK_MS = 60000 };

struct helio_job_await {
	struct pursuit pursuit;
	helio_job_ended_fn on_ended;
	void *userdata;
	uint64_t id;
	char *queue; /* owned; the key stands behind it */
	char *key;   /* or NULL */
	bool is_inside;
	bool is_freed;
};

static void await_free(struct helio_job_await *await)
{
	pursuit_deinit(&await->pursuit);
	free(await->queue);
	free(await);
}

static void await_freep(struct helio_job_await **await)
{
	if (*await)
		await_free(*await);
}

void helio_job_await_free(struct helio_job_await *await)
{
	if (!await)
		return;
	await->is_freed = true;
	if (!await->is_inside)
		await_free(await);
}

static void tell(struct helio_job_await *await, unsigned status,
		 const char *reason, const Helio__Store__V1__Job *from)
{
	struct helio_job job;

	if (from)
		job = job_view(from);
	await->is_inside = true;
	await->on_ended(await, status, reason, from ? &job : NULL,
			await->userdata);
	await->is_inside = false;
	if (await->is_freed)
		await_free(await);
}

static void on_reply(const Helio__Store__V1__AwaitReply *reply, void *userdata)
{
	struct helio_job_await *await = userdata;
	const struct helio_reply *status =
		helio_client_reply(await->pursuit.client);

	if (reply && reply->job) {
		pursuit_is_answered(&await->pursuit);
		tell(await, HELIO_OK, "", reply->job);
	} else if (reply) {
		tell(await, HELIO_INTERNAL, "the answer has no job", NULL);
	} else {
		/* That nobody ended it in this time is no news. */
		await->pursuit.is_waiting |=
			status->status == HELIO_DEADLINE_EXCEEDED;
		if (!pursuit_repeats(&await->pursuit))
			tell(await, status->status, status->reason, NULL);
	}
}

static void ask(struct pursuit *pursuit)
{
	struct helio_job_await *await =
		container_of(pursuit, struct helio_job_await, pursuit);
	Helio__Store__V1__AwaitRequest request =
		HELIO__STORE__V1__AWAIT_REQUEST__INIT;

	request.queue = await->queue;
	request.has_id = !await->key;
	request.id = await->id;
	request.key = await->key;
	helio__store__v1__queues__await(helio_client_service(pursuit->client),
					&request, on_reply, await);
}

static int keep_texts(struct helio_job_await *await, const char *queue,
		      const char *key)
{
	size_t n_queue = strlen(queue) + 1;
	size_t n_key = key ? strlen(key) + 1 : 0;

	await->queue = malloc(n_queue + n_key);
	if (!await->queue)
		return -ENOMEM;
	memcpy(await->queue, queue, n_queue);
	if (key)
		await->key = memcpy(await->queue + n_queue, key, n_key);
	return 0;
}

int helio_job_await(struct helio *bus, const char *queue, uint64_t id,
		    const char *key, bool is_waiting,
		    helio_job_ended_fn on_ended, void *userdata,
		    struct helio_job_await **ret_await)
{
	_cleanup_(await_freep) struct helio_job_await *await = NULL;
	int r;

	if (!queue || !on_ended)
		return -EINVAL;
	await = calloc(1, sizeof(*await));
	if (!await)
		return -ENOMEM;
	await->on_ended = on_ended;
	await->userdata = userdata;
	await->id = id;
	await->pursuit = (struct pursuit){
		.bus = bus,
		.type = &helio__store__v1__queues__type,
		.ask = ask,
		.timeout_ms = ASK_MS,
		.is_waiting = is_waiting,
	};
	r = keep_texts(await, queue, key);
	if (r == 0)
		r = pursuit_init(&await->pursuit);
	if (r == 0)
		r = pursuit_ask(&await->pursuit);
	if (r < 0)
		return r;
	*ret_await = take_ptr(await);
	return 0;
}
