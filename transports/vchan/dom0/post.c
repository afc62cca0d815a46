/* SPDX-License-Identifier: MIT */

#include "transports/vchan/dom0/post.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "transports/vchan/address.h"

enum { PATH_BYTES = 128, TRIES_MAX = 100 };

void post_init(struct post *post, struct xs_handle *store, uint32_t domid)
{
	*post = (struct post){ .store = store, .domid = domid };
}

void post_deinit(struct post *post)
{
	live_deinit(&post->told);
}

static void path_of(const struct post *post, const char *below,
		    char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, NODE_DOMAINS "/%u/%s", post->domid, below);
}

/* What is made below a guest's node would be the guest's. */
static int write_node(const struct post *post, xs_transaction_t transaction,
		      const char *below, const char *text)
{
	struct xs_permissions permissions[] = {
		{ .id = 0, .perms = XS_PERM_NONE },
		{ .id = post->domid, .perms = XS_PERM_READ },
	};
	char path[PATH_BYTES];

	path_of(post, below, path);
	if (!xs_write(post->store, transaction, path, text,
		      (unsigned)strlen(text)) ||
	    !xs_set_permissions(post->store, transaction, path, permissions, 2))
		return -errno;
	return 0;
}

static int remove_node(const struct post *post, xs_transaction_t transaction,
		       const char *below)
{
	char path[PATH_BYTES];

	path_of(post, below, path);
	if (xs_rm(post->store, transaction, path) || errno == ENOENT)
		return 0;
	return -errno;
}

static int write_domain(const struct post *post, xs_transaction_t transaction,
			const struct live_domain *domain)
{
	char below[PATH_BYTES];
	int n = snprintf(below, sizeof(below), NODE_AGENT_DOMAINS "/%u",
			 domain->domid);
	int r = write_node(post, transaction, below, "");

	snprintf(below + n, sizeof(below) - (size_t)n, "/name");
	if (r == 0)
		r = write_node(post, transaction, below, domain->name);
	snprintf(below + n, sizeof(below) - (size_t)n, "/uuid");
	if (r == 0)
		r = write_node(post, transaction, below, domain->uuid);
	return r;
}

/* Where whoever was here before left off: a number is not used again. */
static uint32_t last_number(const struct post *post)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_BYTES];
	uint32_t number = 0;
	unsigned n;

	path_of(post, NODE_AGENT, path);
	text = xs_read(post->store, XBT_NULL, path, &n);
	if (text && vchan_number_parse(text, NODE_NUMBER_MAX, &number) < 0)
		return 0;
	return number;
}

static int write_folders(const struct post *post, xs_transaction_t transaction)
{
	int r = remove_node(post, transaction, NODE_AGENT_DOMAINS);

	if (r == 0)
		r = write_node(post, transaction, NODE_AGENT_FOLDER, "");
	if (r == 0)
		r = write_node(post, transaction, NODE_AGENT_DOMAINS, "");
	return r;
}

static int write_differences(const struct post *post,
			     xs_transaction_t transaction,
			     const struct live *live)
{
	char below[PATH_BYTES];
	int r = 0;

	for (size_t i = 0; r == 0 && i < post->told.n; i++) {
		const struct live_domain *old = &post->told.domains[i];

		snprintf(below, sizeof(below), NODE_AGENT_DOMAINS "/%u",
			 old->domid);
		if (!live_lookup(live, old->domid))
			r = remove_node(post, transaction, below);
	}
	for (size_t i = 0; r == 0 && i < live->n; i++) {
		const struct live_domain *domain = &live->domains[i];
		const struct live_domain *old =
			live_lookup(&post->told, domain->domid);

		if (!old || !live_is_equal(old, domain))
			r = write_domain(post, transaction, domain);
	}
	return r;
}

static int write_all(const struct post *post, xs_transaction_t transaction,
		     const struct live *live, uint64_t number)
{
	char text[24];
	int r = 0;

	if (!post->number)
		r = write_folders(post, transaction);
	if (r == 0)
		r = write_differences(post, transaction, live);
	snprintf(text, sizeof(text), "%" PRIu64, number);
	if (r == 0)
		r = write_node(post, transaction, NODE_AGENT, text);
	return r;
}

/* Returns -EAGAIN when somebody else was at the same nodes meanwhile. */
static int try_once(const struct post *post, const struct live *live,
		    uint64_t number)
{
	xs_transaction_t transaction = xs_transaction_start(post->store);
	int r;

	if (!transaction)
		return -errno;
	r = write_all(post, transaction, live, number);
	if (!xs_transaction_end(post->store, transaction, r < 0) && r == 0)
		r = -errno;
	return r;
}

static bool is_told(const struct post *post, const struct live *live)
{
	if (!post->number || post->told.n != live->n)
		return false;
	for (size_t i = 0; i < live->n; i++)
		if (!live_is_equal(&post->told.domains[i], &live->domains[i]))
			return false;
	return true;
}

int post_tell(struct post *post, struct live *live)
{
	uint64_t number = post->number ? post->number : last_number(post);
	int r = -EAGAIN;

	if (is_told(post, live)) {
		live_deinit(live);
		return 0;
	}
	number = number < NODE_NUMBER_MAX ? number + 1 : 1;
	for (unsigned i = 0; r == -EAGAIN && i < TRIES_MAX; i++)
		r = try_once(post, live, number);
	if (r < 0) {
		live_deinit(live);
		return r == -EAGAIN ? -EBUSY : r;
	}
	live_deinit(&post->told);
	post->told = *live;
	post->number = number;
	*live = (struct live){ .n = 0 };
	return 1;
}

void post_end(struct post *post)
{
	(void)remove_node(post, XBT_NULL, NODE_AGENT);
}
