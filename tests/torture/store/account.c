/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/account.h"

#include <string.h>

#include "tests/torture/complaint.h"

typedef unsigned long long number;

/* ---- keys ---- */

void account_wrote(struct account *account, unsigned key, uint64_t value,
		   enum fate fate)
{
	struct account_key *known = &account->keys[key];

	account->n_of_fate[fate]++;
	if (fate == FATE_DONE) {
		known->value = value;
		known->n_maybe = 0;
	} else if (fate == FATE_UNKNOWN) {
		if (known->n_maybe == ACCOUNT_MAYBE_MAX)
			complain("too much is unknown");
		known->maybe[known->n_maybe++] = value;
	}
}

/* What was asked for before what is there cannot come any more. */
void account_read(struct account *account, unsigned key, uint64_t value)
{
	struct account_key *known = &account->keys[key];
	unsigned i = 0;

	if (value == known->value)
		return;
	while (i < known->n_maybe && known->maybe[i] != value)
		i++;
	if (i == known->n_maybe)
		complain("k%u is %llu and was %llu, after which %u writes are "
			 "unknown",
			 key, (number)value, (number)known->value,
			 known->n_maybe);
	known->value = value;
	known->n_maybe -= i + 1;
	memmove(known->maybe, known->maybe + i + 1,
		known->n_maybe * sizeof(known->maybe[0]));
}

/* ---- jobs ---- */

static void note_id(struct account *account, unsigned job, uint64_t id)
{
	struct account_job *known = &account->jobs[job];

	if (!id || (known->id && known->id != id))
		complain("job %u has the id %llu, and had %llu", job,
			 (number)id, (number)known->id);
	known->id = id;
	known->submitted = FATE_DONE;
}

enum fate account_submit(struct account *account, unsigned job)
{
	struct account_job *known = &account->jobs[job];
	enum fate before = known->submitted;

	if (before == FATE_NOT)
		known->submitted = FATE_UNKNOWN;
	return before;
}

void account_submitted(struct account *account, unsigned job, uint64_t id,
		       enum fate before, enum fate fate)
{
	struct account_job *known = &account->jobs[job];

	account->n_of_fate[fate]++;
	if (fate == FATE_DONE)
		note_id(account, job, id);
	else if (fate == FATE_NOT && before == FATE_NOT && known->id)
		complain("job %u was refused, and is there", job);
	else if (fate == FATE_NOT && before == FATE_NOT)
		known->submitted = FATE_NOT;
}

void account_leased(struct account *account, unsigned job, uint64_t id,
		    uint64_t token)
{
	struct account_job *known = &account->jobs[job];

	if (known->submitted == FATE_NOT)
		complain("job %u is leased that was refused", job);
	if (known->token)
		complain("job %u is leased twice, with %llu and %llu", job,
			 (number)known->token, (number)token);
	note_id(account, job, id);
	known->token = token;
}

void account_completed(struct account *account, unsigned job, enum fate fate)
{
	struct account_job *known = &account->jobs[job];

	account->n_of_fate[fate]++;
	if (fate == FATE_DONE || known->completed == FATE_NOT)
		known->completed = fate;
}

/* ---- all of it ---- */

/* What is there, held against what may be. Returns what it is. */
static enum fate settle(enum fate fate, bool is_there, unsigned job,
			const char *what)
{
	if (fate == FATE_DONE && !is_there)
		complain("job %u was %s, and is not", job, what);
	if (fate == FATE_NOT && is_there)
		complain("job %u is %s, which nobody was told", job, what);
	return is_there ? FATE_DONE : FATE_NOT;
}

static void settle_job(struct account *account, unsigned job,
		       const struct account_found *found)
{
	struct account_job *known = &account->jobs[job];
	bool is_done = found->jobs[job].is_done;
	uint64_t token = found->jobs[job].token;

	known->submitted = settle(known->submitted, found->jobs[job].is_there,
				  job, "submitted");
	known->completed = settle(known->completed, is_done, job, "done");
	if (known->submitted == FATE_DONE)
		note_id(account, job, found->jobs[job].id);
	if (known->token && token != known->token)
		complain("job %u has the token %llu, and had %llu", job,
			 (number)token, (number)known->token);
	if (found->jobs[job].written != (is_done ? token : 0))
		complain("job %u is %s with the token %llu, and wrote %llu",
			 job, is_done ? "done" : "not done", (number)token,
			 (number)found->jobs[job].written);
}

void account_settle(struct account *account, const struct account_found *found)
{
	for (unsigned i = 0; i < ACCOUNT_KEYS; i++) {
		account_read(account, i, found->keys[i]);
		account->keys[i].n_maybe = 0;
	}
	for (unsigned i = 0; i < account->n_jobs; i++)
		settle_job(account, i, found);
}
