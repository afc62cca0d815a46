/* SPDX-License-Identifier: MIT */

#include "controller.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fleet.h"

enum {
	/* An order that nobody takes is dead after so long, and given again. */
	ORDER_S = 10,
	TICK_MS = 1000,
	BACKOFF_MS = 100,
	DOUBLED_MAX = 6,
};

struct controller {
	struct fleet fleet;
	struct store *store;
};

/* What ends again and again is started ever later: in 6.4 s at most. */
static uint32_t delay_ms(uint32_t failures)
{
	if (failures == 0)
		return 0;
	return BACKOFF_MS << (failures - 1 < DOUBLED_MAX ? failures - 1
							 : DOUBLED_MAX);
}

/* Its host is gone, and whoever sees that first says so. */
static void give_up(struct controller *controller,
		    struct fleet_machine *machine)
{
	Fleet__V1__Actual actual = *machine->actual;
	char reason[] = "its host is gone";

	actual.has_state = 1;
	actual.state = FLEET__V1__STATE__STATE_UNKNOWN;
	actual.has_pid = 0;
	actual.reason = reason;
	store_put(controller->store, "actual", machine->name, &actual.base,
		  machine->actual_revision);
}

/* To `host`, or to whoever has time if that is NULL. */
static void order(struct controller *controller, struct fleet_machine *machine,
		  const char *host, Fleet__V1__State state)
{
	bool is_start = state == FLEET__V1__STATE__STATE_STARTING;
	Fleet__V1__Order order = FLEET__V1__ORDER__INIT;
	Fleet__V1__Actual next = FLEET__V1__ACTUAL__INIT;
	struct store_job job = {
		.host = host,
		.order = &order,
		.key = machine->asked,
		.timeout_ms = ORDER_S * 1000,
	};

	order.name = machine->name;
	order.has_wanted_revision = order.has_actual_revision = 1;
	order.wanted_revision = machine->wanted_revision;
	order.actual_revision = machine->actual_revision;
	order.next = &next;
	next.has_state = next.has_wanted_revision = next.has_failures = 1;
	next.state = state;
	next.wanted_revision = machine->wanted_revision;
	if (is_start) {
		next.n_command = machine->wanted->n_command;
		next.command = machine->wanted->command;
		next.failures = machine->actual ? machine->actual->failures : 0;
		job.delay_ms = delay_ms(next.failures);
	}
	store_submit(controller->store, &job);
}

/* One step towards what is wanted; the next one when that is done. */
static void step(struct controller *controller, struct fleet_machine *machine)
{
	const Fleet__V1__Actual *actual = machine->actual;
	Fleet__V1__State state =
		actual ? actual->state : FLEET__V1__STATE__STATE_STOPPED;

	switch (state) {
	case FLEET__V1__STATE__STATE_STARTING:
	case FLEET__V1__STATE__STATE_STOPPING:
		if (!fleet_has_host(&controller->fleet, actual))
			give_up(controller, machine);
		return;
	case FLEET__V1__STATE__STATE_RUNNING:
		if (!fleet_has_host(&controller->fleet, actual))
			give_up(controller, machine);
		else
			order(controller, machine, actual->host,
			      FLEET__V1__STATE__STATE_STOPPING);
		return;
	case FLEET__V1__STATE__STATE_STOPPED:
	case FLEET__V1__STATE__STATE_UNKNOWN:
	default:
		break;
	}
	if (fleet_is_wanted(machine))
		order(controller, machine, NULL,
		      FLEET__V1__STATE__STATE_STARTING);
	else if (state == FLEET__V1__STATE__STATE_UNKNOWN)
		order(controller, machine, NULL,
		      FLEET__V1__STATE__STATE_STOPPING);
	else
		store_put(controller->store, "actual", machine->name, NULL,
			  machine->actual_revision);
}

/*
 * The same is asked for once, and again after a while: what was asked may have
 * been lost, or its job cancelled. Controllers that ask at the same time ask
 * with the same key.
 */
static void on_change(struct fleet *fleet)
{
	struct controller *controller = fleet->userdata;
	struct fleet_machine *machine;
	char asked[sizeof(machine->asked)];

	for (machine = fleet->machines; machine; machine = machine->next) {
		if (fleet_is_settled(fleet, machine))
			continue;
		snprintf(asked, sizeof(asked),
			 "%s %" PRIu64 " %" PRIu64 " %" PRIu64, machine->name,
			 machine->wanted_revision, machine->actual_revision,
			 (uint64_t)time(NULL) / ORDER_S);
		if (strcmp(asked, machine->asked) == 0)
			continue;
		memcpy(machine->asked, asked, sizeof(asked));
		step(controller, machine);
	}
}

static void on_tick(struct helio *bus, void *userdata)
{
	struct controller *controller = userdata;
	struct fleet_machine *machine = controller->fleet.machines;

	for (; controller->store->n_failed && machine; machine = machine->next)
		machine->asked[0] = '\0';
	controller->store->n_failed = 0;
	if (controller->fleet.is_live)
		on_change(&controller->fleet);
	(void)helio_timer_start(bus, TICK_MS, on_tick, controller, NULL);
}

int controller_run(struct store *store)
{
	struct controller controller = {
		.fleet = { .on_change = on_change, .userdata = &controller },
		.store = store,
	};
	int r = fleet_open(&controller.fleet, store->bus);

	if (r == 0)
		r = helio_timer_start(store->bus, TICK_MS, on_tick, &controller,
				      NULL);
	while (r >= 0)
		r = helio_run(store->bus, -1);
	fleet_close(&controller.fleet);
	return store_complain(NULL, "controller", r);
}
