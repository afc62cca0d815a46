/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_LISTEN_H
#define SWITCH_LISTEN_H

/**
 * Where the switch listens: the addresses of its configuration, and a socket
 * of its own for each enrolled domain.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct bus;
struct config;

/** What was read last, and the listeners that it led to. */
struct listening {
	struct bus *bus;
	struct config *config;
	struct list places;
	/* While the old is still there, what is in use is no failure. */
	bool may_try_again;
	unsigned n_to_try_again;
};

/** `config` is taken over. Nothing listens yet. */
void listening_init(struct listening *listening, struct bus *bus,
		    struct config *config);
void listening_deinit(struct listening *listening);

/**
 * Listen on what the configuration says and on nothing else: what is there
 * already stays, with its channels; what is no longer said ends. Returns 0, or
 * a negative errno and `error` names the address; the rest is listened to all
 * the same.
 */
int listening_apply(struct listening *listening, char *error, size_t n_error);

/**
 * Take over a new configuration and apply it: policy, quotas and listeners.
 * Returns as listening_apply().
 */
int listening_set_config(struct listening *listening, struct config *config,
			 char *error, size_t n_error);

#endif
