/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_JUDGE_H
#define REGISTRY_JUDGE_H

/** What is said of schemas that are known, beside each other. */

#include "registry/store.h"
#include "schema/finding.h"

/**
 * How a schema stands to what its package is judged by. It need not be the
 * newer: one that is followed by it without a break has only come late.
 */
enum judge_outcome {
	JUDGE_FOLLOWS = 0,
	JUDGE_OLDER = 1,
	JUDGE_BREAKS = 2, /* findings say what the schema breaks */
};

/**
 * Judge a schema of the package beside `base`. Returns an outcome, -EBADMSG
 * when the base is damaged, or another negative errno.
 */
int judge_beside(struct store *store, struct entry *base,
		 const struct reading *schema, const char *package,
		 struct findings *findings);

/** The same of one that is known itself. */
int judge_known(struct store *store, struct entry *base, struct entry *entry,
		struct findings *findings);

/** What `to` breaks of `from`. Returns as store_read(). */
int judge_pair(struct store *store, struct entry *from, struct entry *to,
	       struct findings *findings);

/** Whether they understand each other: schema/dialogue.h. */
int judge_call(struct store *store, struct entry *client, struct entry *server,
	       const char *service, struct findings *findings);

#endif
