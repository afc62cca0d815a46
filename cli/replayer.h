/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAYER_H
#define CLI_REPLAYER_H

/**
 * What a log recorded, said or asked again, for the files that do it:
 *
 *	replay.c	the command
 *	replayer.c	records are published and called, and answers counted
 *	replay_report.c	what came of it is told
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/comparison.h"
#include "cli/logs.h"
#include "rpc/heliograph-log.h"

enum { REPLAYER_HEADERS_MAX = 2048 + 3 }; /* of a record, and our own */

struct replay {
	struct common common; /* timeout_ms: of each call */
	const char *log;
	const char *since;
	const char *until;
	const char *into;
	const char *strip;
	const char *speed;
	struct texts subjects;
};

struct replayer {
	const struct replay *settings;
	struct logs logs;
	struct comparison comparison;
	struct helio_header *headers; /* owned: those of one message */
	size_t n_under_way;
	uint64_t n_records;
	uint64_t n_published;
	uint64_t n_called;
	uint64_t n_passed_over;
	uint64_t n_taken;   /* messages that somebody took */
	uint64_t n_refused; /* that were not published */
	char refusal[512];  /* of the first one */
	int r;
};

/** A record, as reading.h hands it over. False: replayer->r says why not. */
bool replayer_take(const struct helio_log_record *record, void *userdata);

/** Until all that is under way is answered. Returns 0 or a negative errno. */
int replayer_wait(struct replayer *replayer);

/** Returns the exit code. */
int replayer_report(const struct replayer *replayer);

#endif
