/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

/**
 * One question to the switch: may somebody do something? Nothing is kept of the
 * answer; daemon/access.h keeps it.
 */

#include <stdbool.h>
#include <stdint.h>

struct helio;
struct helio_call;

struct check_verdict {
	bool is_allowed;
	/* For people: which line of policy said so, or why nobody did. It
	 * lasts as long as the callback. */
	const char *text;
	uint64_t generation; /* of the policy that said it */
};

struct check {
	struct helio_call *call; /* under way, or NULL */
	/*
	 * r is 0; -ENOTCONN: no answer came, and the text says why; -EBADMSG:
	 * what came is none. Then nothing is allowed. May start it again.
	 */
	void (*on_verdict)(struct check *check, int r,
			   const struct check_verdict *verdict);
};

/**
 * Begin to ask; nothing may be under way. `verb` is one of policy files:
 * "subscribe", "log-read"; `principal` who would do it. on_verdict is called
 * once, within 5.5 s and not from in here. Returns 0, or a negative errno and
 * nothing is asked: -EMSGSIZE: the names are too long together; -ENOTCONN,
 * -EAGAIN: as helio_call_start().
 */
int check_start(struct check *check, struct helio *bus, const char *principal,
		const char *verb, const char *resource);

/** on_verdict is not called any more. Right when nothing is under way, too. */
void check_cancel(struct check *check);

#endif
