/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DAEMON_FAKE_POLICY_H
#define TESTS_UNIT_DAEMON_FAKE_POLICY_H

/**
 * Stands in for the switch where it is asked what somebody may: a test sees
 * what was asked, and answers when and what it likes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph.h"

/** Questions under way, the oldest first. */
struct fake_question {
	helio_reply_fn on_reply;
	void *userdata;
	char principal[64];
	char verb[32];
	char resource[256];
};

extern struct fake_policy {
	unsigned n_asked;     /* ever */
	unsigned n_under_way; /* neither answered nor cancelled */
	int r;                /* of the next ones, when it is negative */
	uint64_t generation;  /* of what is answered */
} fake_policy;

/** None is under way, all begins anew at generation 1. */
void fake_policy_reset(void);

/** The bus of whoever asks. */
struct helio *fake_policy_bus(void);

/** The oldest under way; the test fails without one. */
const struct fake_question *fake_policy_next(void);

/** Answer the oldest. NULL: allowed; else denied, and why. */
void fake_policy_answer(const char *refusal);
/** The same with a body, or a bad status. */
void fake_policy_answer_bytes(const void *bytes, size_t n);
void fake_policy_fail(unsigned status);

#endif
