/* SPDX-License-Identifier: MIT */
#ifndef RPC_STORE_JOB_H
#define RPC_STORE_JOB_H

/** A job of the store as programs see it. */

#include <helio/store/v1/store.pb-c.h>

#include "rpc/heliograph-store.h"

/** What it points to is `from`'s. */
struct helio_job job_view(const Helio__Store__V1__Job *from);

#endif
