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

struct wish;

/** `verb` is one of buckets or queues; `name` may be NULL, which is no name. */
int rights_ask(struct wish *wish, const char *verb, const char *name);

/** One of two verbs is enough: then *ret_second says that it is the second. */
int rights_ask_either(struct wish *wish, const char *verb, const char *second,
		      const char *name, bool *ret_second);

/** Of each part its own; NULL takes none. */
int rights_transaction(struct wish *wish,
		       const Helio__Store__V1__Transaction *in);

#endif
