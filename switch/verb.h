/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_VERB_H
#define SWITCH_VERB_H

/** What a principal may be allowed to do. */

#include <stddef.h>

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

/** "publish" for VERB_PUBLISH. */
const char *verb_name(enum verb verb);

/** Returns 0, or -EINVAL when no verb is spelt so. */
int verb_from_name(const char *name, enum verb *ret_verb);

/** The same for a name of `n` bytes that is not terminated. */
int verb_from_word(const char *name, size_t n, enum verb *ret_verb);

#endif
