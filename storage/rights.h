/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_RIGHTS_H
#define STORAGE_RIGHTS_H

/**
 * What rights a request takes; proto/helio/store/v1/store.proto says it.
 *
 * All return 1: yes; 0: no; -EDOM: what is named is no name, wish->fault says
 * so; -EINPROGRESS: the switch was asked, and the wish is called back; or
 * another negative errno of access_ask().
 */

#include <helio/store/v1/store.pb-c.h>
#include <stdbool.h>

#include "daemon/access.h"
#include "storage/state/bucket.h"

struct wish;

/** `verb` is one of buckets or queues; `name` may be NULL, which is no name. */
int rights_ask(struct wish *wish, const char *verb, const char *name);

/**
 * The right to the bucket, or else to the part of it that has all of a range:
 * its key, or what is below the last `/` of its prefix.
 */
int rights_ask_range(struct wish *wish, const char *verb, const char *bucket,
		     const struct key_range *range);
int rights_ask_key(struct wish *wish, const char *verb, const char *bucket,
		   const char *key);

enum { RIGHTS_PART_BYTES = ACCESS_RESOURCE_MAX_BYTES + 1 };

/** That part, as the switch is asked about it. False: there is none. */
bool rights_part(const char *bucket, const struct key_range *range,
		 char ret_part[RIGHTS_PART_BYTES]);

/** One of two verbs is enough: then *ret_second says that it is the second. */
int rights_ask_either(struct wish *wish, const char *verb, const char *second,
		      const char *name, bool *ret_second);

/** Of each part its own; NULL takes none. */
int rights_transaction(struct wish *wish,
		       const Helio__Store__V1__Transaction *in);

#endif
