/* SPDX-License-Identifier: MIT */

#include "vm/fleet.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/folder.h"
#include "base/lines.h"
#include "vm/quota.h"

static const char suffix[] = ".vm";

/* A folder that is being read. */
struct reading {
	struct fleet *fleet;
	struct folder folder;
	struct definition **definitions; /* one for each file; NULL: not yet */
	char *error;
	size_t n_error;
};

static struct machine *machine_at(struct list *link)
{
	return container_of(link, struct machine, link);
}

void fleet_init(struct fleet *fleet, uint32_t machines_per_principal,
		machine_changed_fn on_changed, void *userdata)
{
	*fleet = (struct fleet){
		.order.on_changed = on_changed,
		.order.userdata = userdata,
		.machines_per_principal = machines_per_principal,
	};
	list_init(&fleet->order.machines);
}

void fleet_deinit(struct fleet *fleet)
{
	struct list *pos, *after;

	list_for_each_safe (pos, after, &fleet->order.machines)
		machine_free(machine_at(pos));
	for (size_t i = 0; i < fleet->n_drivers; i++)
		fleet->drivers[i]->ops->close(fleet->drivers[i]);
	fleet->n_drivers = 0;
	fleet->n_machines = 0;
}

int fleet_add_driver(struct fleet *fleet, struct driver *driver)
{
	if (fleet->n_drivers == FLEET_DRIVERS_MAX) {
		driver->ops->close(driver);
		return -ENOSPC;
	}
	fleet->drivers[fleet->n_drivers++] = driver;
	return 0;
}

static struct driver *lookup_driver(const struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->n_drivers; i++)
		if (strcmp(fleet->drivers[i]->ops->name, name) == 0)
			return fleet->drivers[i];
	return NULL;
}

struct machine *fleet_lookup(const struct fleet *fleet, const char *name)
{
	struct list *pos;

	list_for_each (pos, &fleet->order.machines)
		if (strcmp(machine_at(pos)->name, name) == 0)
			return machine_at(pos);
	return NULL;
}

struct machine *fleet_next(const struct fleet *fleet, const char *name)
{
	struct machine *next = NULL;
	struct list *pos;

	list_for_each (pos, &fleet->order.machines) {
		struct machine *machine = machine_at(pos);

		if (machine->state == MACHINE_UNDEFINED ||
		    (name && strcmp(machine->name, name) <= 0))
			continue;
		if (!next || strcmp(machine->name, next->name) < 0)
			next = machine;
	}
	return next;
}

/* A machine of that name, which is there already or made. */
static int have(struct fleet *fleet, const char *name,
		struct machine **ret_machine)
{
	struct machine *machine = fleet_lookup(fleet, name);

	if (!machine && fleet->n_machines == FLEET_MACHINES_MAX)
		return -E2BIG;
	if (!machine) {
		machine = machine_new(&fleet->order, name);
		if (!machine)
			return -ENOMEM;
		fleet->n_machines++;
	}
	*ret_machine = machine;
	return 0;
}

static int complain(const struct reading *reading, const char *file,
		    const char *fault)
{
	snprintf(reading->error, reading->n_error, "%s: %s", file, fault);
	return -EINVAL;
}

static int parse_file(struct reading *reading, const char *file,
		      struct definition **definition)
{
	size_t n_name = strlen(file) - strlen(suffix);
	_cleanup_(freep) char *text = NULL;
	char name[NAME_MAX + 1] = "";
	size_t n;
	int r;

	memcpy(name, file, n_name);
	if (!definition_name_is_valid(name, n_name))
		return complain(reading, file, "no name of a machine");
	r = folder_read(reading->folder.fd, file, &text, &n);
	if (r < 0)
		return lines_fail_errno(file, r, reading->error,
					reading->n_error);
	r = definition_parse(name, file, text, n, reading->error,
			     reading->n_error, definition);
	if (r < 0)
		return r;
	if (!lookup_driver(reading->fleet, (*definition)->driver))
		return complain(reading, file, "there is no such driver");
	return 0;
}

/* What has no definition yet is UNDEFINED, and nobody has been told of it. */
static int parse_all(struct reading *reading)
{
	struct machine *machine;
	int r = 0;

	for (size_t i = 0; r == 0 && i < reading->folder.n_names; i++) {
		const char *file = reading->folder.names[i];

		r = parse_file(reading, file, &reading->definitions[i]);
		if (r < 0)
			return r;
		r = have(reading->fleet, reading->definitions[i]->name,
			 &machine);
		if (r < 0)
			return lines_fail_errno(file, r, reading->error,
						reading->n_error);
	}
	return 0;
}

static struct definition *take_definition(struct reading *reading,
					  const char *name)
{
	for (size_t i = 0; i < reading->folder.n_names; i++)
		if (reading->definitions[i] &&
		    strcmp(reading->definitions[i]->name, name) == 0)
			return take_ptr(reading->definitions[i]);
	return NULL;
}

/* A change moves a machine to the end, so the walk is by number. */
static void apply(struct reading *reading)
{
	struct machine *machines[FLEET_MACHINES_MAX];
	size_t n = 0;
	struct list *pos;

	list_for_each (pos, &reading->fleet->order.machines)
		machines[n++] = machine_at(pos);
	for (size_t i = 0; i < n; i++)
		machine_define(machines[i],
			       take_definition(reading, machines[i]->name));
}

int fleet_load(struct fleet *fleet, const char *path, char *error,
	       size_t n_error)
{
	struct reading reading = {
		.fleet = fleet,
		.error = error,
		.n_error = n_error,
	};
	int r = folder_open(path, suffix, &reading.folder);

	if (r < 0)
		return lines_fail_errno(path, r, error, n_error);
	reading.definitions = calloc(reading.folder.n_names + 1,
				     sizeof(*reading.definitions));
	r = reading.definitions
		    ? parse_all(&reading)
		    : lines_fail_errno(path, -ENOMEM, error, n_error);
	if (r == 0)
		apply(&reading);
	for (size_t i = 0; reading.definitions && i < reading.folder.n_names;
	     i++)
		definition_free(reading.definitions[i]);
	free(reading.definitions);
	folder_close(&reading.folder);
	return r;
}

/* Of one driver, while it is surveyed. */
struct survey {
	struct fleet *fleet;
	struct driver *driver;
};

static void on_found(void *userdata, const char *name)
{
	struct survey *survey = userdata;
	struct machine *machine;
	int r = have(survey->fleet, name, &machine);

	if (r == 0 && !machine->guest)
		r = machine_adopt(machine, survey->driver);
	if (r < 0 && r != -ENOENT)
		log_error("%s lives and cannot be taken over: %s", name,
			  strerror(-r));
	else if (r == 0)
		log_info("%s has been found alive", name);
}

int fleet_adopt(struct fleet *fleet)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < fleet->n_drivers; i++) {
		struct survey survey = {
			.fleet = fleet,
			.driver = fleet->drivers[i],
		};

		r = survey.driver->ops->survey(survey.driver, on_found,
					       &survey);
	}
	return r;
}

static uint32_t count(const struct quota_owner *owner, const void *userdata)
{
	const struct fleet *fleet = userdata;
	uint32_t n = 0;
	struct list *pos;

	list_for_each (pos, &fleet->order.machines) {
		const struct machine *machine = machine_at(pos);

		n += machine->guest &&
		     quota_is_charged(owner, machine->birth.started_by);
	}
	return n;
}

int fleet_start(struct fleet *fleet, struct machine *machine,
		const char *principal, struct reason *ret_why)
{
	struct driver *driver = NULL;
	int r = 0;

	if (machine->definition)
		driver = lookup_driver(fleet, machine->definition->driver);
	if (!machine->guest)
		r = quota_check(principal, "machines",
				fleet->machines_per_principal, count, fleet,
				ret_why);
	return r < 0 ? r : machine_start(machine, driver, principal);
}
