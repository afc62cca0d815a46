/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_JUDGE_H
#define STORAGE_STATE_JUDGE_H

/**
 * What a request would change, by all that was changed so far, on disk or not.
 *
 * A judge puts changes into the draft, or none, and sets the reply's fields.
 * Whether the caller has the right was asked before; what only he may see is
 * judged here. It returns an enum status (proto/status.h); if it is not OK the
 * draft is worth nothing, and `reason` says why for people, naming the thing.
 *
 * OK with a draft that has no changes (a repeat, say) is answered once all that
 * was applied so far is on disk.
 */

#include <helio/store/v1/store.pb-c.h>

#include "storage/state/draft.h"

enum {
	JUDGE_REASON_BYTES = 256,
	JUDGE_PARTS_MAX = 128, /* conditions, writes, ... of a transaction */
	JUDGE_TRANSACTION_BYTES_MAX = 1024 * 1024,
};

struct judgement {
	char reason[JUDGE_REASON_BYTES];
	uint64_t number; /* as told below */
	bool was_there;
	/* Of a transaction's submits, in their order. */
	size_t n_jobs;
	uint64_t jobs[JUDGE_PARTS_MAX];
};

/* Of buckets. number: nothing. was_there: by create alone. */
unsigned judge_bucket_create(struct draft *draft,
			     const Helio__Store__V1__CreateBucketRequest *in,
			     struct judgement *out);
unsigned judge_bucket_change(struct draft *draft,
			     const Helio__Store__V1__ChangeBucketRequest *in,
			     struct judgement *out);
unsigned judge_bucket_drop(struct draft *draft,
			   const Helio__Store__V1__DropBucketRequest *in,
			   struct judgement *out);
unsigned judge_put(struct draft *draft, const Helio__Store__V1__PutRequest *in,
		   struct judgement *out);
unsigned judge_delete(struct draft *draft,
		      const Helio__Store__V1__DeleteRequest *in,
		      struct judgement *out);
/** NULL is an empty one. Sets the reply's jobs, and `number` to anything. */
unsigned judge_transaction(struct draft *draft,
			   const Helio__Store__V1__Transaction *in,
			   struct judgement *out);

/* Of queues. */
unsigned judge_queue_create(struct draft *draft,
			    const Helio__Store__V1__CreateQueueRequest *in,
			    struct judgement *out);
unsigned judge_queue_change(struct draft *draft,
			    const Helio__Store__V1__ChangeQueueRequest *in,
			    struct judgement *out);
unsigned judge_queue_drop(struct draft *draft,
			  const Helio__Store__V1__DropQueueRequest *in,
			  struct judgement *out);
/** number: the job's id. */
unsigned judge_submit(struct draft *draft,
		      const Helio__Store__V1__SubmitRequest *in,
		      struct judgement *out);
/**
 * Leases for up to `max` ready jobs. number: how many; 0: none is ready. The
 * ids are those of the draft's changes, in order; the token is the step's
 * revision.
 */
unsigned judge_lease(struct draft *draft,
		     const Helio__Store__V1__LeaseRequest *in,
		     struct judgement *out);
/** number: until when. */
unsigned judge_extend(struct draft *draft,
		      const Helio__Store__V1__ExtendRequest *in,
		      struct judgement *out);
/** was_there: it was complete with this token. */
unsigned judge_complete(struct draft *draft,
			const Helio__Store__V1__CompleteRequest *in,
			struct judgement *out);
/** number: the state it is in then. */
unsigned judge_fail(struct draft *draft,
		    const Helio__Store__V1__FailRequest *in,
		    struct judgement *out);
/** number: the state in which it had ended, 0: it had not. With `only_own`
 * another's job is NOT_FOUND. */
unsigned judge_cancel(struct draft *draft,
		      const Helio__Store__V1__CancelRequest *in, bool only_own,
		      struct judgement *out);
unsigned judge_retry(struct draft *draft,
		     const Helio__Store__V1__RetryRequest *in,
		     struct judgement *out);
/** All leases of a worker that is no more lapse now. `incarnation` 0: all. */
unsigned judge_worker_down(struct draft *draft, const char *durable_id,
			   uint64_t incarnation, size_t n_max);

/** Messages have left: different ones; what is not known is passed over. */
unsigned judge_sent(struct draft *draft, const uint64_t *numbers, size_t n);
/** It has another key, which is copied. */
unsigned judge_renamed(struct draft *draft, uint64_t number, const char *key);

/* ---- between the files that are the judge ---- */

__attribute__((format(printf, 3, 4))) unsigned judge_no(struct judgement *out,
							unsigned status,
							const char *format,
							...);
unsigned judge_no_memory(struct judgement *out);
/** Whether the caller may have one more bucket or queue. */
unsigned judge_things(const struct draft *draft, struct judgement *out);
/** The quotas of whoever wants `n_bytes` more; `what` for people. */
unsigned judge_quota(const struct draft *draft, uint64_t n_bytes,
		     const char *what, struct judgement *out);

#endif
