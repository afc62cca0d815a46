/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/folder_of.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder_of {
	char path[64];
};

static void must(int is_done, const char *what)
{
	if (is_done)
		return;
	perror(what);
	abort();
}

struct folder_of *folder_of_new(void)
{
	struct folder_of *folder = malloc(sizeof(*folder));

	must(!!folder, "malloc");
	*folder = (struct folder_of){ "/tmp/helio-folder-XXXXXX" };
	must(!!mkdtemp(folder->path), "mkdtemp");
	return folder;
}

static int remove_one(const char *path, const struct stat *status, int flag,
		      struct FTW *walk)
{
	return remove(path);
}

void folder_of_free(struct folder_of *folder)
{
	must(!nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS),
	     folder->path);
	free(folder);
}

const char *folder_of_path(const struct folder_of *folder)
{
	return folder->path;
}

static void make_path(const struct folder_of *folder, const char *name,
		      char path[256])
{
	const char *slash = strchr(name, '/');

	if (slash) {
		snprintf(path, 256, "%s/%.*s", folder->path,
			 (int)(slash - name), name);
		mkdir(path, 0700);
	}
	snprintf(path, 256, "%s/%s", folder->path, name);
}

void folder_of_add(struct folder_of *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	make_path(folder, name, path);
	file = fopen(path, "w");
	must(file && fputs(text, file) >= 0 && !fclose(file), path);
}

void folder_of_add_fifo(struct folder_of *folder, const char *name)
{
	char path[256];

	make_path(folder, name, path);
	must(!mkfifo(path, 0600), path);
}
