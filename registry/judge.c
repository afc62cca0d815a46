/* SPDX-License-Identifier: MIT */

#include "registry/judge.h"

#include <errno.h>

#include "base/diag.h"
#include "schema/compat.h"
#include "schema/dialogue.h"

static int load(struct store *store, struct entry *entry,
		struct reading *ret_reading)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	char error[ITEM_ERROR_BYTES];
	const uint8_t *set;
	int r = store_read(store, entry, &bytes, &set);

	if (!r)
		r = reading_init(ret_reading, set, entry->n_set, error);
	if (r != -EINVAL)
		return r;
	log_error("the schema in the file %s cannot be read: %s", entry->name,
		  error);
	return -EBADMSG;
}

int judge_beside(struct store *store, struct entry *base,
		 const struct reading *schema, const char *package,
		 struct findings *findings)
{
	_cleanup_(reading_deinit) struct reading before = { .set = NULL };
	struct findings backwards = { .total = 0 };
	int r = load(store, base, &before);

	if (r < 0)
		return r;
	compat_check(before.inventory, schema->inventory, package, findings);
	if (!findings->total)
		return JUDGE_FOLLOWS;
	compat_check(schema->inventory, before.inventory, package, &backwards);
	return backwards.total ? JUDGE_BREAKS : JUDGE_OLDER;
}

int judge_known(struct store *store, struct entry *base, struct entry *entry,
		struct findings *findings)
{
	_cleanup_(reading_deinit) struct reading schema = { .set = NULL };
	int r = load(store, entry, &schema);

	return r < 0 ? r
		     : judge_beside(store, base, &schema, entry->package,
				    findings);
}

int judge_pair(struct store *store, struct entry *from, struct entry *to,
	       struct findings *findings)
{
	_cleanup_(reading_deinit) struct reading before = { .set = NULL };
	_cleanup_(reading_deinit) struct reading after = { .set = NULL };
	int r = load(store, from, &before);

	if (!r)
		r = load(store, to, &after);
	if (!r)
		compat_check(before.inventory, after.inventory, from->package,
			     findings);
	return r;
}

int judge_call(struct store *store, struct entry *client, struct entry *server,
	       const char *service, struct findings *findings)
{
	_cleanup_(reading_deinit) struct reading called = { .set = NULL };
	_cleanup_(reading_deinit) struct reading offered = { .set = NULL };
	int r = load(store, client, &called);

	if (!r)
		r = load(store, server, &offered);
	if (!r)
		r = dialogue_check(called.inventory, offered.inventory, service,
				   findings);
	return r;
}
