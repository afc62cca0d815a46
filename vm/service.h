/* SPDX-License-Identifier: MIT */
#ifndef VM_SERVICE_H
#define VM_SERVICE_H

/** The service helio.vm.v1.VirtualMachines over a fleet. */

#include <stdbool.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "vm/fleet.h"

/** What one principal, and those below it, may have at a time. */
enum { SERVICE_CALLS_MAX = 64, SERVICE_WATCHES_MAX = 16 };

struct service {
	struct fleet *fleet; /* borrowed */
	struct helio_server *server;
	struct list calls; /* that wait */
	struct list watches;
	bool has_news; /* for some of either, or they want another try */
	bool was_ready;
	void (*on_ready)(void *userdata);
	void *userdata;
};

/**
 * Serve it. `on_ready` is called once, when it is served for the first time.
 * Returns 0 or a negative errno.
 */
int service_init(struct service *service, struct helio *bus,
		 struct fleet *fleet, void (*on_ready)(void *userdata),
		 void *userdata);

/** Calls that wait fail UNAVAILABLE. All zero is fine. */
void service_deinit(struct service *service);

/** A machine has changed. It is told in service_turn(). */
void service_changed(struct service *service);

/** Before each sleep: answer who waited for it, tell watchers, try again. */
void service_turn(struct service *service);

#endif
