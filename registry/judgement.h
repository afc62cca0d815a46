/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_JUDGEMENT_H
#define REGISTRY_JUDGEMENT_H

/** Findings as the message that tells them. */

#include "helio/registry/v1/registry.pb-c.h"
#include "registry/entry.h"
#include "schema/finding.h"

enum { JUDGEMENT_TEXT_BYTES = 2048 };

struct judgement {
	Helio__Registry__V1__Judgement message; /* points into the rest */
	Helio__Registry__V1__Finding findings[FINDINGS_MAX];
	Helio__Registry__V1__Finding *pointers[FINDINGS_MAX];
	char text[JUDGEMENT_TEXT_BYTES];
};

/**
 * Fill in what was found of `second` beside `first`; `relation` stands between
 * them: "breaks". It borrows the findings, and must stay where it is.
 */
void judgement_init(struct judgement *judgement,
		    const struct findings *findings, const struct entry *first,
		    const char *relation, const struct entry *second);

#endif
