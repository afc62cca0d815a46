/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ACCESS_H
#define LOGGER_ACCESS_H

/**
 * Who may do what: the switch says it, and its verdicts are kept until its
 * policy is another one, which is asked once a second.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

struct helio;
struct helio_call;

enum {
	ACCESS_VERDICTS_MAX = 32768, /* the oldest goes for a new one */
	ACCESS_TEXT_BYTES = 512,
};

struct access {
	struct helio *bus;
	struct hash_key key;
	struct map verdicts;
	struct list by_age;  /* those that are settled, the oldest first */
	uint64_t generation; /* of the policy; 0: not known */
	uint64_t n_changes;  /* how often what was known was forgotten */
	struct helio_call *question;     /* after the generation, or NULL */
	char refusal[ACCESS_TEXT_BYTES]; /* of the last no, for people */
};

struct access_wait {
	struct list link;
	/* 0: ask again, for it is known now; or a negative errno. */
	void (*on_verdict)(struct access_wait *wait, int r);
};

/** Returns 0 or a negative errno. */
int access_init(struct access *access, struct helio *bus);
/** Nobody is told any more. Safe on a zeroed one. */
void access_deinit(struct access *access);

/**
 * May `principal` do `verb` to `resource`? 1: yes; 0: no, access->refusal says
 * why for people; -EINPROGRESS: the switch was asked, and `wait` will be
 * called, not from in here; or another negative errno. `wait` must be unlinked,
 * and is linked in the first case only.
 */
int access_ask(struct access *access, const char *principal, const char *verb,
	       const char *resource, size_t n_resource,
	       struct access_wait *wait);

/** The switch is another one: forget all that is known. */
void access_forget(struct access *access);

/** Ask whether the policy is still the same. */
void access_tick(struct access *access);

#endif
