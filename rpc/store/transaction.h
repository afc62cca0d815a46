/* SPDX-License-Identifier: MIT */
#ifndef RPC_STORE_TRANSACTION_H
#define RPC_STORE_TRANSACTION_H

/** A program's transaction as the message that it becomes. */

#include <helio/store/v1/store.pb-c.h>

#include "rpc/heliograph-store.h"

/** Zeroed it is ready. */
struct transaction {
	Helio__Store__V1__Transaction message;
	void *parts; /* owned: what the message points to */
};

/**
 * Texts and bytes stay the program's, and are needed as long as the message
 * is. Returns 0, -EINVAL (a name is missing) or -ENOMEM.
 */
int transaction_set(struct transaction *transaction,
		    const struct helio_store_transaction *from);
void transaction_deinit(struct transaction *transaction);

#endif
