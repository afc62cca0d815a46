/* SPDX-License-Identifier: MIT */

#include "transports/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "transports/channel.h"
#include "transports/transport.h"

enum { MODE_DEFAULT = 0600 };

static int fill_address(const char *path, struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n == 0)
		return -EINVAL;
	if (n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, n);
	*ret_address = address;
	return 0;
}

static int open_socket(int *ret_fd)
{
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int unix_socket_connect(const char *path, int *ret_fd)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un address;
	int r;

	r = fill_address(path, &address);
	if (!r)
		r = open_socket(&fd);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* A socket file outlives its listener; only a connection tells them apart. */
static bool is_stale(const char *path)
{
	struct stat stat;
	int fd = -1;
	int r;

	if (lstat(path, &stat) < 0 || !S_ISSOCK(stat.st_mode))
		return false;
	r = unix_socket_connect(path, &fd);
	close_fdp(&fd);
	return r == -ECONNREFUSED;
}

static int bind_path(int fd, const struct sockaddr_un *address)
{
	const struct sockaddr *at = (const struct sockaddr *)address;

	if (bind(fd, at, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE || !is_stale(address->sun_path))
		return -errno;
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return bind(fd, at, sizeof(*address)) < 0 ? -errno : 0;
}

/* Nobody connects before listen(), so the mode that bind() gave is harmless. */
static int open_to_others(int fd, const char *path,
			  const struct transport_options *options)
{
	uid_t uid = options->uid ? options->uid : (uid_t)-1;
	gid_t gid = options->gid ? options->gid : (gid_t)-1;

	if (lchown(path, uid, gid) < 0)
		return -errno;
	if (chmod(path, options->mode ? options->mode : MODE_DEFAULT) < 0)
		return -errno;
	return listen(fd, SOMAXCONN) < 0 ? -errno : 0;
}

int unix_socket_listen(const char *path,
		       const struct transport_options *options,
		       struct unix_socket *ret_socket)
{
	_cleanup_(close_fdp) int fd = -1;
	struct sockaddr_un address;
	struct stat stat;
	int r;

	r = fill_address(path, &address);
	if (!r)
		r = open_socket(&fd);
	if (!r)
		r = bind_path(fd, &address);
	if (r < 0)
		return r;

	r = open_to_others(fd, path, options);
	if (!r && lstat(path, &stat) < 0)
		r = -errno;
	if (r < 0) {
		unlink(path);
		return r;
	}
	*ret_socket = (struct unix_socket){
		.fd = take_fd(fd),
		.device = stat.st_dev,
		.inode = stat.st_ino,
	};
	return 0;
}

void unix_socket_close(struct unix_socket *socket, const char *path)
{
	struct stat stat;

	if (lstat(path, &stat) == 0 && stat.st_dev == socket->device &&
	    stat.st_ino == socket->inode)
		unlink(path);
	close_fdp(&socket->fd);
	socket->fd = -1;
}

int unix_socket_evidence(int fd, const char *name,
			 struct channel_evidence *ret_evidence)
{
	struct channel_evidence evidence = { .kind = EVIDENCE_SOCKET };
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	evidence.pid = peer.pid;
	evidence.uid = peer.uid;
	evidence.gid = peer.gid;
	strncpy(evidence.name, name, sizeof(evidence.name) - 1);
	*ret_evidence = evidence;
	return 0;
}
