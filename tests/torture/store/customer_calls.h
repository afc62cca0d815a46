/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_CUSTOMER_CALLS_H
#define TESTS_TORTURE_STORE_CUSTOMER_CALLS_H

/** The calls of a customer: each answer is accounted for. */

#include "tests/torture/store/customer.h"

/** The bucket and the queue. */
void customer_create(struct customer *customer);

void customer_put(struct customer *customer, unsigned key);
void customer_delete(struct customer *customer, unsigned key);
void customer_get(struct customer *customer, unsigned key);
void customer_submit(struct customer *customer, unsigned job);
void customer_lease(struct customer *customer);
/** With it "done/N" is written. */
void customer_complete(struct customer *customer, unsigned job);

/** `found` lives until they are answered. */
void customer_list(struct customer *customer, struct account_found *found);
void customer_list_jobs(struct customer *customer, struct account_found *found);

#endif
