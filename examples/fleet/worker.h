/* SPDX-License-Identifier: MIT */
#ifndef FLEET_WORKER_H
#define FLEET_WORKER_H

#include "machine.h"

struct worker_options {
	const char *host;
	const struct driver *driver;
	uint32_t ttl_ms; /* of its presence */
};

/*
 * Be a host: take the machines that jobs give it, start and stop them, and tell
 * what becomes of them, without end. Returns what the program ends with.
 */
int worker_run(struct store *store, const struct worker_options *options);

#endif
