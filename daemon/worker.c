/* SPDX-License-Identifier: MIT */

#include "daemon/worker.h"

static struct task *next_task(struct worker *worker)
{
	struct list *link;

	while (list_is_empty(&worker->to_do) && !worker->is_ending)
		uv_cond_wait(&worker->more, &worker->mutex);
	link = list_pop_front(&worker->to_do);
	return link ? container_of(link, struct task, link) : NULL;
}

static void work(void *argument)
{
	struct worker *worker = argument;
	struct task *task;

	uv_mutex_lock(&worker->mutex);
	while ((task = next_task(worker))) {
		uv_mutex_unlock(&worker->mutex);
		task->run(task);
		uv_mutex_lock(&worker->mutex);
		list_push_back(&worker->done, &task->link);
		uv_async_send(&worker->finished);
	}
	uv_mutex_unlock(&worker->mutex);
}

static void tell_done(struct worker *worker)
{
	struct list done = LIST_INIT(done);
	struct list *link;

	uv_mutex_lock(&worker->mutex);
	list_splice_back(&done, &worker->done);
	uv_mutex_unlock(&worker->mutex);
	while ((link = list_pop_front(&done))) {
		struct task *task = container_of(link, struct task, link);

		task->done(task);
	}
}

static void on_finished(uv_async_t *async)
{
	tell_done(async->data);
}

int worker_start(struct worker *worker, uv_loop_t *loop)
{
	int r;

	*worker = (struct worker){ .is_ending = false };
	list_init(&worker->to_do);
	list_init(&worker->done);
	r = uv_mutex_init(&worker->mutex);
	if (r < 0)
		return r;
	r = uv_cond_init(&worker->more);
	if (r < 0)
		goto no_condition;
	r = uv_async_init(loop, &worker->finished, on_finished);
	if (r < 0)
		goto no_async;
	worker->finished.data = worker;
	r = uv_thread_create(&worker->thread, work, worker);
	if (r < 0)
		goto no_thread;
	worker->is_open = true;
	return 0;

no_thread:
	uv_close((uv_handle_t *)&worker->finished, NULL);
no_async:
	uv_cond_destroy(&worker->more);
no_condition:
	uv_mutex_destroy(&worker->mutex);
	return r;
}

void worker_push(struct worker *worker, struct task *task)
{
	list_init(&task->link);
	if (!worker->is_open) {
		task->run(task);
		task->done(task);
		return;
	}
	uv_mutex_lock(&worker->mutex);
	list_push_back(&worker->to_do, &task->link);
	uv_cond_signal(&worker->more);
	uv_mutex_unlock(&worker->mutex);
}

void worker_stop(struct worker *worker)
{
	if (!worker->is_open)
		return;
	worker->is_open = false;
	uv_mutex_lock(&worker->mutex);
	worker->is_ending = true;
	uv_cond_signal(&worker->more);
	uv_mutex_unlock(&worker->mutex);
	uv_thread_join(&worker->thread);
	tell_done(worker);
	uv_close((uv_handle_t *)&worker->finished, NULL);
	uv_cond_destroy(&worker->more);
	uv_mutex_destroy(&worker->mutex);
}
