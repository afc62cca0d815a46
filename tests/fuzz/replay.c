/* SPDX-License-Identifier: MIT */

/* Stands in for libFuzzer: gives each file of a corpus to the target once. */

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX_BYTES = 1024 * 1024 };

static void close_folder(DIR **folder)
{
	closedir(*folder);
}

/* The copy has exactly the input's size, so that ASan sees a byte too far. */
static void replay_bytes(const uint8_t *bytes, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	if (!exact)
		err(1, "malloc");
	for (size_t i = 0; i < n; i++)
		exact[i] = bytes[i];
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static void replay_file(int folder_fd, const char *name)
{
	static uint8_t buffer[INPUT_MAX_BYTES];
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		err(1, "%s", name);
	n = read(fd, buffer, sizeof(buffer));
	if (n < 0)
		err(1, "%s", name);
	close(fd);
	replay_bytes(buffer, (size_t)n);
}

int main(int argc, char **argv)
{
	__attribute__((cleanup(close_folder))) DIR *folder = NULL;
	const struct dirent *entry;
	unsigned n_files = 0;

	if (argc != 2)
		errx(2, "usage: %s CORPUS-FOLDER", argv[0]);
	folder = opendir(argv[1]);
	if (!folder)
		err(1, "%s", argv[1]);

	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		replay_file(dirfd(folder), entry->d_name);
		n_files++;
	}
	if (!n_files)
		errx(1, "%s: no corpus", argv[1]);
	printf("%u inputs replayed\n", n_files);
	return 0;
}
