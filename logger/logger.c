/* SPDX-License-Identifier: MIT */

#include "logger/logger.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "logger/consumer.h"
#include "logger/import.h"
#include "logger/keeper.h"
#include "logger/log.h"
#include "logger/query.h"
#include "logger/reader.h"
#include "logger/service.h"
#include "rpc/heliograph-rpc.h"

enum { TICK_MS = 1000, EXPIRE_TICKS = 10, FLUSH_MS = 2000 };

uint64_t logger_now_unix_ns(struct logger *logger)
{
	if (!logger->now_unix_ns)
		logger->now_unix_ns = clock_unix_ns();
	return logger->now_unix_ns;
}

static void set_paused(struct logger *logger, bool is_paused)
{
	struct list *link;

	if (logger->is_paused == is_paused)
		return;
	logger->is_paused = is_paused;
	list_for_each (link, &logger->keepers)
		keeper_pause(container_of(link, struct keeper, link),
			     is_paused);
}

void logger_waiting(struct logger *logger, int64_t n_bytes)
{
	logger->n_waiting_bytes += (uint64_t)n_bytes;
	if (logger->n_waiting_bytes > LOGGER_WAITING_BYTES_MAX)
		set_paused(logger, true);
	else if (logger->n_waiting_bytes < LOGGER_WAITING_BYTES_LOW)
		set_paused(logger, false);
}

bool logger_turn(struct logger *logger)
{
	bool has_more;
	struct list *link;

	logger->now_unix_ns = 0;
	errands_turn(&logger->errands);
	has_more = readers_turn(logger);
	consumers_turn(logger);
	while ((link = list_pop_front(&logger->stirred)))
		keeper_commit(container_of(link, struct keeper, stirred_link));
	return has_more;
}

void logger_lose(struct logger *logger)
{
	struct list *link;

	access_forget(&logger->access);
	list_for_each (link, &logger->keepers)
		keeper_lose(container_of(link, struct keeper, link));
}

void logger_tell_health(struct logger *logger)
{
	char text[400];
	struct list *link;

	if (!logger->server)
		return;
	list_for_each (link, &logger->keepers) {
		struct keeper *keeper = container_of(link, struct keeper, link);

		if (!keeper->fault[0])
			continue;
		snprintf(text, sizeof(text), "%s: %s", keeper->name,
			 keeper->fault);
		(void)helio_server_set_health(logger->server,
					      HELIO_HEALTH_NOT_SERVING, text);
		return;
	}
	(void)helio_server_set_health(logger->server, HELIO_HEALTH_SERVING,
				      NULL);
}

/* ---- beginning ---- */

static void say_ready(struct logger *logger)
{
	if (logger->was_ready || !logger->is_answered || logger->n_unsettled)
		return;
	logger->was_ready = true;
	if (logger->on_ready)
		logger->on_ready(logger->userdata);
}

void logger_served(struct logger *logger, bool is_served)
{
	logger->is_answered = true;
	logger->is_served = is_served;
	if (is_served)
		logger_tell_health(logger);
	say_ready(logger);
}

static void on_settled(struct keeper *keeper, unsigned status,
		       const char *reason, void *userdata)
{
	struct logger *logger = userdata;

	(void)reason;
	if (status == HELIO_OK)
		log_info("%s: records %llu to %llu", keeper->name,
			 (unsigned long long)keeper->status.first,
			 (unsigned long long)keeper->status.last);
	logger->n_unsettled--;
	say_ready(logger);
}

static bool is_folder(const char *state, const char *name)
{
	char path[4096];
	struct stat status;

	if (snprintf(path, sizeof(path), "%s/%s", state, name) >=
	    (int)sizeof(path))
		return false;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int close_dir(DIR *dir)
{
	return dir ? closedir(dir) : 0;
}

DEFINE_CLEANUP(DIR *, close_dir);

static int open_logs(struct logger *logger)
{
	_cleanup_(close_dirp) DIR *dir = opendir(logger->state);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct keeper *keeper;
		int r;

		if (!config_is_name(entry->d_name) ||
		    !is_folder(logger->state, entry->d_name))
			continue;
		logger->n_unsettled++;
		r = keeper_new(logger, entry->d_name, NULL, on_settled, logger,
			       &keeper);
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_tick(uv_timer_t *timer)
{
	struct logger *logger = timer->data;
	uint64_t now_ns = clock_now_ns();
	struct list *link, *after;

	logger->n_ticks++;
	access_tick(&logger->access);
	list_for_each_safe (link, after, &logger->keepers) {
		struct keeper *keeper = container_of(link, struct keeper, link);

		if (logger->n_ticks % EXPIRE_TICKS == 0)
			keeper->wants_expiry = true;
		keeper_tick(keeper, now_ns);
	}
}

int logger_init(struct logger *logger, uv_loop_t *uv, struct helio *bus,
		struct backend *backend, const char *state)
{
	int r;

	logger->uv = uv;
	logger->bus = bus;
	logger->backend = backend;
	logger->state = state;
	list_init(&logger->keepers);
	list_init(&logger->readers);
	list_init(&logger->consumers);
	errands_init(&logger->errands, &logger->access, logger);
	list_init(&logger->imports);
	list_init(&logger->queries);
	list_init(&logger->stirred);
	logger->is_open = true;
	r = access_init(&logger->access, bus);
	if (r == 0)
		r = worker_start(&logger->writer, uv);
	if (r == 0)
		r = worker_start(&logger->reader, uv);
	if (r == 0)
		r = worker_start(&logger->carer, uv);
	if (r == 0)
		r = uv_timer_init(uv, &logger->tick);
	if (r < 0)
		return r;
	logger->tick.data = logger;
	r = uv_timer_start(&logger->tick, on_tick, TICK_MS, TICK_MS);
	if (r == 0)
		r = open_logs(logger);
	return r < 0 ? r : service_start(logger);
}

/* ---- the end ---- */

static void let_go(struct keeper *keeper)
{
	keeper->on_settled = NULL;
	keeper->on_gone = NULL;
}

/*
 * What waits is stored and answered; the switch is told before we go, so that
 * nobody has to repeat it.
 */
static void store_rest(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->keepers)
		keeper_commit(container_of(link, struct keeper, link));
	worker_stop(&logger->writer);
	worker_stop(&logger->reader);
	worker_stop(&logger->carer);
	if (helio_state(logger->bus) == HELIO_CONNECTED)
		(void)helio_flush_wait(logger->bus, FLUSH_MS);
}

static void close_keeper(struct keeper *keeper)
{
	keeper->view = view_close(keeper->view);
	keeper->log = log_close(keeper->log);
	keeper_free(keeper);
}

void logger_deinit(struct logger *logger)
{
	struct list *link, *after;

	if (!logger->is_open)
		return;
	logger->is_open = false;
	errands_close(&logger->errands, "the logger ends");
	list_for_each (link, &logger->keepers)
		let_go(container_of(link, struct keeper, link));
	consumers_end(logger);
	readers_end(logger);
	imports_end(logger);
	queries_end(logger);
	store_rest(logger);
	errands_end(&logger->errands, "the logger ends");
	list_for_each_safe (link, after, &logger->keepers)
		close_keeper(container_of(link, struct keeper, link));
	helio_server_free(logger->server);
	logger->server = NULL;
	access_deinit(&logger->access);
}
