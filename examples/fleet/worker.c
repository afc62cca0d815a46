/* SPDX-License-Identifier: MIT */

/*
 * A job changes only what is written: when it is complete, the bucket says that
 * this host is to start the machine, or to stop it. What the bucket says is
 * then done, however this host came to hear of it, and what has become of it is
 * written. So nothing is ever done that is not on disk, nor twice.
 */

#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orders.h"

enum { TICKS = 12, SOON_MS = 10000 };

struct worker {
	struct store *store;
	const struct driver *driver;
	struct presence presence;
	struct machine *machines;
	struct helio_kv_watch *watch;
	struct helio_worker *any;
	struct helio_worker *own; /* jobs for this host alone */
};

struct machine *worker_machines(struct worker *worker)
{
	return worker->machines;
}

struct helio *worker_bus(struct worker *worker)
{
	return worker->store->bus;
}

struct machine *worker_machine(struct worker *worker, const char *name)
{
	struct machine *machine = worker->machines;

	while (machine && strcmp(machine->name, name) != 0)
		machine = machine->next;
	return machine;
}

/* ---- what is true is told ---- */

/* Until the watch says that it is written. */
static void tell(struct machine *machine)
{
	Fleet__V1__Actual actual = *machine->told;

	if (machine->state == actual.state)
		return;
	actual.has_state = 1;
	actual.state = machine->state;
	actual.has_pid = machine->pid != 0;
	actual.pid = machine->pid;
	actual.reason = machine->reason;
	actual.has_failures = 1;
	actual.failures = machine->failures;
	store_put(machine->worker->store, "actual", machine->name, &actual.base,
		  machine->revision);
}

void machine_is(struct machine *machine, Fleet__V1__State state,
		const char *reason)
{
	uint64_t now_ms = presence_now_ms();
	bool is_long =
		machine->since_ms && now_ms - machine->since_ms > SOON_MS;

	if (state == FLEET__V1__STATE__STATE_RUNNING)
		machine->since_ms = now_ms;
	else if (machine->state == FLEET__V1__STATE__STATE_STOPPING || is_long)
		machine->failures = 0;
	else
		machine->failures++;
	machine->state = state;
	snprintf(machine->reason, sizeof(machine->reason), "%s", reason);
	tell(machine);
}

/* ---- what is written is done ---- */

static void add_machine(struct worker *worker, const char *name,
			Fleet__V1__Actual *told, uint64_t revision)
{
	struct machine *machine = store_must(calloc(1, sizeof(*machine)));

	machine->worker = worker;
	machine->name = store_must(strdup(name));
	machine->told = told;
	machine->revision = revision;
	machine->state = told->state;
	machine->failures = told->failures;
	machine->next = worker->machines;
	worker->machines = machine;
	if (told->state == FLEET__V1__STATE__STATE_STARTING)
		worker->driver->start(machine);
	else
		worker->driver->stop(machine);
}

static void remove_machine(struct machine *machine)
{
	struct machine **at = &machine->worker->machines;

	while (*at != machine)
		at = &(*at)->next;
	*at = machine->next;
	fleet__v1__actual__free_unpacked(machine->told, NULL);
	free(machine->name);
	free(machine);
}

static bool is_over(Fleet__V1__State state)
{
	return state == FLEET__V1__STATE__STATE_STOPPED ||
	       state == FLEET__V1__STATE__STATE_UNKNOWN;
}

static void change_machine(struct machine *machine, Fleet__V1__Actual *told,
			   uint64_t revision)
{
	fleet__v1__actual__free_unpacked(machine->told, NULL);
	machine->told = told;
	machine->revision = revision;
	if (is_over(told->state)) {
		remove_machine(machine);
		return;
	}
	if (told->state == FLEET__V1__STATE__STATE_STOPPING &&
	    machine->state == FLEET__V1__STATE__STATE_RUNNING) {
		machine->state = FLEET__V1__STATE__STATE_STOPPING;
		machine->worker->driver->stop(machine);
	}
	tell(machine);
}

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct worker *worker = userdata;
	const char *name = entry->key + strlen("actual/");
	struct machine *machine = worker_machine(worker, name);
	Fleet__V1__Actual *told = NULL;

	(void)watch;
	if (!entry->is_deleted && store_is_name(name))
		told = fleet__v1__actual__unpack(NULL, entry->n_value,
						 entry->value);
	if (told && told->life == worker->presence.life) {
		if (machine)
			change_machine(machine, told, entry->revision);
		else if (!is_over(told->state))
			add_machine(worker, name, told, entry->revision);
		else
			fleet__v1__actual__free_unpacked(told, NULL);
		return;
	}
	fleet__v1__actual__free_unpacked(told, NULL);
	if (!machine)
		return;
	fprintf(stderr, "fleet: %s was taken away\n", name);
	exit(EXIT_FAILURE);
}

static void on_watch_end(struct helio_kv_watch *watch, unsigned status,
			 const char *reason, void *userdata);

static int start_watch(struct worker *worker)
{
	const struct helio_kv_watch_options options = {
		.prefix = "actual/",
		.is_waiting = true,
		.on_entry = on_entry,
		.on_end = on_watch_end,
	};

	return helio_kv_watch(worker->store->bus, STORE_BUCKET, &options,
			      worker, &worker->watch);
}

/* It has fallen behind, and begins anew with all that there is. */
static void on_watch_end(struct helio_kv_watch *watch, unsigned status,
			 const char *reason, void *userdata)
{
	struct worker *worker = userdata;

	fprintf(stderr, "fleet: the watch has ended: %s: %s\n",
		helio_status_name(status), reason);
	helio_kv_watch_free(watch);
	if (status == HELIO_NOT_FOUND || start_watch(worker) < 0)
		exit(EXIT_FAILURE);
}

/* ---- running ---- */

static void on_there(void *userdata)
{
	struct worker *worker = userdata;

	if (start_watch(worker) < 0 ||
	    orders_take(&worker->presence, NULL, &worker->any) < 0 ||
	    orders_take(&worker->presence, worker->presence.host,
			&worker->own) < 0)
		exit(EXIT_FAILURE);
	printf("%s is there\n", worker->presence.host);
	fflush(stdout);
}

static void on_tick(struct helio *bus, void *userdata)
{
	struct worker *worker = userdata;
	struct machine *machine;

	presence_renew(&worker->presence);
	for (machine = worker->machines; machine; machine = machine->next) {
		if (worker->driver->on_tick)
			worker->driver->on_tick(machine);
		tell(machine);
	}
	(void)helio_timer_start(bus, worker->presence.ttl_ms / TICKS, on_tick,
				worker, NULL);
}

static int loop(struct worker *worker, int driver_fd)
{
	struct helio *bus = worker->store->bus;
	struct pollfd fds[] = {
		{ .fd = helio_fd(bus), .events = POLLIN },
		{ .fd = driver_fd, .events = POLLIN },
	};
	int r = 0;

	while (r >= 0) {
		if (poll(fds, 2, helio_timeout_ms(bus)) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			worker->driver->on_ready(worker, driver_fd);
		r = helio_dispatch(bus);
	}
	return r;
}

static void close_all(struct worker *worker)
{
	helio_worker_free(worker->own);
	helio_worker_free(worker->any);
	helio_kv_watch_free(worker->watch);
	while (worker->machines)
		remove_machine(worker->machines);
	presence_close(&worker->presence);
}

int worker_run(struct store *store, const struct worker_options *options)
{
	struct worker worker = {
		.store = store,
		.driver = options->driver,
		.presence = { .store = store,
			      .host = options->host,
			      .ttl_ms = options->ttl_ms,
			      .on_there = on_there,
			      .userdata = &worker },
	};
	int driver_fd = -1;
	int r;

	if (store_create_queue(store, options->host) != 0)
		return 1;
	r = presence_open(&worker.presence);
	if (r == 0)
		r = options->driver->open(&worker, &driver_fd);
	if (r == 0) {
		on_tick(store->bus, &worker);
		r = loop(&worker, driver_fd);
	}
	close_all(&worker);
	if (options->driver->close)
		options->driver->close(&worker);
	return store_complain(NULL, options->host, r);
}
