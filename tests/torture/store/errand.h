/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_ERRAND_H
#define TESTS_TORTURE_STORE_ERRAND_H

/** One call of tests/torture/store/errands.h: its answer is accounted for. */

#include "tests/torture/store/errands.h"

/** The bucket and the queue. */
void errand_create(struct errands *errands);

void errand_put(struct errands *errands, unsigned key);
void errand_delete(struct errands *errands, unsigned key);
void errand_get(struct errands *errands, unsigned key);
void errand_submit(struct errands *errands, unsigned job);
void errand_lease(struct errands *errands);
/** With it "done/N" is written. */
void errand_complete(struct errands *errands, unsigned job);

/** `found` lives until they are answered. */
void errand_list(struct errands *errands, struct account_found *found);
void errand_list_jobs(struct errands *errands, struct account_found *found);

#endif
