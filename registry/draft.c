/* SPDX-License-Identifier: MIT */

#include "registry/draft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(((struct canonical_reason *)0)->text) >= ITEM_ERROR_BYTES,
	       "a reason has room for what is wrong with a set");

int draft_new(const uint8_t *bytes, size_t n, const char *package,
	      struct canonical_reason *reason, struct draft **ret_draft)
{
	_cleanup_(draft_freep) struct draft *draft = calloc(1, sizeof(*draft));
	int r;

	if (!draft)
		return -ENOMEM;
	r = canonical_init(&draft->canonical, bytes, n, package, reason);
	if (r == -EBADMSG)
		return -EINVAL;
	if (!r)
		r = reading_init(&draft->reading, draft->canonical.set,
				 draft->canonical.n_set, reason->text);
	if (r < 0)
		return r;
	draft->entry = entry_new(draft->canonical.hash);
	if (!draft->entry)
		return -ENOMEM;
	snprintf(draft->entry->package, ENTRY_TEXT_BYTES, "%s", package);
	draft->entry->n_set = (uint32_t)draft->canonical.n_set;
	r = entry_set_names(draft->entry, &draft->reading);
	if (r < 0)
		return r;
	*ret_draft = take_ptr(draft);
	return 0;
}

struct draft *draft_free(struct draft *draft)
{
	if (!draft)
		return NULL;
	canonical_deinit(&draft->canonical);
	reading_deinit(&draft->reading);
	entry_free(draft->entry);
	free(draft);
	return NULL;
}
