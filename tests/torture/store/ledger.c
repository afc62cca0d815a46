/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/torture/complaint.h"

void ledger_deinit(struct ledger *ledger)
{
	free(ledger->jobs);
}

size_t ledger_add(struct ledger *ledger)
{
	if (ledger->n_jobs == ledger->n_jobs_max) {
		ledger->n_jobs_max = 2 * ledger->n_jobs_max + 1024;
		ledger->jobs =
			realloc(ledger->jobs,
				ledger->n_jobs_max * sizeof(*ledger->jobs));
		if (!ledger->jobs)
			complain("no memory");
	}
	ledger->jobs[ledger->n_jobs] = (struct ledger_job){ .id = 0 };
	return ledger->n_jobs++;
}

size_t ledger_number(const struct ledger *ledger, const void *body, size_t n)
{
	char text[24];
	size_t number;

	snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)body);
	number = strtoul(text, NULL, 10);
	if (number >= ledger->n_jobs)
		complain("there is a job %s that nobody submitted", text);
	return number;
}

__attribute__((noreturn)) static void refute(const struct ledger *ledger,
					     size_t number, const char *why)
{
	const struct ledger_job *job = &ledger->jobs[number];

	complain("job %zu (id %llu): %s; the greatest token given is %llu, it "
		 "was done with %llu at %llu, a worker was told with %llu at "
		 "%llu, and it is logged %u times",
		 number, (unsigned long long)job->id, why,
		 (unsigned long long)job->token,
		 (unsigned long long)job->done_token,
		 (unsigned long long)job->done_revision,
		 (unsigned long long)job->told_token,
		 (unsigned long long)job->told_revision, job->n_logged);
}

static void note_id(const struct ledger *ledger, size_t number, uint64_t id)
{
	struct ledger_job *job = &ledger->jobs[number];

	if (!id || (job->id && job->id != id))
		refute(ledger, number, "it has two ids");
	job->id = id;
}

/* Whoever has a later token has it before the job was done with an earlier. */
static void check_tokens(const struct ledger *ledger, size_t number)
{
	const struct ledger_job *job = &ledger->jobs[number];

	if (job->done_token && job->token > job->done_token)
		refute(ledger, number,
		       job->token > job->done_revision
			       ? "it was leased after it was done"
			       : "it was done with a token that was over");
	if (job->told_token && job->done_token &&
	    (job->told_token != job->done_token ||
	     (job->told_revision && job->told_revision != job->done_revision)))
		refute(ledger, number, "it was done twice");
}

void ledger_submitted(struct ledger *ledger, size_t number, uint64_t id)
{
	note_id(ledger, number, id);
	ledger->jobs[number].is_acknowledged = true;
}

void ledger_leased(struct ledger *ledger, size_t number, uint64_t id,
		   uint64_t token, uint64_t since)
{
	struct ledger_job *job = &ledger->jobs[number];

	note_id(ledger, number, id);
	ledger->n_leases++;
	ledger->n_again += job->token != 0;
	ledger->clock++;
	if (token == job->token)
		refute(ledger, number, "two have one token");
	if (token < job->token && since >= job->given_at)
		refute(ledger, number, "its tokens do not grow");
	if (token > job->token) {
		job->token = token;
		job->given_at = ledger->clock;
	}
	check_tokens(ledger, number);
}

void ledger_completed(struct ledger *ledger, size_t number, uint64_t token,
		      uint64_t revision)
{
	struct ledger_job *job = &ledger->jobs[number];

	if (job->told_token && job->told_token != token)
		refute(ledger, number, "two were told that they did it");
	job->told_token = token;
	if (revision)
		job->told_revision = revision;
	check_tokens(ledger, number);
}

void ledger_done(struct ledger *ledger, size_t number, uint64_t token,
		 uint64_t revision)
{
	struct ledger_job *job = &ledger->jobs[number];

	if (job->done_token)
		refute(ledger, number, "it wrote twice");
	job->done_token = token;
	job->done_revision = revision;
	ledger->n_done++;
	check_tokens(ledger, number);
}

void ledger_logged(struct ledger *ledger, size_t number)
{
	if (++ledger->jobs[number].n_logged > 1)
		refute(ledger, number, "the log has its message twice");
}

void ledger_check(const struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->n_jobs; i++) {
		const struct ledger_job *job = &ledger->jobs[i];

		if (!job->is_acknowledged || !job->done_token)
			refute(ledger, i, "it is not done");
		if (job->n_logged != 1)
			refute(ledger, i, "the log has not its message");
	}
}
