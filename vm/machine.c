/* SPDX-License-Identifier: MIT */

#include "vm/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

const char *machine_state_name(enum machine_state state)
{
	static const char *const names[] = {
		[MACHINE_DEFINED] = "defined",
		[MACHINE_STARTING] = "starting",
		[MACHINE_RUNNING] = "running",
		[MACHINE_PAUSED] = "paused",
		[MACHINE_STOPPING] = "stopping",
		[MACHINE_STOPPED] = "stopped",
		[MACHINE_FAILED] = "failed",
		[MACHINE_UNDEFINED] = "undefined",
	};

	return names[state];
}

/* Who follows the order by revisions finds each machine's newest change. */
static void change(struct machine *machine, const char *kind)
{
	struct machine_order *order = machine->order;

	machine->n_changes++;
	machine->revision = ++order->revision;
	list_unlink(&machine->link);
	list_push_back(&order->machines, &machine->link);
	order->on_changed(order->userdata, machine, kind);
}

static void enter(struct machine *machine, enum machine_state state,
		  const char *reason)
{
	machine->state = state;
	reason_set(&machine->reason, "%s", reason);
	machine->changed_unix_ms = clock_unix_ns() / NS_PER_MS;
	change(machine, machine_state_name(state));
}

static void lose_guest(struct machine *machine)
{
	machine->guest = machine->guest->ops->free(machine->guest);
	machine->birth = (struct birth){ 0 };
}

static void end(struct machine *machine, enum machine_state state,
		const char *reason)
{
	struct reason kept;

	/* It may be the guest's. */
	reason_set(&kept, "%s", reason);
	lose_guest(machine);
	enter(machine, state, kept.text);
	if (!machine->definition)
		enter(machine, MACHINE_UNDEFINED, "its definition is gone");
}

static bool is_stopping(const struct machine *machine)
{
	return machine->state == MACHINE_STOPPING;
}

static void on_event(void *userdata, enum guest_event event, const char *reason)
{
	struct machine *machine = userdata;

	switch (event) {
	case GUEST_RUNNING:
		if (!is_stopping(machine))
			enter(machine, MACHINE_RUNNING, reason);
		break;
	case GUEST_PAUSED:
		if (!is_stopping(machine))
			enter(machine, MACHINE_PAUSED, reason);
		break;
	case GUEST_RESET:
		machine->n_resets++;
		change(machine, "reset");
		break;
	case GUEST_POWERDOWN:
		change(machine, "powerdown");
		break;
	case GUEST_ENDED:
		end(machine, MACHINE_STOPPED, reason);
		break;
	case GUEST_FAILED:
		end(machine, MACHINE_FAILED, reason);
		break;
	}
}

struct machine *machine_new(struct machine_order *order, const char *name)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return NULL;
	memcpy(machine->name, name, strlen(name));
	machine->order = order;
	machine->state = MACHINE_UNDEFINED;
	list_push_front(&order->machines, &machine->link);
	return machine;
}

struct machine *machine_free(struct machine *machine)
{
	if (!machine)
		return NULL;
	list_unlink(&machine->link);
	if (machine->guest)
		machine->guest->ops->free(machine->guest);
	definition_free(machine->definition);
	free(machine);
	return NULL;
}

void machine_define(struct machine *machine, struct definition *definition)
{
	bool had_definition = machine->definition;

	definition_free(machine->definition);
	machine->definition = definition;
	if (machine->guest || had_definition == !!definition)
		return;
	if (definition)
		enter(machine, MACHINE_DEFINED, "");
	else
		enter(machine, MACHINE_UNDEFINED, "its definition is gone");
}

static int draw_birth(const char *started_by, struct birth *ret_birth)
{
	struct birth birth = { 0 };
	size_t n = strlen(started_by);

	if (n > BIRTH_STARTED_BY_MAX_BYTES)
		return -ENAMETOOLONG;
	memcpy(birth.started_by, started_by, n);
	if (getrandom(&birth.incarnation, sizeof(birth.incarnation), 0) < 0)
		return -errno;
	birth.incarnation |= !birth.incarnation;
	*ret_birth = birth;
	return 0;
}

static struct guest_watcher watcher_of(struct machine *machine)
{
	return (struct guest_watcher){
		.on_event = on_event,
		.userdata = machine,
	};
}

int machine_start(struct machine *machine, struct driver *driver,
		  const char *started_by)
{
	struct guest_watcher watcher = watcher_of(machine);
	char error[REASON_BYTES] = "";
	int r;

	if (is_stopping(machine))
		return -EBUSY;
	if (machine->guest)
		return MACHINE_WAS_RUNNING;
	if (!machine->definition)
		return -ENOENT;
	r = draw_birth(started_by, &machine->birth);
	if (r == 0)
		r = driver->ops->start(driver, machine->definition,
				       &machine->birth, &watcher, error,
				       sizeof(error), &machine->guest);
	if (r < 0) {
		machine->birth = (struct birth){ 0 };
		enter(machine, MACHINE_FAILED, error[0] ? error : strerror(-r));
		return r;
	}
	machine->n_resets = 0;
	enter(machine, MACHINE_STARTING, "");
	return 0;
}

int machine_adopt(struct machine *machine, struct driver *driver)
{
	struct guest_watcher watcher = watcher_of(machine);
	int r = driver->ops->adopt(driver, machine->name, &watcher,
				   &machine->birth, &machine->guest);

	if (r < 0)
		return r;
	enter(machine, MACHINE_STARTING, "found alive");
	return 0;
}

int machine_stop(struct machine *machine, uint32_t grace_ms)
{
	if (!machine->guest)
		return MACHINE_WAS_STOPPED;
	if (!is_stopping(machine))
		enter(machine, MACHINE_STOPPING, "");
	machine->guest->ops->stop(machine->guest, grace_ms);
	return 0;
}
