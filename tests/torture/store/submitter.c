/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/submitter.h"

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/torture/complaint.h"
#include "tests/torture/store/setting.h"
#include "tests/torture/store/worker.h"

enum {
	CALL_MS = 2000,
	AGAIN_MS = 5,
	TEXT_BYTES = 24,
};

void submitter_init(struct submitter *submitter, const struct world *world,
		    unsigned index, struct ledger *ledger, uint64_t seed)
{
	const struct helio_client_options options = {
		.invoke = { .timeout_ms = CALL_MS },
	};
	char domain[16];

	*submitter = (struct submitter){
		.index = index,
		.ledger = ledger,
		.dice = dice_new(seed, 300 + index),
	};
	snprintf(domain, sizeof(domain), "voice%u", index);
	submitter->bus = setting_connect(world, domain);
	if (helio_client_new(submitter->bus, &helio__store__v1__queues__type,
			     &options, &submitter->queues) < 0)
		complain("no memory");
}

void submitter_deinit(struct submitter *submitter)
{
	helio_client_free(submitter->queues);
	helio_close(submitter->bus);
}

static void complain_unless_away(const struct helio_reply *reply)
{
	if (reply->status != HELIO_UNAVAILABLE &&
	    reply->status != HELIO_DEADLINE_EXCEEDED &&
	    (reply->is_handed_over ||
	     reply->status != HELIO_RESOURCE_EXHAUSTED))
		complain("submit: %s: %s", helio_status_name(reply->status),
			 reply->reason);
}

static void on_submit(const Helio__Store__V1__SubmitReply *reply,
		      void *userdata)
{
	struct submission *submission = userdata;
	struct submitter *submitter = submission->submitter;

	submission->is_calling = false;
	submission->due_ns = clock_now_ns() + AGAIN_MS * NS_PER_MS;
	if (!reply) {
		complain_unless_away(helio_client_reply(submitter->queues));
		return;
	}
	ledger_submitted(submitter->ledger, submission->number, reply->id);
	/* Now and then it is said again though it was acknowledged. */
	if (!dice_is(&submitter->dice, 20))
		submission->submitter = NULL;
}

static void send_submit(struct submission *submission)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	char text[TEXT_BYTES];

	submission->is_calling = true;
	snprintf(text, sizeof(text), "%zu", submission->number);
	request.queue = (char *)(uintptr_t)JOBS_QUEUE;
	request.has_body = true;
	request.body = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
	request.key = text;
	helio__store__v1__queues__submit(
		helio_client_service(submission->submitter->queues), &request,
		on_submit, submission);
}

void submitter_turn(struct submitter *submitter)
{
	int r = helio_dispatch(submitter->bus);

	if (r < 0)
		complain("voice%u: %s", submitter->index, strerror(-r));
	for (unsigned i = 0; i < SUBMITTER_UNDER_WAY_MAX; i++) {
		struct submission *submission = &submitter->submissions[i];

		if (submission->submitter && !submission->is_calling &&
		    submission->due_ns <= clock_now_ns())
			send_submit(submission);
	}
}

void submitter_act(struct submitter *submitter)
{
	for (unsigned i = 0; i < SUBMITTER_UNDER_WAY_MAX; i++) {
		struct submission *submission = &submitter->submissions[i];

		if (submission->submitter)
			continue;
		*submission = (struct submission){
			.submitter = submitter,
			.number = ledger_add(submitter->ledger),
		};
		send_submit(submission);
		return;
	}
}
