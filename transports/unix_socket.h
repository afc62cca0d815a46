/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_UNIX_SOCKET_H
#define TRANSPORTS_UNIX_SOCKET_H

/** Unix stream sockets at a path of the file system. */

#include <sys/types.h>

struct channel_evidence;
struct transport_options;

/** A listening socket, and which file it made. */
struct unix_socket {
	int fd;
	dev_t device;
	ino_t inode;
};

/**
 * Listen at `path`. Owner and mode are those of the options before anybody can
 * connect; an owner of 0 is left as it is. A socket that nobody listens at any
 * more is replaced. Returns 0; -EADDRINUSE when somebody does, or when what
 * stands there is no socket; -EINVAL or -ENAMETOOLONG for a bad path; or
 * another negative errno.
 */
int unix_socket_listen(const char *path,
		       const struct transport_options *options,
		       struct unix_socket *ret_socket);

/** Close it, and remove its file unless that is somebody else's by now. */
void unix_socket_close(struct unix_socket *socket, const char *path);

/**
 * Connect, which takes no time on such a socket. Returns 0, -ENOENT,
 * -ECONNREFUSED, -EAGAIN when the listener's queue is full, or another
 * negative errno.
 */
int unix_socket_connect(const char *path, int *ret_fd);

/**
 * Who is at the other end of `fd`, which came in by the listener `name`.
 * Returns 0 or a negative errno.
 */
int unix_socket_evidence(int fd, const char *name,
			 struct channel_evidence *ret_evidence);

#endif
