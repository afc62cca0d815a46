/* SPDX-License-Identifier: MIT */
#ifndef RPC_SESSION_H
#define RPC_SESSION_H

/**
 * One life of the connection after the other.
 *
 *     WAITING --connect--> GREETING --WELCOME--> RENEWING --SYNC--> CONNECTED
 *        ^                    |                     |                  |
 *        `------- lost -------+---------------------+------------------'
 *
 * When it is not to connect again, a lost connection is CLOSED.
 */

#include <stdint.h>

struct channel;
struct frame;
struct helio;

/** From WAITING: connect. Returns 0, or why not; it is tried again later. */
int session_connect(struct helio *bus);

/** From WAITING: take the channel, say HELLO. */
void session_greet(struct helio *bus, struct channel *channel);

/** WELCOME came. */
void session_welcome(struct helio *bus, const struct frame *frame,
		     const uint8_t *body);

/** GOODBYE came. */
void session_part(struct helio *bus, const struct frame *frame,
		  const uint8_t *body);

/** The channel is over, helio.fault says why: clear up, and tell everybody. */
void session_lose(struct helio *bus);

#endif
