/* SPDX-License-Identifier: MIT */

#include "xenstore/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "xenstore/batch.h"
#include "xenstore/node.h"
#include "xenstore/owner.h"
#include "xenstore/selection.h"

enum {
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 5000,
	CARE_MS = 500,
	EVENTS_MAX = 100000, /* in one go: more than a daemon can send */
};

#define PING_NS (2 * NS_PER_S)

static int last_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

/* ---- in the thread ---- */

/*
 * The library asks for a long list in parts, and begins anew when it changed
 * between two of them, which a guest can see to without end. In a transaction
 * it stays as it was.
 */
static int list_names(struct xs_handle *handle, struct sight *sight)
{
	const struct node *node = sight->node;
	xs_transaction_t transaction = XBT_NULL;
	int r = 0;

	if (node->owner->domid)
		transaction = xs_transaction_start(handle);
	if (node->owner->domid && transaction == XBT_NULL)
		return last_errno();
	sight->names =
		xs_directory(handle, transaction, node->path, &sight->n_names);
	if (!sight->names)
		r = last_errno();
	/* Some cannot tell them in parts; the value is known all the same. */
	sight->has_too_many = r == -E2BIG;
	if (transaction != XBT_NULL)
		(void)xs_transaction_end(handle, transaction, true);
	return sight->has_too_many ? 0 : r;
}

static int see(struct xs_handle *handle, struct sight *sight)
{
	const char *path = sight->node->path;

	sight->value = xs_read(handle, XBT_NULL, path, &sight->n_value);
	if (!sight->value)
		return last_errno();
	return sight->wants_names ? list_names(handle, sight) : 0;
}

static void run_look(struct task *task)
{
	struct source *source = container_of(task, struct source, task);
	bool is_over = false;

	source->r = 0;
	for (size_t i = 0; !is_over && i < source->n_sights; i++) {
		struct sight *sight = &source->sights[i];

		if (!sight->is_due)
			continue;
		sight->r = see(source->handle, sight);
		sight->is_seen = true;
		if (sight->r && !sight_is_absent(sight->r))
			source->r = sight->r;
		is_over = source->r || clock_now_ns() >= source->until_ns;
	}
}

/* Whether it still answers: when there are no events nothing is asked. */
static void run_ping(struct task *task)
{
	struct source *source = container_of(task, struct source, task);
	unsigned n;
	void *value = xs_read(source->handle, XBT_NULL, "/", &n);

	source->r = value ? 0 : last_errno();
	if (sight_is_absent(source->r))
		source->r = 0;
	free(value);
}

static int watch_roots(const struct source *source)
{
	const struct selection *selection = source->selection;

	for (size_t i = 0; i < selection->n_roots; i++)
		if (!xs_watch(source->handle, selection->roots[i], "helio"))
			return last_errno();
	return 0;
}

static void run_open(struct task *task)
{
	struct source *source = container_of(task, struct source, task);

	source->r = 0;
	source->handle = xs_open(0);
	if (!source->handle)
		source->r = last_errno();
	else
		source->r = watch_roots(source);
}

/* ---- in the loop ---- */

static void push(struct source *source, void (*run)(struct task *task),
		 void (*done)(struct task *task))
{
	source->task = (struct task){ .run = run, .done = done };
	source->busy_since_ns = clock_now_ns();
	worker_push(&source->worker, &source->task);
}

static void on_news_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_handle(struct source *source)
{
	if (source->news)
		uv_close((uv_handle_t *)source->news, on_news_closed);
	source->news = NULL;
	if (source->handle)
		xs_close(source->handle);
	source->handle = NULL;
}

static void try_again(uv_timer_t *timer);

/* Never while a task is under way. */
static void lose(struct source *source, int r)
{
	bool was_open = source->is_open;

	snprintf(source->reason, sizeof(source->reason), "xenstore: %s",
		 strerror(-r));
	source->is_open = false;
	close_handle(source);
	uv_timer_start(&source->again, try_again, source->pause_ms, 0);
	source->pause_ms *= 2;
	if (source->pause_ms > PAUSE_MAX_MS)
		source->pause_ms = PAUSE_MAX_MS;
	if (was_open)
		source->events->on_lost(source->userdata);
}

/* Returns 0, or a negative errno when there will be no more. */
static int tell_events(struct source *source)
{
	char **event;

	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		event = xs_check_watch(source->handle);
		if (!event)
			return errno == EAGAIN ? 0 : last_errno();
		source->events->on_event(source->userdata,
					 event[XS_WATCH_PATH]);
		free(event);
	}
	return 0;
}

static void on_news(uv_poll_t *poll, int status, int events)
{
	struct source *source = poll->data;
	int r = status < 0 ? status : tell_events(source);

	(void)events;
	/* Who is at work will see by himself. */
	if (r < 0 && source->busy_since_ns)
		uv_poll_stop(poll);
	else if (r < 0)
		lose(source, r);
}

/* What a task is done with; false: it is of no use. */
static bool is_answered(struct source *source)
{
	int r = source->r;

	source->busy_since_ns = 0;
	source->answered_ns = clock_now_ns();
	if (source->is_ending)
		return false;
	if (r == 0)
		r = tell_events(source);
	if (r < 0)
		lose(source, r);
	return r == 0;
}

static void done_ping(struct task *task)
{
	(void)is_answered(container_of(task, struct source, task));
}

/* The library wakes nobody when the daemon dies. */
static void on_care(uv_timer_t *timer)
{
	struct source *source = timer->data;
	int r;

	if (!source->is_open || source->busy_since_ns)
		return;
	r = tell_events(source);
	if (r < 0)
		lose(source, r);
	else if (clock_now_ns() - source->answered_ns > PING_NS)
		push(source, run_ping, done_ping);
}

static int follow_news(struct source *source)
{
	int fd = xs_fileno(source->handle);
	int r;

	source->news = calloc(1, sizeof(*source->news));
	if (!source->news)
		return -ENOMEM;
	r = uv_poll_init(source->uv, source->news, fd);
	if (r < 0) {
		free(take_ptr(source->news));
		return r;
	}
	source->news->data = source;
	return uv_poll_start(source->news, UV_READABLE, on_news);
}

static void done_open(struct task *task)
{
	struct source *source = container_of(task, struct source, task);

	source->busy_since_ns = 0;
	if (source->is_ending)
		return;
	if (source->r == 0)
		source->r = follow_news(source);
	if (source->r < 0) {
		lose(source, source->r);
		return;
	}
	source->is_open = true;
	source->answered_ns = clock_now_ns();
	source->reason[0] = '\0';
	source->pause_ms = PAUSE_FIRST_MS;
	source->events->on_open(source->userdata);
}

static void done_look(struct task *task)
{
	struct source *source = container_of(task, struct source, task);

	for (size_t i = 0; i < source->n_sights; i++)
		if (source->sights[i].is_due && source->sights[i].is_seen)
			source->n_reads += 1 + source->sights[i].wants_names;
	if (is_answered(source))
		source->events->on_seen(source->userdata);
}

static void try_again(uv_timer_t *timer)
{
	push(timer->data, run_open, done_open);
}

int source_start(struct source *source, uv_loop_t *uv,
		 const struct selection *selection,
		 const struct source_events *events, void *userdata)
{
	int r;

	*source = (struct source){
		.selection = selection,
		.events = events,
		.userdata = userdata,
		.uv = uv,
		.pause_ms = PAUSE_FIRST_MS,
		.reason = "xenstore was not reached yet",
	};
	r = worker_start(&source->worker, uv);
	if (r < 0)
		return r;
	uv_timer_init(uv, &source->again);
	uv_timer_init(uv, &source->care);
	source->again.data = source;
	source->care.data = source;
	uv_timer_start(&source->care, on_care, CARE_MS, CARE_MS);
	push(source, run_open, done_open);
	return 0;
}

void source_deinit(struct source *source)
{
	if (!source->worker.is_open)
		return;
	source->is_ending = true;
	worker_stop(&source->worker);
	close_handle(source);
	uv_close((uv_handle_t *)&source->again, NULL);
	uv_close((uv_handle_t *)&source->care, NULL);
}

void source_look(struct source *source, struct sight *sights, size_t n,
		 uint64_t until_ns)
{
	source->sights = sights;
	source->n_sights = n;
	source->until_ns = until_ns;
	push(source, run_look, done_look);
}

uint64_t source_silent_ns(const struct source *source)
{
	return source->busy_since_ns ? clock_now_ns() - source->busy_since_ns
				     : 0;
}
