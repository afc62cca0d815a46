/* SPDX-License-Identifier: MIT */

/* helio job work: a shell command for each job. */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/job_run.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/stores.h"

struct work {
	struct common common;
	const char *queue;
	const char *command;
	uint64_t parallel;
	uint64_t lease_ms; /* 0: the default */
	uint64_t count;
	bool is_waiting;
};

struct crew {
	const struct work *settings;
	struct loop loop;
	struct job_runs runs;
	struct helio_worker *worker;
	uint64_t n_jobs;
	bool is_draining;
};

static void on_drained(struct helio_worker *worker, void *userdata)
{
	struct crew *crew = userdata;

	loop_end(&crew->loop, EXIT_OK);
}

static void drain(struct crew *crew)
{
	crew->is_draining = true;
	helio_worker_drain(crew->worker, on_drained);
}

/* The second one ends what runs, too. */
static void on_signal(uv_signal_t *signal, int number)
{
	struct crew *crew = container_of(signal->data, struct crew, loop);

	if (crew->is_draining) {
		job_runs_stop(&crew->runs);
		return;
	}
	talk("%s: no more jobs are taken; what runs goes on to its end",
	     crew->settings->queue);
	drain(crew);
}

static void on_job(struct helio_worker *worker, struct helio_work *work,
		   const struct helio_job *job, void *userdata)
{
	struct crew *crew = userdata;

	job_runs_start(&crew->runs, work, job);
	if (++crew->n_jobs == crew->settings->count && !crew->is_draining)
		drain(crew);
}

static void on_settled(struct helio_worker *worker, struct helio_work *work,
		       unsigned status, const char *reason, void *userdata)
{
	job_runs_settled(work, status, reason);
}

static void on_lost(struct helio_worker *worker, struct helio_work *work,
		    unsigned status, const char *reason, void *userdata)
{
	job_runs_lost(work, reason);
}

static void on_interrupted(struct helio_worker *worker, unsigned status,
			   const char *reason, void *userdata)
{
	struct crew *crew = userdata;

	talk("%s: the store is away (%s); waiting for it",
	     crew->settings->queue, reason);
}

static void on_end(struct helio_worker *worker, unsigned status,
		   const char *reason, void *userdata)
{
	struct crew *crew = userdata;

	loop_end(&crew->loop, stores_complain(crew->settings->queue, NULL,
					      (int)status, reason));
}

static int start(struct crew *crew, struct helio *bus)
{
	const struct work *settings = crew->settings;
	const struct helio_worker_options options = {
		.parallel = (uint32_t)settings->parallel,
		.lease_ms = (uint32_t)settings->lease_ms,
		.is_waiting = settings->is_waiting,
		.on_job = on_job,
		.on_settled = on_settled,
		.on_lost = on_lost,
		.on_interrupted = on_interrupted,
		.on_end = on_end,
	};
	static const int numbers[2] = { SIGINT, SIGTERM };
	int r = loop_init(&crew->loop, bus, EXIT_OK);

	for (int i = 0; r == 0 && i < 2; i++)
		r = uv_signal_start(&crew->loop.signals[i], on_signal,
				    numbers[i]);
	crew->runs.uv = &crew->loop.uv;
	crew->runs.bus = bus;
	if (r == 0)
		r = helio_worker_new(bus, settings->queue, &options, crew,
				     &crew->worker);
	return r;
}

static int work(struct crew *crew, struct helio *bus)
{
	int r = start(crew, bus);

	if (r < 0)
		r = stores_complain(crew->settings->queue, NULL, r, NULL);
	else
		r = loop_run(&crew->loop);
	helio_worker_free(crew->worker);
	job_runs_deinit(&crew->runs);
	return r;
}

static int check(const struct work *settings)
{
	if (settings->parallel < 1 || settings->parallel > 1024) {
		talk("%s: --parallel is 1 to 1024", settings->queue);
		return EXIT_USAGE;
	}
	if (settings->lease_ms &&
	    (settings->lease_ms < 1000 || settings->lease_ms > 86400000)) {
		talk("%s: --lease is 1s to 1d", settings->queue);
		return EXIT_USAGE;
	}
	if (!settings->command) {
		talk("%s: --command is missing", settings->queue);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int run(const void *settings)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct crew crew = { .settings = settings };
	int r = check(settings);

	job_runs_init(&crew.runs);
	crew.runs.command = crew.settings->command;
	crew.runs.queue = crew.settings->queue;
	/* A command need not read its body. */
	signal(SIGPIPE, SIG_IGN);
	if (r == EXIT_OK)
		r = session_open(&session, &crew.settings->common, true);
	if (r == EXIT_OK)
		r = work(&crew, session.bus);
	loop_deinit(&crew.loop);
	return r;
}

static const struct work defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.parallel = 1,
};

static const struct option options[] = {
	{ 0, "command", OPTION_TEXT, offsetof(struct work, command), "COMMAND",
	  "of the shell, which does a job" },
	{ 'j', "parallel", OPTION_NUMBER, offsetof(struct work, parallel), "N",
	  "so many jobs at once (1)" },
	{ 'n', "count", OPTION_NUMBER, offsetof(struct work, count), "N",
	  "end after N jobs" },
	{ 0, "lease", OPTION_SPAN, offsetof(struct work, lease_ms), "TIME",
	  "of which half may go by before it is renewed (30s)" },
	{ 'w', "wait", OPTION_FLAG, offsetof(struct work, is_waiting), NULL,
	  "for the store, if it is not there yet" },
	OPTION_ROW_CONNECT,
	OPTION_ROW_KEY_FILE,
	OPTION_ROW_SERVER_KEY,
	OPTION_ROW_PLAIN,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "QUEUE", OPTION_TEXT, offsetof(struct work, queue), true, NULL,
	  "which" },
	ARGUMENT_END,
};

const struct command command_job_work = {
	.name = "job work",
	.summary = "do jobs, each by a shell command",
	.description =
		"The command has the body of the job on standard input, and of "
		"the job HELIO_JOB_ID, HELIO_JOB_QUEUE, HELIO_JOB_KEY, "
		"HELIO_JOB_ORDER_KEY, HELIO_JOB_ATTEMPT, "
		"HELIO_JOB_ATTEMPTS_MAX, HELIO_JOB_TOKEN, HELIO_JOB_PRIORITY, "
		"HELIO_JOB_CONTENT_TYPE, HELIO_JOB_SUBMITTER, "
		"HELIO_JOB_SUBMITTER_DURABLE_ID and HELIO_JOB_DEADLINE_MS in "
		"its environment; without those that it has none of.\n\n"
		"When it ends with 0 the job is done, and what it wrote on "
		"standard output, at most 64 KiB, is the result. With 65 "
		"(EX_DATAERR) the job is dead: trying again does not help. "
		"With any other status, 75 (EX_TEMPFAIL) among them, or by a "
		"signal, it has failed and is tried again later, as the queue "
		"says. The end of what it wrote on standard error is the "
		"error.\n\n"
		"While it runs the lease is renewed. When it is lost, say "
		"because the job was cancelled, the command and all that it "
		"started are ended, and nothing is said of the job.\n\n"
		"^C or SIGTERM: no more jobs are taken, and what runs goes on "
		"to its end; a second one ends it, and gives its jobs back.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct work),
	.run = run,
};
