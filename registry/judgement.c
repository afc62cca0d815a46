/* SPDX-License-Identifier: MIT */

#include "registry/judgement.h"

#include <stdio.h>

/* What is packed is not written to. */
static void tell(const struct finding *finding,
		 Helio__Registry__V1__Finding *ret_message)
{
	helio__registry__v1__finding__init(ret_message);
	ret_message->rule = (char *)(uintptr_t)finding->rule;
	ret_message->file = (char *)(uintptr_t)finding->file;
	ret_message->where = (char *)(uintptr_t)finding->where;
	ret_message->text = (char *)(uintptr_t)finding->text;
}

static void print(struct judgement *judgement, const struct findings *findings,
		  const char *head)
{
	char first[JUDGEMENT_TEXT_BYTES - 256];

	finding_print(&findings->at[0], first, sizeof(first));
	snprintf(judgement->text, sizeof(judgement->text), "%.200s: %s", head,
		 first);
}

void judgement_init(struct judgement *judgement,
		    const struct findings *findings, const struct entry *first,
		    const char *relation, const struct entry *second)
{
	Helio__Registry__V1__Judgement *message = &judgement->message;
	char head[200];

	helio__registry__v1__judgement__init(message);
	message->has_compatible = true;
	message->compatible = !findings->total;
	message->has_findings_total = true;
	message->findings_total = findings->total;
	message->n_findings = findings_count(findings);
	message->findings = judgement->pointers;
	for (size_t i = 0; i < message->n_findings; i++) {
		judgement->pointers[i] = &judgement->findings[i];
		tell(&findings->at[i], &judgement->findings[i]);
	}
	if (!findings->total)
		return;
	snprintf(head, sizeof(head), "schema %.12s %s schema %.12s",
		 first->name, relation, second->name);
	print(judgement, findings, head);
	message->text = judgement->text;
}
