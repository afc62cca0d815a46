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
 * VERDICT is `allow` or `deny`; WHO a principal's path in which `*` stands for
 * any run of bytes but `/` and a final `/**` for the path's whole subtree and
 * the path itself; VERB one verb, several joined by commas, or `any` (the
 * plain ones: publish, subscribe, call, serve); WHAT a pattern, or a name for
 * verbs that judge names. `{self}` is the NAME of a `vm:NAME` principal and
 * matches no other kind. `#` starts a comment. The first line that decides,
 * decides; when none does, the answer is no.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum verb {
	VERB_PUBLISH,
	VERB_SUBSCRIBE,
	VERB_CALL,
	VERB_SERVE,
	VERB_GROUP,   /* share a pattern's messages as a member of a group */
	VERB_CAPTURE, /* be the log of a pattern */
	VERB_OBSERVE, /* copies of a service's calls and replies */
	VERB_UPLINK,  /* be a leaf */
	VERB_ADMIN,
	VERB_LOG_READ,
	VERB_LOG_ADMIN,
	VERB_KV_READ,
	VERB_KV_WRITE,
	VERB_JOB_SUBMIT,
	VERB_JOB_WORK,
	N_VERBS
};

struct policy_verdict {
	bool is_allowed;
	const char *file; /* that decided; NULL: no line did. Policy's. */
	unsigned line;
};

struct policy;

/**
 * Read all `*.policy` files of the folder. Returns 0 or a negative errno;
 * -EINVAL: a line is wrong, and `error` names file, line and fault. On any
 * error *ret_policy is untouched.
 */
int policy_load(const char *folder, char *error, size_t n_error,
		struct policy **ret_policy);

/** The same of one text, called `name` in verdicts. For tests and fuzzing. */
int policy_parse(const char *name, const char *text, size_t n_text, char *error,
		 size_t n_error, struct policy **ret_policy);
struct policy *policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free);

/**
 * May `principal` do `verb` to the subject or name `what`? For VERB_SUBSCRIBE,
 * VERB_GROUP, VERB_CAPTURE, VERB_OBSERVE and VERB_SERVE `what` may be a
 * pattern and is judged as a set: the first line that covers all of it
 * decides, a deny that overlaps it decides too, an allow that only overlaps is
 * passed over. A pattern that begins with a wildcard is covered only by a line
 * whose pattern does so too. Not for every message: the route cache keeps it.
 */
struct policy_verdict policy_judge(const struct policy *policy,
				   const char *principal, enum verb verb,
				   const char *what, size_t n_what);

/** "publish" for VERB_PUBLISH. */
const char *verb_name(enum verb verb);

/** Returns 0 or -EINVAL. */
int verb_from_name(const char *name, enum verb *ret_verb);

/** "allowed by 10-own.policy:3", "denied: no line allows it". */
void policy_verdict_text(const struct policy_verdict *verdict, char *text,
			 size_t n_text);

#endif
