/* SPDX-License-Identifier: MIT */

#include "storage/permit.h"

#include <errno.h>
#include <string.h>

static int ask(struct permit *permit, const char *verb, const char *name)
{
	const struct access_question question = {
		.principal = permit->principal,
		.verb = verb,
		.resource = name,
		.n_resource = strlen(name),
	};

	return access_ask(permit->access, &question, &permit->wait);
}

/* While the switch cannot be asked, what was right stays so. */
static void look(struct permit *permit)
{
	int r = ask(permit, permit->verb, permit->name);

	if (r == 0 && permit->second)
		r = ask(permit, permit->second, permit->name);
	if (r == 0 && permit->part)
		r = ask(permit, permit->verb, permit->part);
	if (r == -EINPROGRESS)
		return;
	permit->n_changes = permit->access->n_changes - (r < 0);
	if (r == 0)
		permit->on_refused(permit, access_status(r),
				   access_reason(permit->access, r));
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct permit *permit = container_of(wait, struct permit, wait);

	if (r == 0)
		look(permit);
}

void permit_init(struct permit *permit)
{
	permit->wait.on_verdict = on_verdict;
	list_init(&permit->wait.link);
	permit->n_changes = permit->access->n_changes;
}

void permit_deinit(struct permit *permit)
{
	list_unlink(&permit->wait.link);
}

void permit_tick(struct permit *permit)
{
	if (permit->n_changes != permit->access->n_changes &&
	    !list_is_linked(&permit->wait.link))
		look(permit);
}
