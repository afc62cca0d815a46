/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/fault_cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/dice.h"

enum { CASES = 4000 };

static const struct fault_kind KINDS[] = {
	{ "EIO of a write", FAULT_WRITE, EIO, false },
	{ "EIO of all writes", FAULT_WRITE, EIO, true },
	{ "ENOSPC of a write", FAULT_WRITE, ENOSPC, false },
	{ "ENOSPC of all writes", FAULT_WRITE, ENOSPC, true },
	{ "EIO of a sync", FAULT_SYNC, EIO, false },
	{ "EIO of all syncs", FAULT_SYNC, EIO, true },
	{ "ENOSPC of a sync", FAULT_SYNC, ENOSPC, false },
	{ "EIO of an open", FAULT_OPEN, EIO, false },
	{ "EIO of all opens", FAULT_OPEN, EIO, true },
	{ "ENOSPC of all opens", FAULT_OPEN, ENOSPC, true },
	{ "EMFILE of an open", FAULT_OPEN, EMFILE, false },
	{ "EIO of a name", FAULT_NAME, EIO, false },
	{ "EIO of all names", FAULT_NAME, EIO, true },
	{ "ENOSPC of a name", FAULT_NAME, ENOSPC, false },
	{ "EIO of a read", FAULT_READ, EIO, false },
	{ "EIO of all reads", FAULT_READ, EIO, true },
};

enum { N_KINDS = sizeof(KINDS) / sizeof(KINDS[0]) };

bool fault_is_full(const struct fault_kind *kind)
{
	return kind->error == ENOSPC && kind->fault != FAULT_SYNC;
}

/* Whether another one was asked for. */
static bool is_passed_over(const struct fault_kind *kind, uint64_t k)
{
	const char *only = getenv("HELIO_CASE");
	char name[64];

	snprintf(name, sizeof(name), "%s number %llu", kind->name,
		 (unsigned long long)k);
	return only && strcmp(only, name) != 0;
}

uint64_t fault_cases_run(uint64_t seed, const uint64_t n_calls[N_FAULTS],
			 fault_case_fn run, void *userdata)
{
	uint64_t n_max = dice_environment("HELIO_ROUNDS", CASES);
	uint64_t n_all = 0, stride;

	for (unsigned i = 0; i < N_KINDS; i++)
		n_all += n_calls[KINDS[i].fault];
	stride = n_all / n_max + 1;
	for (unsigned i = 0; i < N_KINDS; i++)
		for (uint64_t k = (seed + i) % stride;
		     k < n_calls[KINDS[i].fault]; k += stride)
			if (!is_passed_over(&KINDS[i], k))
				run(&KINDS[i], k, userdata);
	return n_all;
}
