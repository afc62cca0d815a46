/* SPDX-License-Identifier: MIT */

#include "tests/torture/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/torture/complaint.h"

static void write_map(const char *path, unsigned id)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u %u 1", id, id);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		complain("%s: %s", path, strerror(errno));
	close(fd);
}

/* Who is not root may mount where nobody else looks. */
static void leave_users(void)
{
	unsigned user = getuid(), group = getgid();
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		complain("a namespace of our own: %s", strerror(errno));
	fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "deny", 4) != 4)
		complain("setgroups: %s", strerror(errno));
	close(fd);
	write_map("/proc/self/uid_map", user);
	write_map("/proc/self/gid_map", group);
}

void small_disk_open(struct small_disk *disk, const char *path,
		     uint64_t n_bytes)
{
	char options[64];

	snprintf(disk->path, sizeof(disk->path), "%s", path);
	snprintf(disk->ballast, sizeof(disk->ballast), "%s/ballast", path);
	snprintf(options, sizeof(options), "size=%llu",
		 (unsigned long long)n_bytes);
	if (unshare(CLONE_NEWNS) < 0)
		leave_users();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(path, 0700) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, options) < 0)
		complain("%s: %s", path, strerror(errno));
}

void small_disk_close(struct small_disk *disk)
{
	if (umount2(disk->path, MNT_DETACH) < 0)
		complain("%s: %s", disk->path, strerror(errno));
}

static uint64_t room(const struct small_disk *disk)
{
	struct statvfs status;

	if (statvfs(disk->path, &status) < 0)
		complain("%s: %s", disk->path, strerror(errno));
	return (uint64_t)status.f_bavail * status.f_frsize;
}

void small_disk_fill(const struct small_disk *disk, uint64_t n_left)
{
	int fd = open(disk->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat status;
	uint64_t n;

	if (fd < 0 || fstat(fd, &status) < 0)
		complain("%s: %s", disk->ballast, strerror(errno));
	while ((n = room(disk)) > n_left) {
		if (!fallocate(fd, 0, status.st_size, (off_t)(n - n_left)))
			break;
		/* Somebody was faster. */
		if (errno != ENOSPC && errno != EINTR)
			complain("%s: %s", disk->ballast, strerror(errno));
	}
	close(fd);
}

void small_disk_make_room(const struct small_disk *disk)
{
	if (unlink(disk->ballast) < 0)
		complain("%s: %s", disk->ballast, strerror(errno));
}
