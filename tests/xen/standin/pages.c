/* SPDX-License-Identifier: MIT */

#include "tests/xen/standin/pages.h"

#include <errno.h>
#include <sys/mman.h>

void *pages_reserve(size_t n)
{
	void *address =
		mmap(NULL, n * WIRE_PAGE_BYTES, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return address == MAP_FAILED ? NULL : address;
}

void pages_release(void *address, size_t n)
{
	int saved = errno;

	munmap(address, n * WIRE_PAGE_BYTES);
	errno = saved;
}

/* How many pages from the i-th on follow each other in one memory. */
static size_t run_length(const struct wire_reply *reply, size_t i)
{
	const struct wire_page *first = &reply->pages[i];
	size_t n = 1;

	while (i + n < reply->n_pages && first[n].where == first->where &&
	       first[n].what == first->what + n)
		n++;
	return n;
}

int pages_place(void *address, const struct wire_reply *reply,
		const struct link_fds *fds, int prot)
{
	char *at = address;
	size_t i;
	size_t n;

	for (i = 0; i < reply->n_pages; i += n) {
		const struct wire_page *page = &reply->pages[i];

		n = run_length(reply, i);
		if (page->where >= fds->n) {
			errno = EPROTO;
			return -1;
		}
		if (mmap(at + i * WIRE_PAGE_BYTES, n * WIRE_PAGE_BYTES, prot,
			 MAP_SHARED | MAP_FIXED, fds->fd[page->where],
			 (off_t)page->what * WIRE_PAGE_BYTES) == MAP_FAILED)
			return -1;
	}
	return 0;
}
