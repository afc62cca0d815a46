/* SPDX-License-Identifier: MIT */
#ifndef CLI_PIPER_H
#define CLI_PIPER_H

/**
 * Of `helio logger pipe`: lines are read and shipped until there are no more,
 * and all are stored.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/pipe_command.h"
#include "cli/pipe_source.h"
#include "cli/session.h"
#include "cli/shipper.h"

enum { PIPER_SOURCES = 2, PIPER_SUBJECT_BYTES = 256 };

struct pipe_settings {
	struct common common; /* timeout_ms: for the log, after the end */
	const char *subject;
	int severity;
	int stderr_severity;
	const char *tag;
	const char *file;
	const char *id;
	bool is_dropping;
	struct texts command;
};

struct piper {
	const struct pipe_settings *settings;
	struct session session;
	struct shipper shipper;
	struct pipe_source sources[PIPER_SOURCES];
	struct pipe_command command;
	char subject[PIPER_SUBJECT_BYTES];
	char *tag; /* owned */
	int signals;
	bool is_interrupted;
	/*
	 * So long for the log, and for last words; 0: it is not the end yet.
	 */
	uint64_t end_ns;
};

/** Its descriptors are -1 before they are open. */
void piper_deinit(struct piper *piper);

/** Signals are read from then on. Returns 0 or a negative errno. */
int piper_catch_signals(struct piper *piper);

/**
 * Returns 0 when all is stored, or shipper.is_over says that it cannot be; a
 * negative errno, of which -ETIMEDOUT: not in time.
 */
int piper_ship(struct piper *piper);

/**
 * The command is not left behind: it finds its output closed, and is ended if
 * it does not mind. Blocks for some seconds at most.
 */
void piper_end(struct piper *piper);

#endif
