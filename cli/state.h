/* SPDX-License-Identifier: MIT */
#ifndef CLI_STATE_H
#define CLI_STATE_H

/**
 * The state folder: what the switch reads at its start and at each reload.
 *
 *     policy/NAME.policy    who may do what
 *     domains/NAME.domain   the domains that have a socket of their own
 *     keys/NAME.pub         the public keys that may come over TCP
 *     schemas/              what helio-registry keeps
 *     quotas, heliod.conf   optional
 */

/**
 * Make the folder and what is missing in it; a policy only when there is none
 * at all: own subtrees and own programs, and everything for the user that
 * this process runs as. Returns 0 or a negative errno.
 */
int state_prepare(const char *path);

#endif
