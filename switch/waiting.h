/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_WAITING_H
#define SWITCH_WAITING_H

/**
 * Calls that wait at an endpoint, until somebody serves it or has credit.
 *
 * They go in the order in which they came. When the credit of a server does
 * not cover the next one, nobody overtakes it at that server, so that credit
 * can gather; but only if it costs no more than half of the most credit that
 * the server has had. A dearer one has no such claim: it gets the server when
 * the credit happens to suffice, and others pass it. So no caller can stop a
 * server by the length that its call announces.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint;
struct message;
struct registration;
struct slot;

/**
 * Hold the call whose first frame is `message`, at the caller's expense;
 * `cost_bytes` is what all of it takes of a server's credit. Returns 0, or 1
 * when there is no room for it.
 */
int waiting_keep(struct slot *slot, uint64_t cost_bytes,
		 const struct message *message);

/** What is held waits at the endpoint of the subject. Returns 0 or 1. */
int waiting_at(struct slot *slot, const char *subject, size_t n_subject);

/** The subject of a call that is held, in its first frame. */
const char *waiting_subject(const struct slot *slot, size_t *ret_n);

/** Send on what is held to the registration, which takes it. */
void waiting_release(struct slot *slot, struct registration *registration);

/** Hold it until `registration`, which the host has chosen, has credit. */
int waiting_add_for(struct slot *slot, struct registration *registration,
		    uint64_t cost_bytes, const struct message *message);

/** What is held of it tells the time that is left now. */
void waiting_refresh(struct slot *slot);

/** Another frame of it. Returns 0, or 1 when there is no room. */
int waiting_append(struct slot *slot, const struct message *message);

/** Whether a call that waits here has the claim on the server's credit. */
bool waiting_has_claim(const struct endpoint *endpoint,
		       const struct registration *registration);

/** The registration is new or has new credit: give it what waits for it. */
void waiting_wake(struct registration *registration);

#endif
