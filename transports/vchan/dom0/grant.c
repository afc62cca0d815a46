/* SPDX-License-Identifier: MIT */

/*
 * helio-xen-grant: in dom0, let the domain that holds the switch read who the
 * other domains are, and hear when they come and go. `helio xen-grant` starts
 * it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "transports/vchan/dom0/exit.h"
#include "transports/vchan/dom0/live.h"
#include "transports/vchan/dom0/watch.h"

static const char usage[] =
	"Usage: helio-xen-grant DOMID [--follow]\n"
	"\n"
	"Let the domain DOMID read the names and uuids of all domains in\n"
	"xenstore, and hear when one comes or goes. It holds for the domains\n"
	"that there are; with --follow, for those that come until ^C too.\n";

struct grant {
	struct watch watch;
	uint32_t domid;
	bool is_following;
};

/* Returns how many entries there are then, or 0: it may read already. */
static unsigned add_reader(struct xs_permissions *list, unsigned n,
			   uint32_t domid)
{
	if (list[0].id == domid)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if (list[i].id != domid)
			continue;
		if (list[i].perms & XS_PERM_READ)
			return 0;
		list[i].perms |= XS_PERM_READ;
		return n;
	}
	if (list[0].perms & XS_PERM_READ)
		return 0;
	list[n] = (struct xs_permissions){ .id = domid, .perms = XS_PERM_READ };
	return n + 1;
}

/* Others may read it already, and may go on doing so. */
static int let_read(struct grant *grant, const char *path)
{
	_cleanup_(freep) struct xs_permissions *before = NULL;
	_cleanup_(freep) struct xs_permissions *list = NULL;
	unsigned n = 0;

	before = xs_get_permissions(grant->watch.store, XBT_NULL, path, &n);
	if (!before && path[0] != '@')
		return -errno;
	/* Stores differ in whether they show those of special nodes. */
	if (!before)
		n = 1;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (before)
		memcpy(list, before, n * sizeof(*list));
	n = add_reader(list, n, grant->domid);
	if (n &&
	    !xs_set_permissions(grant->watch.store, XBT_NULL, path, list, n))
		return -errno;
	return 0;
}

/* Returns 0 also when it is gone meanwhile, or has no such node. */
static int let_read_domain(struct grant *grant, uint32_t domid)
{
	/* The name last: who watches it may read the rest by then. */
	static const char *const keys[] = { "", "/vm", "/name" };
	char path[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(*keys); i++) {
		snprintf(path, sizeof(path), NODE_DOMAINS "/%u%s", domid,
			 keys[i]);
		r = let_read(grant, path);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

static int let_read_all(struct grant *grant)
{
	struct live live;
	int r = live_read(grant->watch.store, &live);

	if (r < 0)
		return r;
	if (!live_lookup(&live, grant->domid))
		r = -ENXIO;
	for (size_t i = 0; r == 0 && i < live.n; i++)
		r = let_read_domain(grant, live.domains[i].domid);
	live_deinit(&live);
	return r;
}

static int let_read_tree(struct grant *grant)
{
	static const char *const paths[] = {
		NODE_DOMAINS,
		"@introduceDomain",
		"@releaseDomain",
	};
	int r = let_read_all(grant);

	for (size_t i = 0; r == 0 && i < sizeof(paths) / sizeof(*paths); i++)
		r = let_read(grant, paths[i]);
	return r;
}

static int follow(struct grant *grant)
{
	int r = 0;

	while (r == 0) {
		r = watch_wait(&grant->watch);
		if (r == 0)
			r = let_read_all(grant);
	}
	return r < 0 ? r : 0;
}

/* Watched first, so that none comes in between. */
static int run_open(struct grant *grant)
{
	int r = 0;

	if (grant->is_following)
		r = watch_domains(&grant->watch);
	if (r == 0)
		r = let_read_tree(grant);
	if (r < 0)
		return r;
	printf("ready: domain %u may read who the others are%s\n", grant->domid,
	       grant->is_following ? "" : "; of those that come later, not");
	fflush(stdout);
	return grant->is_following ? follow(grant) : 0;
}

static int run(struct grant *grant)
{
	int r = watch_init(&grant->watch);

	if (r < 0)
		return dom0_exit(r);
	r = run_open(grant);
	if (r == -ENXIO)
		log_error("there is no domain %u", grant->domid);
	else if (r < 0)
		log_error("xenstore: %s", strerror(-r));
	watch_deinit(&grant->watch);
	return dom0_exit(r);
}

int main(int argc, char **argv)
{
	struct grant grant = { .is_following = false };
	int r;

	diag_init("helio-xen-grant", DIAG_INFO);
	r = dom0_parse(argc, argv, "--follow", &grant.domid,
		       &grant.is_following);
	if (r != 0) {
		fputs(usage, r < 0 ? stderr : stdout);
		return r < 0 ? DOM0_USAGE : DOM0_OK;
	}
	return run(&grant);
}
