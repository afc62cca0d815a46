/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

/**
 * Who may do what: the switch says it, and its verdicts are kept until its
 * policy is another one, which access_tick() asks about: what was taken from
 * somebody holds for as long as that takes, a second in our programs.
 *
 * Who asks has a wait, which it sees to being unlinked when it goes:
 *
 *	static void begin(struct thing *thing)
 *	{
 *		int r = access_ask(thing->access, &(struct access_question){
 *			.principal = thing->principal,
 *			.verb = "kv-read",
 *			.resource = thing->name,
 *			.n_resource = strlen(thing->name),
 *		}, &thing->wait);
 *
 *		if (r == -EINPROGRESS)
 *			return; // wait.on_verdict calls begin() again
 *		if (r != 1)
 *			thing_fail(thing, access_status(r),
 *				   access_reason(thing->access, r));
 *		else
 *			thing_do(thing);
 *	}
 *
 * For a call with one answer daemon/errand.h does all this.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "daemon/check.h"

enum {
	ACCESS_VERDICTS_MAX = 32768,     /* the oldest goes for a new one */
	ACCESS_RESOURCE_MAX_BYTES = 640, /* a bucket and a key of it */
	ACCESS_TEXT_BYTES = 1536,
	ACCESS_LATELY = 8,
};

struct verdict;

struct access {
	struct helio *bus; /* borrowed; NULL: not open */
	struct hash_key key;
	struct map verdicts;
	/* Some that were asked for last: mostly they are asked for again. */
	struct verdict *lately[ACCESS_LATELY];
	struct list by_age;    /* those that are settled, the oldest first */
	uint64_t generation;   /* of the policy; 0: not known */
	uint64_t n_changes;    /* how often what was known was forgotten */
	struct check question; /* after the generation */
	char refusal[ACCESS_TEXT_BYTES]; /* of the last no, for people */
};

struct access_question {
	const char *principal;
	const char *verb;     /* of policy files; must last for ever */
	const char *resource; /* of this many bytes, not of a string */
	size_t n_resource;
	/* What is asked about so often that why it is denied is not kept. */
	bool is_terse;
};

struct access_wait {
	struct list link; /* list_init() it */
	/* 0: ask again, for it is known now; or a negative errno. */
	void (*on_verdict)(struct access_wait *wait, int r);
};

/** Returns 0 or a negative errno; access_deinit() is right either way. */
int access_init(struct access *access, struct helio *bus);
/** Nobody is told any more. Safe on a zeroed one, and while some wait. */
void access_deinit(struct access *access);

/**
 * 1: yes; 0: no, access->refusal says why for people; -EINPROGRESS: the switch
 * was asked, and `wait` is linked until it is told, not from in here; or
 * another negative errno: nobody was asked. `wait` must not be linked. When it
 * is told, what was known may have been forgotten again: then asking again
 * takes another wait.
 */
int access_ask(struct access *access, const struct access_question *question,
	       struct access_wait *wait);

/**
 * What to fail with when access_ask() returned 0 or an error: the status, and
 * a text that lasts until it is asked again.
 */
unsigned access_status(int r);
const char *access_reason(const struct access *access, int r);

/**
 * The connection is lost, and the switch may be another one: forget what is
 * known. Who waits is told that by the calls that fail.
 */
void access_forget(struct access *access);

/** Ask whether the policy is still the same: from a timer, once a second. */
void access_tick(struct access *access);

#endif
