/* SPDX-License-Identifier: MIT */

/* In place of queues, until there are some. */

#include <errno.h>

#include "proto/status.h"
#include "storage/state/image.h"
#include "storage/state/judge.h"
#include "storage/state/queue.h"

void queue_init_all(struct state *state)
{
}

void queue_free_all(struct state *state)
{
}

int queue_apply_set(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Queue *change)
{
	return -EBADMSG;
}

int queue_apply_drop(struct state *state, const Helio__Store__V1__Step *step,
		     const char *name)
{
	return -EBADMSG;
}

int queue_apply_job(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Job *change)
{
	return -EBADMSG;
}

int queue_apply_changed(struct state *state, const Helio__Store__V1__Step *step,
			const Helio__Store__V1__Job *change)
{
	return -EBADMSG;
}

int queue_apply_gone(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__JobGone *change)
{
	return -EBADMSG;
}

uint64_t queue_due(const struct state *state)
{
	return UINT64_MAX;
}

int queue_draft_due(struct state *state, uint64_t now, size_t n_max,
		    struct draft *draft)
{
	return 0;
}

void queue_dump(const struct state *state, struct buffer *out)
{
}

int queue_image(const struct state *state, struct image_cursor *cursor,
		size_t n_bytes, struct buffer *out)
{
	cursor->part =
		cursor->part == IMAGE_QUEUES ? IMAGE_KEYS : IMAGE_OUTGOING;
	return 0;
}

int queue_load(struct state *state, const Helio__Store__V1__Queue *row)
{
	return -EBADMSG;
}

int queue_load_job(struct state *state, const Helio__Store__V1__Job *row)
{
	return -EBADMSG;
}

int queue_load_change(struct state *state, const Helio__Store__V1__Step *step,
		      const Helio__Store__V1__Change *change, bool is_past)
{
	return -EBADMSG;
}

void queue_loaded(struct state *state)
{
}

unsigned judge_submit(struct draft *draft,
		      const Helio__Store__V1__SubmitRequest *in,
		      struct judgement *out)
{
	return STATUS_UNIMPLEMENTED;
}
