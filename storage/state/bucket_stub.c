/* SPDX-License-Identifier: MIT */

/* In place of buckets, until there are some. */

#include <errno.h>

#include "proto/status.h"
#include "storage/state/bucket.h"
#include "storage/state/judge.h"
#include "storage/state/state.h"

void bucket_init_all(struct state *state)
{
}

void bucket_free_all(struct state *state)
{
}

int bucket_apply_set(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__Bucket *change)
{
	return -EBADMSG;
}

int bucket_apply_drop(struct state *state, const Helio__Store__V1__Step *step,
		      const char *name)
{
	return -EBADMSG;
}

int bucket_apply_version(struct state *state,
			 const Helio__Store__V1__Step *step,
			 const Helio__Store__V1__Version *change)
{
	return -EBADMSG;
}

uint64_t bucket_due(const struct state *state)
{
	return UINT64_MAX;
}

int bucket_draft_due(struct state *state, uint64_t now, size_t n_max,
		     struct draft *draft)
{
	return 0;
}

bool state_sweep(struct state *state, size_t n_max)
{
	return false;
}

unsigned judge_transaction(struct draft *draft,
			   const Helio__Store__V1__Transaction *in,
			   struct judgement *out)
{
	return STATUS_OK;
}
