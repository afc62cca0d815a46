/* SPDX-License-Identifier: MIT */

#include "registry/visibility.h"

_Static_assert(2 + 2 * ENTRY_NAMES_MAX <= RIGHTS_MAX, "all can be asked about");

int visibility_add(struct rights *rights, const char *package,
		   const struct entry *entry)
{
	int r = rights_add(rights, "serve", "%s.>", package);

	if (!r)
		r = rights_add(rights, "call", "%s.>", package);
	for (size_t i = 0; !r && entry && i < entry->services.n; i++)
		r = rights_add(rights, "call", "%s.>", entry->services.at[i]);
	for (size_t i = 0; !r && entry && i < entry->methods.n; i++)
		r = rights_add(rights, "call", "%s", entry->methods.at[i]);
	return r;
}
