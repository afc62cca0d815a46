/* SPDX-License-Identifier: MIT */

#include "registry/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_OF_ONE = 16 };

struct listing *listing_new(uint64_t cursor)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing)
		listing->cursor = cursor;
	return listing;
}

void listing_free(struct listing *listing)
{
	free(listing);
}

bool listing_has_room(const struct listing *listing, uint32_t limit)
{
	if (!limit || limit > LISTING_MAX)
		limit = LISTING_MAX;
	return listing->n_looked_at < LISTING_MAX && listing->n_shown < limit &&
	       listing->n_fields < LISTING_FIELDS_MAX;
}

bool listing_knows(const struct listing *listing, const char *package,
		   bool *ret_is_visible)
{
	for (size_t i = 0; i < listing->n_packages; i++)
		if (!strcmp(listing->packages[i].package, package)) {
			*ret_is_visible = listing->packages[i].is_visible;
			return true;
		}
	return false;
}

void listing_learn(struct listing *listing, const char *package,
		   bool is_visible)
{
	size_t i = listing->n_packages;

	if (i == LISTING_MAX)
		return;
	snprintf(listing->packages[i].package, ENTRY_TEXT_BYTES, "%s", package);
	listing->packages[i].is_visible = is_visible;
	listing->n_packages++;
}

void listing_pass(struct listing *listing, const struct entry *entry,
		  bool is_shown)
{
	listing->cursor = entry->number;
	listing->n_looked_at++;
	if (!is_shown)
		return;
	listing->shown[listing->n_shown++] = entry->number;
	listing->n_fields += FIELDS_OF_ONE + entry->services.n;
}
