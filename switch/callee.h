/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CALLEE_H
#define SWITCH_CALLEE_H

/**
 * Whom a call means: an endpoint, one instance, or whom the host has chosen;
 * and whether its caller may call that.
 */

#include <stddef.h>

struct inbound;
struct peer;
struct wish;

/** The subject that is called, without `$inst.NUMBER.`, if it has that. */
const char *callee_subject(const char *subject, size_t *n);

/**
 * Fill in the wish's endpoint, which may be NULL, or its registration. Returns
 * STATUS_OK, or the status why not, with a text for people.
 */
int callee_find(struct peer *caller, const struct inbound *inbound,
		struct wish *ret_wish, char *text, size_t n_text);

#endif
