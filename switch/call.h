/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CALL_H
#define SWITCH_CALL_H

/**
 * A call's way to one server, and its reply's way back.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/status.h"

struct endpoint;
struct inbound;
struct message;
struct open;
struct peer;
struct slot;
struct speaker;

/** What a peer may let wait before its calls are cut to a status. */
enum { CALL_UNREAD_MAX_BYTES = 16 * 1024 * 1024 };

/** What all its fragments take of a server's credit, at once. */
uint64_t call_cost(const struct inbound *inbound);

/** A CALL came in, the first fragment of it or a whole one. */
void call_start(struct peer *caller, const struct inbound *inbound);

/** A REPLY came in, the first fragment of it or a whole one. */
void call_reply(struct peer *callee, const struct inbound *inbound);

/** Whether an id that has no call now was ever drawn for this channel. */
bool call_was_drawn(const struct peer *callee, uint64_t id);

/** A CANCEL came in. */
void call_cancel(struct peer *caller, const struct inbound *inbound);

/** A later fragment of a call or a reply, whose slot is still there. */
void call_continue(struct open *open, const struct message *message);

/** A call or a reply will not be finished. */
void call_abort(struct open *open);

/** Whether policy lets the caller call the subject; if not, `text` says why. */
bool call_is_allowed(const struct speaker *caller, const char *subject,
		     size_t n, char *text, size_t n_text);

/**
 * Policy has changed: a call that waits or has a stream, and is no longer
 * allowed, ends.
 */
void call_judge(struct slot *slot);

/**
 * Tell the caller that the bus ends its call, and the callee, if any, that
 * nobody waits. Whoever calls this frees the slot.
 */
void call_fail(struct slot *slot, enum status status, const char *text);

/** A call that is held may have a server now, or has none: look again. */
void call_resume(struct slot *slot);

/** Nobody waits for the answer: tell the callee, and who observes. */
void call_drop(struct slot *slot);

#endif
