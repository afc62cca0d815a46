/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SERVICE_H
#define SWITCH_SERVICE_H

/**
 * The control service, `helio.switch.v1.Switch`: what people and programs ask
 * of the switch. It is served over the bus like any other, by a client in this
 * process, and who may call it is a matter of policy.
 */

#include <stdbool.h>
#include <stddef.h>

struct bus;
struct helio;
struct helio_service;
struct listening;

struct service {
	struct bus *bus;
	struct listening *listening;
	struct helio *client;
	struct helio_service *served;
	/*
	 * Read the configuration anew. Returns 0, or a negative errno and
	 * `error` says what is wrong.
	 */
	int (*reload)(void *userdata, char *error, size_t n_error);
	void *userdata;
};

/** Serve. Returns 0 or a negative errno. */
int service_init(struct service *service, struct bus *bus,
		 struct listening *listening,
		 int (*reload)(void *userdata, char *error, size_t n_error),
		 void *userdata);
void service_deinit(struct service *service);

/** Answer what has come. Returns whether there was anything. */
bool service_turn(struct service *service);

#endif
