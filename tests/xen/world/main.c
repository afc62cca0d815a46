/* SPDX-License-Identifier: MIT */

/**
 * xen-world FOLDER: a hypervisor and a xenstored for the processes of a test,
 * until it is told to stop or its parent ends. Domain 0 is there from the
 * start. It says "ready" on standard output when all can be connected to.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/xen/world/control.h"
#include "tests/xen/world/domain.h"

static void on_domains(struct source *source, uint32_t events)
{
	struct world *world =
		container_of(source, struct world, domains_source);

	loop_step(&world->loop);
}

static int start_loops(struct world *world)
{
	int r = loop_init(&world->loop);

	if (!r)
		r = loop_init(&world->ruling);
	if (r)
		return r;
	world->domains_source.fd = world->loop.epoll_fd;
	world->domains_source.on_ready = on_domains;
	return loop_add(&world->ruling, &world->domains_source, EPOLLIN);
}

static int start(struct world *world, const char *folder)
{
	int r;

	snprintf(world->folder, sizeof(world->folder), "%s", folder);
	list_init(&world->domains);
	list_init(&world->orphans);
	list_init(&world->controls);
	r = start_loops(world);
	if (!r)
		r = store_init(&world->store, &world->loop);
	if (!r)
		r = domain_add(world, 0, "Domain-0",
			       "00000000-0000-0000-0000-000000000000");
	return r ? r : control_listen(world);
}

static void stop(struct world *world)
{
	char path[PATH_MAX + 16];
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &world->domains)
		domain_shutdown(container_of(pos, struct domain, link));
	snprintf(path, sizeof(path), "%s/control", world->folder);
	unlink(path);
}

int main(int argc, char **argv)
{
	static struct world world;
	struct rlimit files;
	int r;

	if (argc != 2) {
		fputs("usage: xen-world FOLDER\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* Who is shown an event may have been killed just now. */
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	r = start(&world, argv[1]);
	if (r) {
		fprintf(stderr, "xen-world: %s\n", strerror(-r));
		return 1;
	}
	puts("ready");
	fclose(stdout);
	r = loop_run(&world.ruling);
	stop(&world);
	return r ? 1 : 0;
}
