/* SPDX-License-Identifier: MIT */

/*
 * helio-xen-agent: in dom0, tell the domain that holds the switch who the
 * other domains are. `helio xen-agent` starts it.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "transports/vchan/dom0/exit.h"
#include "transports/vchan/dom0/post.h"
#include "transports/vchan/dom0/watch.h"

static const char usage[] =
	"Usage: helio-xen-agent DOMID [--once]\n"
	"\n"
	"Tell the domain DOMID, by its own nodes in xenstore, which domains\n"
	"there are, and keep it true until ^C. With --once, tell it and end.\n";

struct agent {
	struct watch watch;
	struct post post;
	uint32_t domid;
	bool is_once;
};

static void name_path(uint32_t domid, char path[64])
{
	snprintf(path, 64, NODE_DOMAINS "/%u/name", domid);
}

/*
 * A new name is told too. A watch fires when it is set, so that a name which
 * changed before is looked at once more.
 */
static void watch_names(struct agent *agent, const struct live *now)
{
	const struct live *before = &agent->post.told;
	struct xs_handle *store = agent->watch.store;
	char path[64];

	for (size_t i = 0; i < before->n; i++) {
		name_path(before->domains[i].domid, path);
		if (!live_lookup(now, before->domains[i].domid))
			(void)xs_unwatch(store, path, "name");
	}
	for (size_t i = 0; i < now->n; i++) {
		name_path(now->domains[i].domid, path);
		if (!live_lookup(before, now->domains[i].domid) &&
		    !xs_watch(store, path, "name"))
			log_warning("%s: %s", path, strerror(errno));
	}
}

/* Returns 0, -ENXIO when the domain that is told is gone, or as post_tell(). */
static int look(struct agent *agent)
{
	struct live now;
	int r = live_read(agent->watch.store, &now);

	if (r < 0)
		return r;
	if (!live_lookup(&now, agent->domid)) {
		live_deinit(&now);
		return -ENXIO;
	}
	if (!agent->is_once)
		watch_names(agent, &now);
	r = post_tell(&agent->post, &now);
	if (r > 0)
		log_info("told domain %u of %zu domains", agent->domid,
			 agent->post.told.n);
	return r < 0 ? r : 0;
}

static int keep_telling(struct agent *agent)
{
	int r = watch_domains(&agent->watch);

	if (r == 0)
		r = look(agent);
	if (r == 0) {
		printf("ready: domain %u is told\n", agent->domid);
		fflush(stdout);
	}
	while (r == 0) {
		r = watch_wait(&agent->watch);
		if (r == 0)
			r = look(agent);
	}
	if (r > 0)
		post_end(&agent->post);
	return r < 0 ? r : 0;
}

static int run(struct agent *agent)
{
	int r = watch_init(&agent->watch);

	if (r < 0)
		return dom0_exit(r);
	post_init(&agent->post, agent->watch.store, agent->domid);
	r = agent->is_once ? look(agent) : keep_telling(agent);
	if (r == -ENXIO)
		log_error("there is no domain %u", agent->domid);
	else if (r < 0)
		log_error("xenstore: %s", strerror(-r));
	post_deinit(&agent->post);
	watch_deinit(&agent->watch);
	return dom0_exit(r);
}

int main(int argc, char **argv)
{
	struct agent agent = { .is_once = false };
	int r;

	diag_init("helio-xen-agent", DIAG_INFO);
	r = dom0_parse(argc, argv, "--once", &agent.domid, &agent.is_once);
	if (r != 0) {
		fputs(usage, r < 0 ? stderr : stdout);
		return r < 0 ? DOM0_USAGE : 0;
	}
	return run(&agent);
}
