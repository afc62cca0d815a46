/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_POLICY_H
#define SWITCH_POLICY_H

/**
 * Who may do what: a folder of files of lines.
 *
 * Files end in `.policy` and are read in the order of their names, all or
 * nothing. A line is `VERDICT WHO VERB WHAT`, as in
 *
 *     allow vm:* publish vm.{self}.>
 *     deny  key:guest-* call helio.switch.v1.>
 *
 * VERDICT is `allow` or `deny`; WHO a pattern of principals (switch/who.h);
 * VERB one verb, several joined by commas, or `any` (the plain ones: publish,
 * subscribe, call, serve); WHAT a pattern of subjects, or of names for verbs
 * that judge names; of buckets it may be a part (switch/part.h). The token
 * `{self}` in WHAT is the NAME of `vm:NAME`, also
 * for paths below it, and a line that uses it matches no other kind. A word
 * that begins with `#` starts a comment. The first line that decides, decides;
 * when none does, the answer is no. docs/POLICY.md shows it by examples.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "switch/verb.h"

/** Which line decided. Its texts are the policy's and live as long as it. */
struct policy_verdict {
	bool is_allowed;
	const char *file; /* NULL: no line did */
	unsigned line;    /* from 1 */
	const char *why;  /* without a line: "no line allows it", or does */
};

enum {
	POLICY_LINES_MAX = 16384,
	POLICY_BYTES_MAX = 16 * 1024 * 1024,
};

/** Below it and its own path, events about a principal: `$sys.own.vm:web.up` */
#define POLICY_OWN_EVENTS "$sys.own."

struct policy;

/**
 * Read all `*.policy` files of the folder `path`, POLICY_LINES_MAX lines and
 * POLICY_BYTES_MAX bytes at most. Returns 0 or a negative errno; -EINVAL: a
 * line is wrong. On any error `error` names file, line and fault, and
 * *ret_policy is untouched.
 */
int policy_load(const char *path, char *error, size_t n_error,
		struct policy **ret_policy);

/** The same of one text, called `name` in verdicts. For tests and fuzzing. */
int policy_parse(const char *name, const char *text, size_t n_text, char *error,
		 size_t n_error, struct policy **ret_policy);

/** NULL is fine. Always NULL. */
struct policy *policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free);

/**
 * May `principal` do `verb` to the subject or name `what`, of a bucket also
 * `BUCKET/PART`?
 *
 * `what` may be a pattern and is then judged as a set: the first line that
 * covers all of it decides, a deny that overlaps it decides too, an allow that
 * only overlaps is passed over. So a pattern that begins with a wildcard is
 * allowed only by a line whose own pattern begins with one. What is no pattern
 * is denied, as is to publish or serve below a first token that begins
 * with `$`.
 *
 * A path may do nothing that its parents may not: each of them, up to the
 * root, is judged in the same way, and the verdict is that of the path itself
 * or of the nearest parent that is denied.
 *
 * What no line decides is denied, but for one thing: a principal may subscribe
 * to the events about itself, by patterns that begin with POLICY_OWN_EVENTS and
 * its whole path.
 *
 * Allocates nothing, and takes a time that grows with the number of lines
 * only: ten to twenty nanoseconds for each. Not for every message: the route
 * cache keeps the answer.
 */
struct policy_verdict policy_judge(const struct policy *policy,
				   const char *principal, enum verb verb,
				   const char *what, size_t n_what);

/**
 * Whether the lines can ever allow `principal` anything: whether some allow
 * line is for it, and no earlier line denies it all that this one gives. What
 * needs no line, its own events, does not count: whom no line concerns has
 * nothing to do on the bus, and is offered no channel to hear so.
 */
bool policy_concerns(const struct policy *policy, const char *principal);

/** "allowed by 10-own.policy:3", "denied: no line allows it". */
void policy_verdict_text(const struct policy_verdict *verdict, char *text,
			 size_t n_text);

#endif
