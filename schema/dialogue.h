/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_DIALOGUE_H
#define SCHEMA_DIALOGUE_H

/**
 * Whether a client that was built with one schema and a server that was built
 * with another understand each other in the calls of one service.
 *
 * Other than in schema/compat.h neither is the newer, and only what both have
 * counts: a method, a field or a value of an enum that one of them lacks is
 * harmless. Each message is judged in the direction in which it goes: requests
 * are written by the client's schema and read by the server's, responses the
 * other way. Not understood is
 *
 * - a method that takes or returns another type, or a stream on one side only,
 *   or that the client alone holds to be idempotent;
 * - a field whose type cannot be read as the reader's, that is repeated on one
 *   side only, that means something else when it is not sent, or that only the
 *   reader has in a oneof, for then it may lose one that the writer sent;
 * - a field that the reader requires and the writer does not.
 *
 * Rules are called as those of schema/compat.h. Extensions are not looked at.
 */

#include "schema/finding.h"
#include "schema/inventory.h"

/**
 * `service` is a full name. A service that one of them lacks is a
 * PACKAGE_SERVICE_NO_DELETE. Findings are added. Looks at each message once in
 * each direction. Returns 0 or -ENOMEM.
 */
int dialogue_check(const struct inventory *client,
		   const struct inventory *server, const char *service,
		   struct findings *findings);

#endif
