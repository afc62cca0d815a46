/* SPDX-License-Identifier: MIT */

/*
 * machine FOLDER NAME: a machine that sees whether there is another one of its
 * name, and if so leaves its name in FOLDER/twice.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int folder = argc == 3 ? open(argv[1], O_DIRECTORY | O_CLOEXEC) : -1;
	int lock, twice;

	if (folder < 0)
		return 2;
	lock = openat(folder, argv[2], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (lock < 0)
		return 2;
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		for (;;)
			pause();
	twice = openat(folder, "twice",
		       O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	if (twice >= 0)
		dprintf(twice, "%s\n", argv[2]);
	return 1;
}
