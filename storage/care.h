/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_CARE_H
#define STORAGE_CARE_H

/**
 * Moving what was committed to where it belongs, in a thread beside the writer,
 * so that the backend's log stays short.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/worker.h"

struct backend;
struct journal_care;
struct service;

struct care {
	struct backend *backend;
	const char *path;
	struct journal_care *handle; /* the thread's; NULL: not open */
	struct task task;
	bool is_busy;
	bool is_due;
	uint64_t begun_ns;
};

/** Borrows both. */
void care_init(struct care *care, struct backend *backend, const char *path);
/** The thread has stopped. Safe on a zeroed one. */
void care_deinit(struct care *care);

/** Something was committed. */
void care_committed(struct service *service);
/** Now and then: what is due is done, also when nothing more is committed. */
void care_tick(struct service *service);

#endif
