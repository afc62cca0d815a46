/* SPDX-License-Identifier: MIT */

#include "logger/logs_service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logger/config.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "logger/service.h"

enum { PAGE_MAX = 64, LOGS_MAX = 1024 };

static char *text(const char *constant)
{
	/* What is packed is not written to. */
	return (char *)(uintptr_t)constant;
}

static void describe_numbers(const struct keeper *keeper,
			     Helio__Log__V1__Log *log)
{
	const struct log_status *status = &keeper->status;
	const struct keeper_stats *stats = &keeper->stats;
	struct list *link;

	log->has_first = log->has_last = 1;
	log->first = status->first;
	log->last = status->last;
	log->has_first_unix_ns = log->has_last_unix_ns =
		status->last >= status->first;
	log->first_unix_ns = status->first_ns;
	log->last_unix_ns = status->last_ns;
	log->has_bytes = log->has_segments = 1;
	log->bytes = status->bytes;
	log->segments = status->n_segments;
	log->has_stored = log->has_commits = 1;
	log->stored = stats->n_stored;
	log->commits = stats->n_commits;
	log->has_refused = log->has_duplicates = 1;
	log->refused = stats->n_refused;
	log->duplicates = stats->n_duplicates;
	log->has_cursors = log->has_readers = 1;
	list_for_each (link, &keeper->cursors)
		log->cursors++;
	log->readers = stats->n_readers;
}

/* It points into the keeper. */
static void describe(const struct keeper *keeper, Helio__Log__V1__Log *ret_log)
{
	static Helio__Log__V1__Config empty = HELIO__LOG__V1__CONFIG__INIT;
	Helio__Log__V1__Log log = HELIO__LOG__V1__LOG__INIT;

	log.name = text(keeper->name);
	log.fault = text(keeper->fault);
	log.config = keeper->config.proto
			     ? (Helio__Log__V1__Config *)(uintptr_t)
				       keeper->config.proto
			     : &empty;
	describe_numbers(keeper, &log);
	*ret_log = log;
}

/* ---- create ---- */

static int answer_log(struct errand *errand, bool was_there)
{
	Helio__Log__V1__CreateReply reply = HELIO__LOG__V1__CREATE_REPLY__INIT;
	const struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);
	Helio__Log__V1__Log log;

	if (!keeper)
		return helio_serving_fail(errand->serving, HELIO_ABORTED,
					  "it was deleted meanwhile");
	describe(keeper, &log);
	reply.log = &log;
	reply.has_was_there = 1;
	reply.was_there = was_there;
	return helio_serving_reply(errand->serving, &reply.base);
}

static int answer_create(struct errand *errand)
{
	return answer_log(errand, false);
}

static int answer_existing(struct errand *errand)
{
	return answer_log(errand, true);
}

static void on_undone(struct keeper *keeper, unsigned status,
		      const char *reason, void *userdata)
{
	struct errand *errand = userdata;
	const char *why = errand->state;

	errand_fail(errand, errand->status, "%s", why ? why : "no memory");
}

/* What cannot capture what it should is not made. */
static void on_created(struct keeper *keeper, unsigned status,
		       const char *reason, void *userdata)
{
	struct errand *errand = userdata;

	if (status == HELIO_OK) {
		errand_answer(errand, answer_create);
		return;
	}
	errand->status = status;
	errand->state = strdup(reason);
	errand->free_state = free;
	keeper_close(keeper, keeper->was_open, on_undone, errand);
}

static void compare_existing(struct errand *errand, struct keeper *keeper,
			     const Helio__Log__V1__Config *config)
{
	if (!keeper->config.proto || keeper->state == KEEPER_OPENING)
		errand_fail(errand, HELIO_UNAVAILABLE, "%s: %s", keeper->name,
			    keeper_why(keeper));
	else if (!config_is_equal(keeper->config.proto, config))
		errand_fail(errand, HELIO_ALREADY_EXISTS,
			    "%s is there with another configuration",
			    keeper->name);
	else
		errand_answer(errand, answer_existing);
}

static size_t count_logs(const struct logger *logger)
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &logger->keepers)
		n++;
	return n;
}

void logs_service_create(struct errand *errand)
{
	static const Helio__Log__V1__Config empty =
		HELIO__LOG__V1__CONFIG__INIT;
	const Helio__Log__V1__CreateRequest *request =
		(const void *)errand->request;
	const Helio__Log__V1__Config *proto =
		request->config ? request->config : &empty;
	struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);
	const char *fault = config_fault(proto);
	struct config config;

	/* The keys of its dead letters would be those of producers. */
	if (!strcmp(errand->resource, "producer"))
		fault = "no log is called producer";
	if (fault) {
		errand_fail(errand, HELIO_INVALID_ARGUMENT, "%s", fault);
		return;
	}
	if (keeper) {
		compare_existing(errand, keeper, proto);
		return;
	}
	if (count_logs(logger_of(errand)) >= LOGS_MAX) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED,
			    "there are %d logs already", LOGS_MAX);
		return;
	}
	if (config_copy(proto, &config) < 0 ||
	    keeper_new(logger_of(errand), errand->resource, &config, on_created,
		       errand, &keeper) < 0)
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
}

/* ---- change ---- */

static int answer_change(struct errand *errand)
{
	Helio__Log__V1__ChangeReply reply = HELIO__LOG__V1__CHANGE_REPLY__INIT;
	const struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);
	Helio__Log__V1__Log log;

	if (!keeper)
		return helio_serving_fail(errand->serving, HELIO_ABORTED,
					  "it was deleted meanwhile");
	describe(keeper, &log);
	reply.log = &log;
	return helio_serving_reply(errand->serving, &reply.base);
}

static void on_changed(struct keeper *keeper, unsigned status,
		       const char *reason, void *userdata)
{
	errand_settle(userdata, status, reason, answer_change);
}

void logs_service_change(struct errand *errand)
{
	const Helio__Log__V1__ChangeRequest *request =
		(const void *)errand->request;
	struct keeper *keeper = service_log(errand);
	Helio__Log__V1__Config merged;
	struct config config;
	const char *fault;

	if (!keeper)
		return;
	if (keeper->is_configuring || keeper->on_settled) {
		errand_fail(errand, HELIO_ABORTED,
			    "it is being changed by somebody else");
		return;
	}
	config_merge(keeper->config.proto, request->config,
		     request->set_patterns, request->set_services, &merged);
	fault = config_fault(&merged);
	if (fault)
		errand_fail(errand, HELIO_INVALID_ARGUMENT, "%s", fault);
	else if (config_copy(&merged, &config) < 0)
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else
		keeper_configure(keeper, &config, on_changed, errand);
}

/* ---- get, list, delete ---- */

static int answer_get(struct errand *errand)
{
	Helio__Log__V1__GetReply reply = HELIO__LOG__V1__GET_REPLY__INIT;
	const struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);
	Helio__Log__V1__Log log;

	if (!keeper)
		return helio_serving_fail(errand->serving, HELIO_NOT_FOUND,
					  "there is no such log");
	describe(keeper, &log);
	reply.log = &log;
	return helio_serving_reply(errand->serving, &reply.base);
}

void logs_service_get(struct errand *errand)
{
	if (service_find(errand))
		errand_answer(errand, answer_get);
}

/* The first `n` logs after the cursor, in the order of their names. */
static size_t page(const struct errand *errand, struct keeper **ret_keepers,
		   bool *ret_has_more)
{
	const Helio__Log__V1__ListRequest *request =
		(const void *)errand->request;
	const char *after = request->cursor ? request->cursor : "";
	size_t limit = request->limit && request->limit < PAGE_MAX
			       ? request->limit
			       : PAGE_MAX;
	size_t n = 0;
	struct list *link;

	*ret_has_more = false;
	list_for_each (link, &logger_of(errand)->keepers) {
		struct keeper *keeper = container_of(link, struct keeper, link);

		if (strcmp(keeper->name, after) <= 0)
			continue;
		*ret_has_more = n == limit;
		if (n == limit)
			break;
		ret_keepers[n++] = keeper;
	}
	return n;
}

static int answer_list(struct errand *errand)
{
	Helio__Log__V1__ListReply reply = HELIO__LOG__V1__LIST_REPLY__INIT;
	Helio__Log__V1__Log logs[PAGE_MAX];
	Helio__Log__V1__Log *shown[PAGE_MAX];
	struct keeper *keepers[PAGE_MAX];
	bool has_more;
	size_t n = page(errand, keepers, &has_more);

	reply.logs = shown;
	for (size_t i = 0; i < n; i++) {
		int r = errand_ask(errand, "log-read", keepers[i]->name);

		if (r == -EINPROGRESS)
			return -EAGAIN;
		if (r < 0)
			return helio_serving_fail(errand->serving,
						  HELIO_UNAVAILABLE,
						  "the switch cannot be asked");
		if (r == 0)
			continue;
		describe(keepers[i], &logs[reply.n_logs]);
		shown[reply.n_logs] = &logs[reply.n_logs];
		reply.n_logs++;
	}
	if (has_more)
		reply.next = keepers[n - 1]->name;
	return helio_serving_reply(errand->serving, &reply.base);
}

void logs_service_list(struct errand *errand)
{
	errand_answer(errand, answer_list);
}

static int answer_delete(struct errand *errand)
{
	Helio__Log__V1__DeleteReply reply = HELIO__LOG__V1__DELETE_REPLY__INIT;

	return helio_serving_reply(errand->serving, &reply.base);
}

static void on_deleted(struct keeper *keeper, unsigned status,
		       const char *reason, void *userdata)
{
	errand_settle(userdata, status, reason, answer_delete);
}

void logs_service_delete(struct errand *errand)
{
	struct keeper *keeper = service_find(errand);

	if (!keeper)
		return;
	if (keeper->on_settled || keeper->state == KEEPER_OPENING)
		errand_fail(errand, HELIO_ABORTED,
			    "it is being changed by somebody else");
	else
		keeper_close(keeper, true, on_deleted, errand);
}
