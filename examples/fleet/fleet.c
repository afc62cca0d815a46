/* SPDX-License-Identifier: MIT */

#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

bool fleet_is_wanted(const struct fleet_machine *machine)
{
	return machine->wanted && machine->wanted->is_running;
}

bool fleet_has_host(const struct fleet *fleet, const Fleet__V1__Actual *actual)
{
	for (struct fleet_host *host = fleet->hosts; host; host = host->next)
		if (actual->host && strcmp(host->name, actual->host) == 0)
			return host->life && host->life == actual->life;
	return false;
}

bool fleet_is_settled(const struct fleet *fleet,
		      const struct fleet_machine *machine)
{
	const Fleet__V1__Actual *actual = machine->actual;

	if (fleet_is_wanted(machine))
		return actual &&
		       actual->state == FLEET__V1__STATE__STATE_RUNNING &&
		       actual->wanted_revision == machine->wanted_revision &&
		       fleet_has_host(fleet, actual);
	if (!machine->wanted)
		return !actual;
	return !actual || actual->state == FLEET__V1__STATE__STATE_STOPPED;
}

const char *fleet_state_name(const Fleet__V1__Actual *actual)
{
	static const char *const names[] = {
		"", "starting", "running", "stopping", "stopped", "unknown",
	};

	if (!actual ||
	    (unsigned)actual->state >= sizeof(names) / sizeof(*names))
		return "";
	return names[actual->state];
}

/* ---- what the watch tells ---- */

static struct fleet_machine *machine_of(struct fleet *fleet, const char *name)
{
	struct fleet_machine **at = &fleet->machines;
	struct fleet_machine *machine;

	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at && strcmp((*at)->name, name) == 0)
		return *at;
	machine = store_must(calloc(1, sizeof(*machine)));
	machine->name = store_must(strdup(name));
	machine->next = *at;
	return *at = machine;
}

static struct fleet_host *host_of(struct fleet *fleet, const char *name)
{
	struct fleet_host *host = fleet->hosts;

	while (host && strcmp(host->name, name) != 0)
		host = host->next;
	if (host)
		return host;
	host = store_must(calloc(1, sizeof(*host)));
	host->name = store_must(strdup(name));
	host->next = fleet->hosts;
	return fleet->hosts = host;
}

static void set_wanted(struct fleet_machine *machine,
		       const struct helio_kv_entry *entry)
{
	Fleet__V1__Wanted *wanted = NULL;

	if (!entry->is_deleted) {
		wanted = fleet__v1__wanted__unpack(NULL, entry->n_value,
						   entry->value);
		if (!wanted)
			return; /* It is none of ours. */
	}
	fleet__v1__wanted__free_unpacked(machine->wanted, NULL);
	machine->wanted = wanted;
	machine->wanted_revision = wanted ? entry->revision : 0;
}

static void set_actual(struct fleet_machine *machine,
		       const struct helio_kv_entry *entry)
{
	Fleet__V1__Actual *actual = NULL;

	if (!entry->is_deleted) {
		actual = fleet__v1__actual__unpack(NULL, entry->n_value,
						   entry->value);
		if (!actual)
			return;
	}
	fleet__v1__actual__free_unpacked(machine->actual, NULL);
	machine->actual = actual;
	machine->actual_revision = actual ? entry->revision : 0;
}

static void set_host(struct fleet_host *host,
		     const struct helio_kv_entry *entry)
{
	Fleet__V1__Presence *presence = NULL;

	if (!entry->is_deleted)
		presence = fleet__v1__presence__unpack(NULL, entry->n_value,
						       entry->value);
	host->life = presence ? presence->life : 0;
	fleet__v1__presence__free_unpacked(presence, NULL);
}

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct fleet *fleet = userdata;
	const char *slash = strchr(entry->key, '/');

	(void)watch;
	if (!slash || !store_is_name(slash + 1))
		return;
	if (strncmp(entry->key, "wanted/", 7) == 0)
		set_wanted(machine_of(fleet, slash + 1), entry);
	else if (strncmp(entry->key, "actual/", 7) == 0)
		set_actual(machine_of(fleet, slash + 1), entry);
	else if (strncmp(entry->key, "host/", 5) == 0)
		set_host(host_of(fleet, slash + 1), entry);
}

static void machine_free(struct fleet_machine *machine)
{
	fleet__v1__wanted__free_unpacked(machine->wanted, NULL);
	fleet__v1__actual__free_unpacked(machine->actual, NULL);
	free(machine->name);
	free(machine);
}

/* Those of which no key is left. */
static void forget_machines(struct fleet *fleet)
{
	struct fleet_machine **at = &fleet->machines;
	struct fleet_machine *machine;

	while ((machine = *at)) {
		if (machine->wanted || machine->actual) {
			at = &machine->next;
			continue;
		}
		*at = machine->next;
		machine_free(machine);
	}
}

static void on_revision(struct helio_kv_watch *watch, uint64_t revision,
			void *userdata)
{
	struct fleet *fleet = userdata;

	(void)watch;
	(void)revision;
	forget_machines(fleet);
	if (fleet->is_live)
		fleet->on_change(fleet);
}

static void on_live(struct helio_kv_watch *watch, void *userdata)
{
	struct fleet *fleet = userdata;

	(void)watch;
	fleet->is_live = true;
	fleet->on_change(fleet);
}

/* Whoever starts this program again begins with all that there is. */
static void on_end(struct helio_kv_watch *watch, unsigned status,
		   const char *reason, void *userdata)
{
	(void)watch;
	(void)userdata;
	fprintf(stderr, "fleet: the watch has ended: %s: %s\n",
		helio_status_name(status), reason);
	exit(EXIT_FAILURE);
}

int fleet_open(struct fleet *fleet, struct helio *bus)
{
	const struct helio_kv_watch_options options = {
		.is_waiting = true,
		.on_entry = on_entry,
		.on_revision = on_revision,
		.on_live = on_live,
		.on_end = on_end,
	};

	return helio_kv_watch(bus, STORE_BUCKET, &options, fleet,
			      &fleet->watch);
}

void fleet_close(struct fleet *fleet)
{
	struct fleet_host *host;
	struct fleet_machine *machine;

	helio_kv_watch_free(fleet->watch);
	while ((host = fleet->hosts)) {
		fleet->hosts = host->next;
		free(host->name);
		free(host);
	}
	while ((machine = fleet->machines)) {
		fleet->machines = machine->next;
		machine_free(machine);
	}
}
