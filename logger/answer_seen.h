/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_SEEN_H
#define LOGGER_ANSWER_SEEN_H

/** Which records the asker may see: the logger is asked, once a subject. */

#include "base/hash.h"
#include "base/map.h"
#include "proto/run.h"

struct answer_seen {
	struct map subjects; /* struct seen_subject */
	struct hash_key key;
};

/** Returns 0 or a negative errno. */
int answer_seen_init(struct answer_seen *seen);
/** Safe on a zeroed one. */
void answer_seen_deinit(struct answer_seen *seen);

/** Returns 1; 0: it is not there for the asker; or a negative errno. */
int answer_seen_record(struct answer_seen *seen,
		       const struct run_record *record);

#endif
