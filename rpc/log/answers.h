/* SPDX-License-Identifier: MIT */
#ifndef RPC_LOG_ANSWERS_H
#define RPC_LOG_ANSWERS_H

/**
 * What a consumer has to say of records and has not sent yet: acks and the
 * like, gathered into few messages.
 *
 * They cannot be more than the records that were given out, which the cursor
 * bounds.
 */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>

/** Tokens, in the order in which they were added. */
struct tokens {
	uint64_t *at; /* owned */
	size_t n;
	size_t n_max;
};

struct answers {
	struct tokens acks;
	struct tokens naks;
	struct tokens delays; /* of the naks, in ms */
	struct tokens in_progress;
	uint64_t ack_to;
	bool has_ack_to;
};

void answers_deinit(struct answers *answers);

/** Returns 0 or -ENOMEM. */
int tokens_add(struct tokens *tokens, uint64_t token);

bool answers_is_empty(const struct answers *answers);
void answers_clear(struct answers *answers);

/**
 * Hand all of them to `send` as one request, and forget them if it returns 0.
 * Returns what it returns, or -ENOMEM.
 */
int answers_send(struct answers *answers,
		 int (*send)(const Helio__Log__V1__ConsumeRequest *request,
			     void *userdata),
		 void *userdata);

#endif
