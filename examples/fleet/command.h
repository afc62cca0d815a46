/* SPDX-License-Identifier: MIT */
#ifndef FLEET_COMMAND_H
#define FLEET_COMMAND_H

/*
 * What people do with a fleet. Each waits, and returns what the program ends
 * with.
 */

#include "store.h"

struct command_words {
	size_t n;
	char **words;
};

/* A machine that runs begins anew. */
int command_start(struct store *store, const char *name,
		  const struct command_words *command);
int command_stop(struct store *store, const char *name);
/* It is stopped, and then forgotten. */
int command_rm(struct store *store, const char *name);
/* NAME-1 to NAME-n are there, those that were as they were, and no others. */
int command_scale(struct store *store, const char *name, unsigned n,
		  const struct command_words *command);
int command_ls(struct store *store);
/* Until all is as it is wanted. 1: it was not within `timeout_s`. */
int command_wait(struct store *store, unsigned timeout_s);

#endif
