/* SPDX-License-Identifier: MIT */

#include "logger/keeping.h"

#include <stdlib.h>

struct keeping *keeping_new(void)
{
	struct keeping *keeping = calloc(1, sizeof(*keeping));

	if (keeping)
		list_init(&keeping->link);
	return keeping;
}

struct keeping *keeping_free(struct keeping *keeping)
{
	if (keeping)
		free(keeping->value);
	free(keeping);
	return NULL;
}

void *keeping_add_value(struct keeping *keeping, size_t n)
{
	/* malloc(0) may be NULL. */
	keeping->value = malloc(n + 1);
	keeping->n_value = keeping->value ? n : 0;
	return keeping->value;
}

void keepings_free(struct list *keepings)
{
	struct list *link;

	while ((link = list_pop_front(keepings)))
		keeping_free(container_of(link, struct keeping, link));
}
