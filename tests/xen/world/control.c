/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/xen/world/domain.h"
#include "tests/xen/world/grant.h"

enum { MAX_COMMAND_BYTES = 512, MAX_WORDS = 4, MAX_STEPS = 100000 };

struct control {
	struct source source; /* first */
	struct list link;     /* in world.controls */
	struct world *world;
	pid_t pid;
};

static struct source door = { .fd = -1 };
static struct world *the_world;

bool control_is_of(struct world *world, pid_t pid)
{
	struct list *pos;

	list_for_each (pos, &world->controls)
		if (container_of(pos, struct control, link)->pid == pid)
			return true;
	return false;
}

static unsigned length(const struct list *list)
{
	const struct list *pos;
	unsigned n = 0;

	list_for_each (pos, list)
		n++;
	return n;
}

static void count_domain(struct domain *domain, char *answer, size_t n)
{
	struct store *store = &domain->world->store;

	holding_sweep(domain->world);
	snprintf(answer, n,
		 "ok grants=%u maps=%u ports=%u handles=%u connections=%u "
		 "watches=%u transactions=%u nodes=%u processes=%u zombie=%d",
		 domain->n_grants, domain->n_maps, domain->n_ports,
		 length(&domain->handles), domain->quota.n_connections,
		 domain->quota.n_watches, domain->quota.n_transactions,
		 store_count_nodes(store, domain->domid),
		 length(&domain->processes), domain->is_zombie);
}

static void count_world(struct world *world, char *answer, size_t n)
{
	unsigned n_domains = 0;
	unsigned n_zombies = 0;
	struct list *pos;

	holding_sweep(world);
	list_for_each (pos, &world->domains) {
		bool is_zombie =
			container_of(pos, struct domain, link)->is_zombie;

		n_domains += !is_zombie;
		n_zombies += is_zombie;
	}
	snprintf(answer, n, "ok domains=%u zombies=%u orphans=%u events=%lu",
		 n_domains, n_zombies, length(&world->orphans),
		 world->n_events);
}

static int rename_domain(struct domain *domain, const char *name)
{
	char path[64];

	snprintf(domain->name, sizeof(domain->name), "%s", name);
	snprintf(path, sizeof(path), "/local/domain/%u/name", domain->domid);
	return store_write(&domain->world->store, path, name, NULL);
}

static int rule_with(struct domain *domain, const char *verb, const char *arg)
{
	if (strcmp(verb, "rename") == 0)
		return rename_domain(domain, arg);
	if (strcmp(verb, "join") == 0)
		return domain_join(domain, (pid_t)strtol(arg, NULL, 10));
	if (strcmp(verb, "limit") != 0)
		return -EINVAL;
	domain->max_grants = (unsigned)strtoul(arg, NULL, 10);
	return 0;
}

/* A command on a domain that exists; `arg` is what follows, or NULL. */
static int rule(struct domain *domain, const char *verb, const char *arg,
		char *answer, size_t n)
{
	if (strcmp(verb, "count") == 0)
		count_domain(domain, answer, n);
	else if (domain->is_zombie)
		return -ESRCH;
	else if (strcmp(verb, "shutdown") == 0)
		domain_shutdown(domain);
	else if (strcmp(verb, "destroy") == 0)
		domain_destroy(domain);
	else
		return arg ? rule_with(domain, verb, arg) : -EINVAL;
	return 0;
}

static int obey(struct world *world, char *command, char *answer, size_t n)
{
	char *words[MAX_WORDS] = { NULL };
	struct domain *domain;
	uint32_t domid;

	for (int i = 0; i < MAX_WORDS && command; i++)
		words[i] = strsep(&command, " ");
	if (strcmp(words[0], "stop") == 0) {
		world->ruling.is_over = true;
		return 0;
	}
	if (!words[1]) {
		if (strcmp(words[0], "count") != 0)
			return -EINVAL;
		count_world(world, answer, n);
		return 0;
	}
	domid = (uint32_t)strtoul(words[1], NULL, 10);
	if (strcmp(words[0], "add") == 0)
		return words[3] ? domain_add(world, domid, words[3], words[2])
				: -EINVAL;
	domain = domain_lookup(world, domid);
	return domain ? rule(domain, words[0], words[2], answer, n) : -ESRCH;
}

/* What was done or ended before the command was given is seen before it. */
static void catch_up(struct world *world)
{
	for (int i = 0; i < MAX_STEPS && loop_step(&world->loop); i++)
		;
}

static void on_command(struct source *source, uint32_t events)
{
	struct control *control = container_of(source, struct control, source);
	char command[MAX_COMMAND_BYTES];
	char answer[MAX_COMMAND_BYTES] = "ok";
	ssize_t n =
		recv(source->fd, command, sizeof(command) - 1, MSG_DONTWAIT);
	int r;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		list_unlink(&control->link);
		loop_remove(&control->world->ruling, source);
		free(control);
		return;
	}
	command[n] = 0;
	catch_up(control->world);
	r = obey(control->world, command, answer, sizeof(answer));
	if (r < 0)
		snprintf(answer, sizeof(answer), "error %d", -r);
	send(source->fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_knock(struct source *source, uint32_t events)
{
	struct control *control;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	control = calloc(1, sizeof(*control));
	if (!control)
		abort();
	control->source.fd = fd;
	control->source.on_ready = on_command;
	control->world = the_world;
	control->pid = domain_peer_pid(fd);
	list_push_back(&the_world->controls, &control->link);
	loop_add(&the_world->ruling, &control->source, EPOLLIN);
}

int control_listen(struct world *world)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/control", world->folder);
	fd = loop_listen(path, SOCK_SEQPACKET);
	if (fd < 0)
		return fd;
	the_world = world;
	door.fd = fd;
	door.on_ready = on_knock;
	return loop_add(&world->ruling, &door, EPOLLIN);
}
