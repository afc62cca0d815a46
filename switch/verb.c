/* SPDX-License-Identifier: MIT */

#include "switch/verb.h"

#include <errno.h>
#include <string.h>

static const char *const verb_names[N_VERBS] = {
	[VERB_PUBLISH] = "publish",     [VERB_SUBSCRIBE] = "subscribe",
	[VERB_CALL] = "call",           [VERB_SERVE] = "serve",
	[VERB_GROUP] = "group",         [VERB_CAPTURE] = "capture",
	[VERB_OBSERVE] = "observe",     [VERB_UPLINK] = "uplink",
	[VERB_ADMIN] = "admin",         [VERB_LOG_READ] = "log-read",
	[VERB_LOG_ADMIN] = "log-admin", [VERB_KV_READ] = "kv-read",
	[VERB_KV_WRITE] = "kv-write",   [VERB_JOB_SUBMIT] = "job-submit",
	[VERB_JOB_WORK] = "job-work",
};

const char *verb_name(enum verb verb)
{
	return verb_names[verb];
}

int verb_from_word(const char *name, size_t n, enum verb *ret_verb)
{
	for (int verb = 0; verb < N_VERBS; verb++) {
		if (strlen(verb_names[verb]) == n &&
		    !memcmp(verb_names[verb], name, n)) {
			*ret_verb = (enum verb)verb;
			return 0;
		}
	}
	return -EINVAL;
}

int verb_from_name(const char *name, enum verb *ret_verb)
{
	return verb_from_word(name, strlen(name), ret_verb);
}
