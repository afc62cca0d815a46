/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/place.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/disk/content.h"

enum { DEPTH = 8 };

static void die(const char *what)
{
	perror(what);
	abort();
}

void place_init(struct place *place)
{
	const char *base = getenv("TMPDIR");

	if (!base)
		base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(place->path, sizeof(place->path), "%s/helio-torture-XXXXXX",
		 base);
	if (!mkdtemp(place->path))
		die(place->path);
	printf("in %s\n", place->path);
	fflush(stdout);
}

static int remove_one(const char *path, const struct stat *stat, int type,
		      struct FTW *walk)
{
	return remove(path);
}

static int remove_below(const char *path, const struct stat *stat, int type,
			struct FTW *walk)
{
	return walk->level ? remove(path) : 0;
}

void place_deinit(struct place *place)
{
	nftw(place->path, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
}

void place_make(const struct place *place, const char *name, char *ret_path,
		size_t n_path)
{
	snprintf(ret_path, n_path, "%s/%s", place->path, name);
	if (mkdir(ret_path, 0700) < 0)
		die(ret_path);
}

void place_empty(const char *folder)
{
	nftw(folder, remove_below, DEPTH, FTW_DEPTH | FTW_PHYS);
}

void place_copy(const char *from, const char *to)
{
	struct content content = { 0 };
	struct dirent *entry;
	char path[2][1024];
	DIR *dir = opendir(from);

	if (!dir)
		die(from);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path[0], sizeof(path[0]), "%s/%s", from,
			 entry->d_name);
		snprintf(path[1], sizeof(path[1]), "%s/%s", to, entry->d_name);
		if (entry->d_type == DT_DIR) {
			if (mkdir(path[1], 0700) < 0)
				die(path[1]);
			place_copy(path[0], path[1]);
			continue;
		}
		content_load(&content, path[0]);
		content_save(&content, path[1]);
	}
	content_deinit(&content);
	closedir(dir);
}

static int compare(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

void place_sort(size_t *numbers, size_t n)
{
	qsort(numbers, n, sizeof(*numbers), compare);
}
