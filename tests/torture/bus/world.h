/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_BUS_WORLD_H
#define TESTS_TORTURE_BUS_WORLD_H

/**
 * A real switch, a real logger and a real store in folders of their own; they
 * die and come back as often as a test likes.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/torture/small_disk.h"

enum {
	WORLD_VOICES = 5, /* domains voice0 to voice4; then ear and admin */
};

struct world {
	char folder[128];
	char logs[224];         /* where the logger keeps its own */
	struct small_disk disk; /* that it is on, if has_disk */
	bool has_disk;
	char clock[192]; /* what the logger's clock is off by: see clock_shim.c
			  */
	pid_t heliod;
	pid_t logger;             /* 0: not running */
	int ready_fd;             /* of the logger that starts, or -1 */
	pid_t store;              /* 0: not running */
	int store_ready_fd;       /* of the store that starts, or -1 */
	int64_t *clock_offset_ns; /* shared with the loggers, or NULL */
};

/**
 * The switch runs then, and neither logger nor store. `has_clock`: it can be
 * set. The logger's disk has so many bytes; 0: it is where everything else is.
 */
void world_open(struct world *world, bool has_clock, uint64_t n_disk_bytes);
/** Ends all of them and removes the folders. */
void world_close(struct world *world);

/** Where a domain reaches the bus. */
void world_address(const struct world *world, const char *domain,
		   char ret_address[256]);

void world_start_logger(struct world *world);
/** Whether it has said that it is ready; ready_fd can be polled before. */
bool world_is_logger_ready(struct world *world);
/** End it by a signal and wait for its end. */
void world_end_logger(struct world *world, int signal);

/** The same for the store, which makes a snapshot of so little as this. */
void world_start_store(struct world *world, const char *snapshot_after);
bool world_is_store_ready(struct world *world);
void world_end_store(struct world *world, int signal);

/** Kill the switch, and start another one; blocks until that is ready. */
void world_kill_switch(struct world *world);

#endif
