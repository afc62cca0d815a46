/* SPDX-License-Identifier: MIT */
#ifndef RPC_LOG_READER_H
#define RPC_LOG_READER_H

/**
 * A reader: what comes by its attachment waits in its backlog, and is handed
 * out run by run and record by record. What was handed out moves its question
 * on, so that it can be asked again.
 */

#include "rpc/log/backlog.h"
#include "rpc/log/question.h"
#include "rpc/log/record.h"
#include "rpc/typed/attachment.h"

struct helio_log_reader {
	struct attachment attachment;
	struct question question;
	struct backlog backlog;
	struct backlog_item *item; /* what is being taken apart */
	size_t n_taken;            /* bytes of it before this run */
	struct run_reader run;
	struct record record;
	struct helio_log_read_options options;
	void *userdata;
	bool is_at_end; /* of what was wanted */
	bool is_paused;
	bool is_told_of_end;
	unsigned n_inside; /* functions that use it after a callback */
	bool is_freed;     /* once they are left */
};

#endif
