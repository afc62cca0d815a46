/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_HANDLE_H
#define TESTS_XEN_WORLD_HANDLE_H

/** An open handle of one of the stand-in's libraries; see standin/wire.h. */

#include <sys/types.h>

#include "base/list.h"
#include "tests/xen/standin/wire.h"
#include "tests/xen/world/loop.h"

struct domain;

struct handle {
	struct source source; /* first */
	struct list link;     /* in domain.handles */
	struct domain *domain;
	pid_t pid;
	uint32_t kind;        /* of WIRE_OPEN_*, or 0: not yet known */
	int events_fd;        /* PORTS: the writing end of the pipe, or -1 */
	struct list holdings; /* GRANTS, MAPS */
};

/** Somebody connected to the domain's hypervisor. */
void handle_accept(struct domain *domain, int fd);

/** Its domain is destroyed. */
void handle_drop(struct handle *handle);

#endif
