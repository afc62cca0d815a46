/* SPDX-License-Identifier: MIT */
#ifndef RPC_LOG_READ_REPLY_H
#define RPC_LOG_READ_REPLY_H

/**
 * What the logger answers a Read with, on its way into the backlog. Most are a
 * run and nothing else: it stays where it is, or is copied once, and then
 * stays.
 */

#include <stddef.h>

#include "rpc/log/backlog.h"
#include "rpc/typed/intake.h"

/**
 * What `stream` tells, in its on_packed. Returns HELIO_OK, or the status to end
 * with; *ret_reason then says why, until the next one.
 */
unsigned read_reply_keep(struct backlog *backlog, struct intake *intake,
			 struct helio_stream *stream, const void *bytes,
			 size_t n, const char **ret_reason);

#endif
