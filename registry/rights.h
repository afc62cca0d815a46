/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_RIGHTS_H
#define REGISTRY_RIGHTS_H

/**
 * Whether somebody may do one of a few things: the switch is asked about one
 * after the other, until it says yes.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/check.h"

struct helio;

enum { RIGHTS_MAX = 130, RIGHT_RESOURCE_BYTES = 260, RIGHTS_TEXT_BYTES = 1024 };

struct right {
	const char *verb; /* of policy files; lasts for ever */
	char resource[RIGHT_RESOURCE_BYTES];
};

enum rights_verdict {
	RIGHTS_YES,
	RIGHTS_NO,      /* none of them; the text is about the first */
	RIGHTS_UNKNOWN, /* the switch did not say; the text says why */
};

typedef void (*rights_fn)(void *userdata, enum rights_verdict verdict,
			  const char *text);

struct rights {
	struct helio *bus;
	const char *principal;
	rights_fn on_verdict;
	void *userdata;
	struct check check;
	struct right *asked; /* on the heap */
	size_t n_asked;
	size_t next;
	char refusal[RIGHTS_TEXT_BYTES]; /* of the first */
};

/** `principal` must outlive it. No memory is taken yet. */
void rights_init(struct rights *rights, struct helio *bus,
		 const char *principal, rights_fn on_verdict, void *userdata);
/** Nothing is told any more. All zero is fine. */
void rights_deinit(struct rights *rights);

/** Forget what was added, for another round. Nothing may be under way. */
void rights_clear(struct rights *rights);

/**
 * Add one to those that are asked about; above RIGHTS_MAX it is passed over.
 * Returns 0 or -ENOMEM.
 */
__attribute__((format(printf, 3, 4))) int rights_add(struct rights *rights,
						     const char *verb,
						     const char *format, ...);

/**
 * Begin to ask; on_verdict is called once, not from in here. Returns 0, or a
 * negative errno and nothing is asked.
 */
int rights_ask(struct rights *rights);

#endif
