/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>

#include "storage/disk/journal_inside.h"

struct journal_care {
	struct store *store;
};

int journal_care_open(struct backend *backend, const char *path,
		      struct journal_care **ret_care)
{
	struct journal_care *care = malloc(sizeof(*care));
	int r;

	if (!care)
		return -ENOMEM;
	r = store_open(backend, path, &journal_layout, STORE_BESIDE,
		       &care->store);
	if (r < 0) {
		free(care);
		return r;
	}
	*ret_care = care;
	return 0;
}

int journal_care_checkpoint(struct journal_care *care)
{
	return store_checkpoint(care->store);
}

struct journal_care *journal_care_close(struct journal_care *care)
{
	if (!care)
		return NULL;
	store_close(care->store);
	free(care);
	return NULL;
}

int journal_backup(struct backend *backend, const char *path, const char *to)
{
	struct store *store;
	int r;

	r = store_open(backend, path, &journal_layout, STORE_READ_ONLY, &store);
	if (r < 0)
		return r;
	r = store_backup(store, to);
	store_close(store);
	return r;
}
