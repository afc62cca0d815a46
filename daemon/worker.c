/* SPDX-License-Identifier: MIT */

#include "daemon/worker.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"

static struct task *next_task(struct worker *worker)
{
	struct list *link;

	uv_mutex_lock(&worker->mutex);
	while (list_is_empty(&worker->to_do) && !worker->is_ending)
		uv_cond_wait(&worker->more, &worker->mutex);
	link = list_pop_front(&worker->to_do);
	uv_mutex_unlock(&worker->mutex);
	return link ? container_of(link, struct task, link) : NULL;
}

/*
 * The loop takes all that is there, so it is woken for the first. It may run
 * before this thread goes on: what it wants then must not be held here. Nor
 * does it wait for us to return, as it does with an uv_async_t.
 */
static void finish(struct worker *worker, struct task *task)
{
	bool is_first;

	uv_mutex_lock(&worker->mutex);
	is_first = list_is_empty(&worker->done);
	list_push_back(&worker->done, &task->link);
	uv_mutex_unlock(&worker->mutex);
	if (is_first)
		(void)eventfd_write(worker->event_fd, 1);
}

static void work(void *argument)
{
	struct worker *worker = argument;
	struct task *task;

	while ((task = next_task(worker))) {
		task->run(task);
		finish(worker, task);
	}
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

static void on_finished(uv_poll_t *poll, int status, int events)
{
	struct worker *worker = poll->data;
	eventfd_t n;

	(void)status;
	(void)events;
	(void)eventfd_read(worker->event_fd, &n);
	tell_done(worker);
}

static void close_event(struct worker *worker)
{
	uv_close((uv_handle_t *)&worker->finished, NULL);
	close_fdp(&worker->event_fd);
}

static int open_event(struct worker *worker, uv_loop_t *loop)
{
	int r;

	worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->event_fd < 0)
		return -errno;
	r = uv_poll_init(loop, &worker->finished, worker->event_fd);
	if (r < 0) {
		close_fdp(&worker->event_fd);
		return r;
	}
	worker->finished.data = worker;
	r = uv_poll_start(&worker->finished, UV_READABLE, on_finished);
	if (r < 0)
		close_event(worker);
	return r;
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
	r = open_event(worker, loop);
	if (r < 0)
		goto no_event;
	r = uv_thread_create(&worker->thread, work, worker);
	if (r < 0)
		goto no_thread;
	worker->is_open = true;
	return 0;

no_thread:
	close_event(worker);
no_event:
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
	uv_mutex_unlock(&worker->mutex);
	uv_cond_signal(&worker->more);
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
	close_event(worker);
	uv_cond_destroy(&worker->more);
	uv_mutex_destroy(&worker->mutex);
}
