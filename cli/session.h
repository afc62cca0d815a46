/* SPDX-License-Identifier: MIT */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

/**
 * A command's connection: opened as the options say, with its ups and downs
 * told to people.
 */

#include <stdint.h>

#include "base/cleanup.h"
#include "cli/folder.h"
#include "rpc/heliograph.h"

struct common;

struct session {
	struct helio *bus;
	bool is_lasting; /* connects again when the connection is lost */
	bool was_connected;
	unsigned refused_status; /* of the last publish refused; OK: none */
	uint64_t n_refused;
	char address[FOLDER_PATH_BYTES];
};

/**
 * Connect, and wait until it is done. With `is_lasting` the library connects
 * again later, but that nobody is there now is told at once either way.
 *
 * Returns an exit code; unless it is EXIT_OK, why has been told. The session
 * must stay where it is until session_close(), which is fine in any case.
 */
int session_open(struct session *session, const struct common *common,
		 bool is_lasting);
void session_close(struct session *session);

/** Tell of a call or request that went wrong. Returns its exit code. */
int session_complain(const char *what, int result, const char *reason);

#endif
