/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/domain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/xen/world/control.h"
#include "tests/xen/world/grant.h"
#include "tests/xen/world/handle.h"
#include "tests/xen/world/port.h"

enum { KILL_TIMEOUT_MS = 5000 };

/** A process of a domain; its pidfd says when it has ended. */
struct process {
	struct source source; /* first */
	struct list link;     /* in domain.processes */
	struct domain *domain;
	pid_t pid;
};

struct domain *domain_lookup(struct world *world, uint32_t domid)
{
	struct list *pos;

	list_for_each (pos, &world->domains) {
		struct domain *domain = container_of(pos, struct domain, link);

		if (domain->domid == domid)
			return domain;
	}
	return NULL;
}

pid_t domain_peer_pid(int fd)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
	return peer.pid;
}

static void process_free(struct process *process)
{
	list_unlink(&process->link);
	loop_remove(&process->domain->world->loop, &process->source);
	free(process);
}

static void on_process_end(struct source *source, uint32_t events)
{
	struct process *process = container_of(source, struct process, source);
	struct world *world = process->domain->world;

	process_free(process);
	holding_sweep(world);
}

int domain_join(struct domain *domain, pid_t pid)
{
	struct process *process;
	struct list *pos;
	int fd;

	list_for_each (pos, &domain->processes)
		if (container_of(pos, struct process, link)->pid == pid)
			return 0;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	process = calloc(1, sizeof(*process));
	if (!process) {
		close(fd);
		return -ENOMEM;
	}
	process->source.fd = fd;
	process->source.on_ready = on_process_end;
	process->domain = domain;
	process->pid = pid;
	list_push_back(&domain->processes, &process->link);
	return loop_add(&domain->world->loop, &process->source, EPOLLIN);
}

/* SIGKILL to all, then wait: nothing of the domain moves any more. */
static void kill_processes(struct domain *domain)
{
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &domain->processes) {
		struct process *process =
			container_of(pos, struct process, link);

		if (control_is_of(domain->world, process->pid)) {
			process_free(process);
			continue;
		}
		syscall(SYS_pidfd_send_signal, process->source.fd, SIGKILL,
			NULL, 0);
	}
	list_for_each_safe (pos, after, &domain->processes) {
		struct process *process =
			container_of(pos, struct process, link);
		struct pollfd ended = { .fd = process->source.fd,
					.events = POLLIN };

		poll(&ended, 1, KILL_TIMEOUT_MS);
		process_free(process);
	}
}

static void on_knock(struct source *source, uint32_t events)
{
	struct door *door = container_of(source, struct door, source);
	struct domain *domain = door->domain;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (door == &domain->hypervisor)
		handle_accept(domain, fd);
	else
		store_accept(&domain->world->store, domain, fd);
}

static int open_door(struct domain *domain, struct door *door, const char *name,
		     int type)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%u/%s", domain->world->folder,
		 domain->domid, name);
	unlink(path);
	fd = loop_listen(path, type);
	if (fd < 0)
		return fd;
	door->domain = domain;
	door->source.fd = fd;
	door->source.on_ready = on_knock;
	return loop_add(&domain->world->loop, &door->source, EPOLLIN);
}

static int open_doors(struct domain *domain)
{
	char path[PATH_MAX + 32];
	int r;

	snprintf(path, sizeof(path), "%s/%u", domain->world->folder,
		 domain->domid);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = open_door(domain, &domain->hypervisor, "hypervisor",
		      SOCK_SEQPACKET);
	if (!r)
		r = open_door(domain, &domain->xenstore, "xenstored",
			      SOCK_STREAM);
	return r;
}

static int make_memory(struct domain *domain)
{
	size_t n = (size_t)DOMAIN_FRAMES * WIRE_PAGE_BYTES;
	char path[40];

	domain->memory_fd = memfd_create("domain", MFD_CLOEXEC);
	if (domain->memory_fd < 0 || ftruncate(domain->memory_fd, (off_t)n) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", domain->memory_fd);
	domain->memory_ro_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (domain->memory_ro_fd < 0)
		return -errno;
	domain->memory = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED,
			      domain->memory_fd, 0);
	return domain->memory == MAP_FAILED ? -errno : 0;
}

static int write_key(struct domain *domain, const char *key, const char *value,
		     const char *perms)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/%u%s", domain->domid, key);
	return store_write(&domain->world->store, path, value, perms);
}

/* What xl writes, of that which matters here, with xl's permissions. */
static int write_keys(struct domain *domain)
{
	static const char *const own[] = {
		"/control/shutdown", "/data", "/drivers",
		"/feature",          "/attr", "/error"
	};
	struct store *store = &domain->world->store;
	char readable[32];
	char writable[16];
	char text[64];
	char vm[80];
	int r;

	snprintf(readable, sizeof(readable), "n0 r%u", domain->domid);
	snprintf(writable, sizeof(writable), "n%u", domain->domid);
	snprintf(vm, sizeof(vm), "/vm/%s", domain->uuid);
	r = write_key(domain, "", "", readable);
	if (!r)
		r = write_key(domain, "/vm", vm, readable);
	if (!r)
		r = store_write(store, vm, "", readable);
	snprintf(text, sizeof(text), "/vm/%.36s/uuid", domain->uuid);
	if (!r)
		r = store_write(store, text, domain->uuid, NULL);
	snprintf(text, sizeof(text), "%u", domain->domid);
	if (!r)
		r = write_key(domain, "/domid", text, NULL);
	if (!r)
		r = write_key(domain, "/name", domain->name, NULL);
	for (size_t i = 0; !r && i < sizeof(own) / sizeof(own[0]); i++)
		r = write_key(domain, own[i], "", writable);
	return r;
}

static void domain_free(struct domain *domain)
{
	char path[PATH_MAX + 32];

	if (domain->memory && domain->memory != MAP_FAILED)
		munmap(domain->memory, (size_t)DOMAIN_FRAMES * WIRE_PAGE_BYTES);
	close(domain->memory_ro_fd);
	close(domain->memory_fd);
	snprintf(path, sizeof(path), "%s/%u", domain->world->folder,
		 domain->domid);
	rmdir(path);
	list_unlink(&domain->link);
	free(domain);
}

int domain_add(struct world *world, uint32_t domid, const char *name,
	       const char *uuid)
{
	struct domain *domain;
	int r;

	if (domain_lookup(world, domid))
		return -EEXIST;
	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	domain->world = world;
	domain->domid = domid;
	domain->memory_fd = -1;
	domain->memory_ro_fd = -1;
	domain->max_grants = DOMAIN_FRAMES;
	domain->hypervisor.source.fd = -1;
	domain->xenstore.source.fd = -1;
	snprintf(domain->name, sizeof(domain->name), "%s", name);
	snprintf(domain->uuid, sizeof(domain->uuid), "%s", uuid);
	list_init(&domain->handles);
	list_init(&domain->processes);
	list_push_back(&world->domains, &domain->link);
	r = make_memory(domain);
	if (!r)
		r = open_doors(domain);
	if (!r)
		r = write_keys(domain);
	if (r) {
		domain_destroy(domain);
		return r;
	}
	store_announce(&world->store, "@introduceDomain");
	return 0;
}

static void drop_orphans(struct domain *domain)
{
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &domain->world->orphans) {
		struct holding *holding =
			container_of(pos, struct holding, link);

		if (holding->domain == domain)
			holding_end(holding, true);
	}
}

static void close_door(struct domain *domain, struct door *door,
		       const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%u/%s", domain->world->folder,
		 domain->domid, name);
	unlink(path);
	loop_remove(&domain->world->loop, &door->source);
}

void domain_shutdown(struct domain *domain)
{
	kill_processes(domain);
	close_door(domain, &domain->hypervisor, "hypervisor");
	close_door(domain, &domain->xenstore, "xenstored");
	/* Ports first: what is held for a last event finds none. */
	for (uint32_t i = 0; i < DOMAIN_PORTS; i++)
		if (domain->ports[i])
			domain->ports[i]->owner = NULL;
	while (!list_is_empty(&domain->handles))
		handle_drop(container_of(domain->handles.next, struct handle,
					 link));
	drop_orphans(domain);
	for (uint32_t i = 0; i < DOMAIN_PORTS; i++)
		if (domain->ports[i])
			port_drop(domain->ports[i]);
	store_drop_domain(&domain->world->store, domain);
	store_announce(&domain->world->store, "@releaseDomain");
}

void domain_destroy(struct domain *domain)
{
	struct world *world = domain->world;
	char path[64];

	/* xl empties the store first, and the hypervisor ends it then. */
	kill_processes(domain);
	snprintf(path, sizeof(path), "/vm/%s", domain->uuid);
	store_remove(&world->store, path);
	snprintf(path, sizeof(path), "/local/domain/%u", domain->domid);
	store_remove(&world->store, path);
	domain_shutdown(domain);
	domain->is_zombie = true;
	domain_bury(domain);
}

void domain_bury(struct domain *domain)
{
	if (domain->is_zombie && !domain->n_grants)
		domain_free(domain);
}
