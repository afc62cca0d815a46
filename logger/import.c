/* SPDX-License-Identifier: MIT */

#include "logger/import.h"

#include <errno.h>
#include <helio/log/v1/log.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/keeper.h"
#include "logger/logger.h"

/* Readers get a run in one message, and so none may be much longer. */
enum { RUN_SENT_MAX_BYTES = 4 * 1024 * 1024 };

/* ---- import ---- */

/* What came ahead of the disk: as much as the stream's credit lets come. */
struct import_run {
	struct list link;
	size_t n;
	uint8_t bytes[];
};

struct import {
	struct task task;
	struct list link; /* in logger.imports */
	struct logger *logger;
	struct helio_serving *serving; /* NULL: nobody waits any more */
	struct keeper *keeper;         /* NULL: not opened */
	struct access_wait wait;
	char principal[256];
	char log[65];
	struct list runs; /* struct import_run: the first is being stored */
	bool is_busy;
	bool is_finished; /* the caller has no more */
	int r;
	struct log_status status;
	uint64_t n_records;
	uint64_t first;
};

static void import_free(struct import *import)
{
	struct list *link, *after;

	list_unlink(&import->link);
	list_unlink(&import->wait.link);
	list_for_each_safe (link, after, &import->runs)
		free(container_of(link, struct import_run, link));
	free(import);
}

static void release(struct import *import)
{
	struct keeper *keeper = import->keeper;

	if (import->is_busy || import->serving)
		return;
	import_free(import);
	if (keeper)
		keeper_fetched(keeper);
}

static void end_import(struct import *import, unsigned status,
		       const char *reason)
{
	if (import->serving)
		(void)helio_serving_fail(import->serving, status, reason);
	import->serving = NULL;
	release(import);
}

static void answer_import(struct import *import)
{
	Helio__Log__V1__ImportReply reply = HELIO__LOG__V1__IMPORT_REPLY__INIT;

	reply.has_records = reply.has_first = reply.has_last = 1;
	reply.records = import->n_records;
	reply.first = import->first;
	reply.last = import->status.last;
	if (helio_serving_reply(import->serving, &reply.base) < 0) {
		end_import(import, HELIO_RESOURCE_EXHAUSTED,
			   "no room for the answer");
		return;
	}
	import->serving = NULL;
	release(import);
}

/* ---- in the writer's thread ---- */

static struct import_run *first_run(const struct import *import)
{
	return container_of(import->runs.next, struct import_run, link);
}

static void run_import(struct task *task)
{
	struct import *import = container_of(task, struct import, task);
	struct keeper *keeper = import->keeper;
	const struct import_run *run = first_run(import);

	import->r = keeper->log ? log_import(keeper->log, run->bytes, run->n)
				: -EIO;
	if (keeper->log)
		import->status = *log_status(keeper->log);
}

/* ---- in the loop ---- */

static const char *import_fault(int r)
{
	switch (r) {
	case -EBADMSG:
		return "the run is damaged";
	case -EEXIST:
		return "the log has records at or after these";
	case -ENOSPC:
		return "the disk is full";
	default:
		return strerror(-r);
	}
}

static unsigned import_status(int r)
{
	switch (r) {
	case -EBADMSG:
	case -EINVAL:
		return HELIO_INVALID_ARGUMENT;
	case -EEXIST:
		return HELIO_FAILED_PRECONDITION;
	case -ENOSPC:
		return HELIO_RESOURCE_EXHAUSTED;
	default:
		return HELIO_UNAVAILABLE;
	}
}

static void store_next(struct import *import);

static void note_schemas(struct keeper *keeper, const struct import_run *run)
{
	struct run_reader reader = { 0 };

	if (run_reader_begin(&reader, run->bytes, run->n) == 0)
		for (size_t i = 0; i < reader.head.n_schemas; i++)
			schemas_note(keeper,
				     reader.schemas + i * RUN_SCHEMA_BYTES);
	run_reader_deinit(&reader);
}

static void count(struct import *import, const struct import_run *run)
{
	struct keeper *keeper = import->keeper;
	struct run_head head;

	if (import->r < 0 || run_head_decode(run->bytes, run->n, &head) < 0)
		return;
	keeper->status = import->status;
	if (keeper->last_ns < import->status.last_ns)
		keeper->last_ns = import->status.last_ns;
	if (!import->n_records)
		import->first = head.base_sequence;
	import->n_records += head.n_records;
	note_schemas(keeper, run);
	keeper_tell_news(keeper);
}

static void done_import(struct task *task)
{
	struct import *import = container_of(task, struct import, task);
	struct import_run *run = first_run(import);

	import->is_busy = false;
	count(import, run);
	list_unlink(&run->link);
	free(run);
	if (!import->serving)
		release(import);
	else if (import->r < 0)
		end_import(import, import_status(import->r),
			   import_fault(import->r));
	else
		store_next(import);
}

static void store_next(struct import *import)
{
	if (import->is_busy || !import->keeper)
		return;
	if (list_is_empty(&import->runs)) {
		if (import->is_finished)
			answer_import(import);
		else
			helio_serving_resume(import->serving);
		return;
	}
	import->is_busy = true;
	import->task.run = run_import;
	import->task.done = done_import;
	worker_push(&import->logger->writer, &import->task);
}

static void take_run(struct import *import,
		     const Helio__Log__V1__ImportRequest *request)
{
	size_t n = request->run.len;
	struct import_run *run = NULL;

	if (n <= RUN_SENT_MAX_BYTES)
		run = malloc(sizeof(*run) + n);
	if (!run) {
		end_import(import, HELIO_RESOURCE_EXHAUSTED,
			   "a run is longer than 4 MiB, or there is no memory");
		return;
	}
	run->n = n;
	if (n)
		memcpy(run->bytes, request->run.data, n);
	list_init(&run->link);
	list_push_back(&import->runs, &run->link);
	helio_serving_pause(import->serving);
	store_next(import);
}

static void open_import(struct import *import)
{
	struct access *access = &import->logger->access;
	const struct access_question question = {
		.principal = import->principal,
		.verb = "log-admin",
		.resource = import->log,
		.n_resource = strlen(import->log),
	};
	struct keeper *keeper;
	int r = access_ask(access, &question, &import->wait);

	if (r == -EINPROGRESS)
		return;
	if (r != 1) {
		end_import(import, access_status(r), access_reason(access, r));
		return;
	}
	keeper = keeper_lookup(import->logger, import->log);
	if (!keeper || keeper->state != KEEPER_OPEN) {
		end_import(import, keeper ? HELIO_UNAVAILABLE : HELIO_NOT_FOUND,
			   keeper ? keeper_why(keeper)
				  : "there is no such log");
		return;
	}
	import->keeper = keeper;
	keeper->n_fetches++;
	store_next(import);
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct import *import = container_of(wait, struct import, wait);

	if (r < 0)
		end_import(import, access_status(r),
			   access_reason(&import->logger->access, r));
	else
		open_import(import);
}

static void on_message(struct helio_serving *serving,
		       const Helio__Log__V1__ImportRequest *request,
		       void *userdata)
{
	struct import *import = userdata;

	if (import->log[0] && request->has_run) {
		take_run(import, request);
	} else if (import->log[0] || !config_is_name(request->log)) {
		end_import(import, HELIO_INVALID_ARGUMENT,
			   "first a log is named, then runs follow");
	} else {
		snprintf(import->log, sizeof(import->log), "%s", request->log);
		helio_serving_pause(serving);
		open_import(import);
	}
}

static void on_finish(struct helio_serving *serving, void *userdata)
{
	struct import *import = userdata;

	(void)serving;
	import->is_finished = true;
	if (!import->log[0])
		end_import(import, HELIO_INVALID_ARGUMENT, "no log is named");
	else
		store_next(import);
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct import *import = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	import->serving = NULL;
	release(import);
}

void import_start(struct logger *logger, struct helio_serving *serving)
{
	static const struct helio__log__v1__logs__import__requests events = {
		.on_message = on_message,
		.on_finish = on_finish,
		.on_cancelled = on_cancelled,
	};
	struct import *import = calloc(1, sizeof(*import));

	if (!import) {
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 "no memory");
		return;
	}
	import->logger = logger;
	import->serving = serving;
	import->wait.on_verdict = on_verdict;
	list_init(&import->wait.link);
	list_init(&import->runs);
	snprintf(import->principal, sizeof(import->principal), "%s",
		 helio_serving_message(serving)->source);
	list_push_back(&logger->imports, &import->link);
	helio__log__v1__logs__import__listen(serving, &events, import);
}

void imports_end(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->imports)
		end_import(container_of(link, struct import, link),
			   HELIO_UNAVAILABLE, "the logger ends");
}
