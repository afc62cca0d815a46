/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_STANDIN_LINK_H
#define TESTS_XEN_STANDIN_LINK_H

/** A handle's connection to the world. Failures are -1 and errno. */

#include <pthread.h>
#include <stddef.h>

#include "tests/xen/standin/wire.h"

struct link {
	int fd;
	pthread_mutex_t mutex; /* one request and its reply at a time */
};

struct link_fds {
	unsigned n;
	int fd[WIRE_MAX_FDS]; /* the caller closes them */
};

/**
 * Connect as the domain that the environment names, and open a handle of the
 * kind `op` says. *ret_fd is what came with the reply, or -1; NULL: nothing.
 */
int link_open(struct link *link, enum wire_op op, int *ret_fd);

/** Tell the world and wait until all that hung on the handle is gone. */
void link_close(struct link *link);

/** Send without waiting for an answer: there is none. */
int link_send(struct link *link, const struct wire_request *request);

/**
 * Ask and wait for the answer. `fds` may be NULL when none will come. Returns
 * 0, or -1 with the answer's error in errno.
 */
int link_call(struct link *link, const struct wire_request *request,
	      struct wire_reply *ret_reply, struct link_fds *fds);

#endif
