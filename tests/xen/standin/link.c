/* SPDX-License-Identifier: MIT */

#include "tests/xen/standin/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to_world(void)
{
	const char *folder = getenv(WIRE_ENV_WORLD);
	const char *domid = getenv(WIRE_ENV_DOMID);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;
	int n;

	if (!folder || !domid) {
		errno = ENOENT;
		return -1;
	}
	n = snprintf(address.sun_path, sizeof(address.sun_path),
		     "%s/%s/hypervisor", folder, domid);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int link_send(struct link *link, const struct wire_request *request)
{
	ssize_t n;

	do
		n = send(link->fd, request, WIRE_BYTES(request), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static void take_fds(struct msghdr *message, struct link_fds *fds)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(message);

	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	fds->n = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds->fd, CMSG_DATA(cmsg), fds->n * sizeof(int));
}

static int receive(struct link *link, struct wire_reply *reply,
		   struct link_fds *fds)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	} control;
	struct iovec piece = { .iov_base = reply, .iov_len = sizeof(*reply) };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do
		n = recvmsg(link->fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)offsetof(struct wire_reply, pages)) {
		errno = n < 0 ? errno : ENODEV;
		return -1;
	}
	fds->n = 0;
	take_fds(&message, fds);
	return 0;
}

int link_call(struct link *link, const struct wire_request *request,
	      struct wire_reply *ret_reply, struct link_fds *fds)
{
	struct link_fds none;
	int r;

	pthread_mutex_lock(&link->mutex);
	r = link_send(link, request);
	if (!r)
		r = receive(link, ret_reply, fds ? fds : &none);
	pthread_mutex_unlock(&link->mutex);
	if (!r && ret_reply->error) {
		errno = ret_reply->error;
		r = -1;
	}
	return r;
}

int link_open(struct link *link, enum wire_op op, int *ret_fd)
{
	struct wire_request request = { .op = op };
	struct wire_reply reply;
	struct link_fds fds;

	pthread_mutex_init(&link->mutex, NULL);
	link->fd = connect_to_world();
	if (link->fd < 0)
		return -1;
	if (link_call(link, &request, &reply, &fds) < 0) {
		close(link->fd);
		return -1;
	}
	if (ret_fd)
		*ret_fd = fds.n ? fds.fd[0] : -1;
	return 0;
}

void link_close(struct link *link)
{
	struct wire_request request = { .op = WIRE_CLOSE };
	struct wire_reply reply;

	link_call(link, &request, &reply, NULL);
	close(link->fd);
	pthread_mutex_destroy(&link->mutex);
}
