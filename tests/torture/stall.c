/* SPDX-License-Identifier: MIT */

#include "tests/torture/stall.h"

#include <dirent.h>
#include <stdio.h>

static uint64_t stall_of_thread(pid_t pid, const char *thread)
{
	unsigned long long n_ran_ns, n_waited_ns = 0;
	char path[320];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid,
		 thread);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%llu %llu", &n_ran_ns, &n_waited_ns) != 2)
		n_waited_ns = 0;
	fclose(file);
	return n_waited_ns;
}

uint64_t stall_ns(pid_t pid)
{
	const struct dirent *entry;
	uint64_t sum_ns = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			sum_ns += stall_of_thread(pid, entry->d_name);
	closedir(dir);
	return sum_ns;
}
