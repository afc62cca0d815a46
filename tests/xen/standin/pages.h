/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_STANDIN_PAGES_H
#define TESTS_XEN_STANDIN_PAGES_H

/** Pages of domains in this process. Failures are -1 or NULL and errno. */

#include <stddef.h>

#include "tests/xen/standin/link.h"

/** Reserve addresses for `n` pages; pages_release() gives them back. */
void *pages_reserve(size_t n);
void pages_release(void *address, size_t n);

/** Put the reply's pages there; `fds` are the memories that it names. */
int pages_place(void *address, const struct wire_reply *reply,
		const struct link_fds *fds, int prot);

#endif
