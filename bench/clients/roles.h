/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_ROLES_H
#define BENCH_CLIENTS_ROLES_H

/**
 * What each process of a measurement does, from connecting to the end.
 */

#include "bench/clients/harness.h"

struct board;

struct bench {
	const struct client_ops *ops;
	const struct plan *plan;
	struct board *board;
};

/** Each returns 0, or a negative errno after telling why on the board. */
int publisher_run(const struct bench *bench);
int subscriber_run(const struct bench *bench, unsigned lane);
int requester_run(const struct bench *bench);
int responder_run(const struct bench *bench);

/** Publishes until the window is over, or all records are stored. */
int storer_run(const struct bench *bench);
/** Reads all records. */
int reader_run(const struct bench *bench);

/** Spin until the measurement is over. */
int hog_run(const struct bench *bench);

#endif
