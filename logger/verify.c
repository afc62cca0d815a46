/* SPDX-License-Identifier: MIT */

#include "logger/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/errand.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "logger/service.h"

struct verification {
	struct task task;
	struct errand *errand;
	struct keeper *keeper;
	struct log_finding finding;
	int r;
};

static void run_verification(struct task *task)
{
	struct verification *verification =
		container_of(task, struct verification, task);

	verification->r = log_verify(verification->keeper->logger->backend,
				     verification->keeper->folder,
				     &verification->finding);
}

static int answer_verify(struct errand *errand)
{
	const struct verification *verification = errand->state;
	const struct log_finding *finding = &verification->finding;
	Helio__Log__V1__VerifyReply reply = HELIO__LOG__V1__VERIFY_REPLY__INIT;

	reply.has_good = 1;
	reply.good = finding->is_good;
	reply.has_records = reply.has_bytes = reply.has_segments = 1;
	reply.records = finding->n_records;
	reply.bytes = finding->n_bytes;
	reply.segments = finding->n_segments;
	if (!finding->is_good) {
		reply.has_bad_sequence = 1;
		reply.bad_sequence = finding->bad_sequence;
		/* What is packed is not written to. */
		reply.file = (char *)(uintptr_t)finding->file;
		reply.fault = (char *)(uintptr_t)finding->fault;
	}
	return helio_serving_reply(errand->serving, &reply.base);
}

static void done_verification(struct task *task)
{
	struct verification *verification =
		container_of(task, struct verification, task);
	struct errand *errand = verification->errand;

	keeper_fetched(verification->keeper);
	if (verification->r < 0)
		errand_fail(errand, HELIO_UNAVAILABLE, "the log: %s",
			    strerror(-verification->r));
	else
		errand_answer(errand, answer_verify);
}

/* A damaged log is what this is for, too. */
void verify(struct errand *errand)
{
	struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);
	struct verification *verification;

	if (!keeper || keeper->state == KEEPER_CLOSING) {
		errand_fail(errand, HELIO_NOT_FOUND, "no log is called %s",
			    errand->resource);
		return;
	}
	verification = calloc(1, sizeof(*verification));
	if (!verification) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	verification->task.run = run_verification;
	verification->task.done = done_verification;
	verification->errand = errand;
	verification->keeper = keeper;
	errand->state = verification;
	errand->free_state = free;
	keeper->n_fetches++;
	worker_push(&logger_of(errand)->carer, &verification->task);
}
