/* SPDX-License-Identifier: MIT */
#ifndef RPC_LOG_RECORD_H
#define RPC_LOG_RECORD_H

/**
 * A record of a run as programs see it: with texts that are terminated, and
 * its metadata unpacked.
 */

#include "proto/run.h"
#include "rpc/heliograph-log.h"
#include "rpc/metadata.h"

/* A run's words have up to 512 bytes. */
enum { RECORD_TEXT_BYTES = 513 };

/** One at a time. Zeroed it is ready. */
struct record {
	struct helio_log_record log;
	/* Terminated copies of what stood in the run. */
	char subject[RECORD_TEXT_BYTES];
	char principal[RECORD_TEXT_BYTES];
	char durable_id[RECORD_TEXT_BYTES];
	struct metadata_reader metadata;
	/* Where they stood: records of a run share most of them. */
	const char *subject_at;
	const char *principal_at;
	bool is_plain; /* the last was a message without metadata */
};

void record_deinit(struct record *record);

/** Another run begins, which may lie where the one before did. */
void record_forget(struct record *record);

/**
 * Set `record` from one that run_reader_next() gave. Returns 0; -EBADMSG: a
 * text is longer than it can be, or the metadata is none; -ENOMEM.
 */
int record_set(struct record *record, const struct run_record *from);

#endif
