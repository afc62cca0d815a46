/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_SERVER_H
#define REGISTRY_SERVER_H

/**
 * helio.registry.v1.Registry on a connection, by the library's plain calls.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "registry/store.h"

struct helio;
struct helio_service;

struct server {
	struct helio *bus;   /* borrowed */
	struct store *store; /* borrowed */
	struct helio_service *service;
	struct list questions;
	bool is_served;
	/* How serving ended or began; `reason` is for people. */
	void (*on_ready)(void *userdata, unsigned status, const char *reason);
	void *userdata;
};

/** Begin to serve; on_told tells. Returns 0 or a negative errno. */
int server_init(struct server *server, struct helio *bus, struct store *store,
		void (*on_told)(void *userdata, unsigned status,
				const char *reason),
		void *userdata);
/** Questions that are open fail. All zero is fine. */
void server_deinit(struct server *server);

/** After a refusal: ask the switch again. */
int server_serve(struct server *server);

/** Send what found no room; after each dispatch. */
void server_turn(struct server *server);

#endif
