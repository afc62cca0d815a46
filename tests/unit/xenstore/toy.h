/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_XENSTORE_TOY_H
#define TESTS_UNIT_XENSTORE_TOY_H

/**
 * A toy of xenstore, and one of a bucket, with the mirror between them. As in
 * xenstored a write makes the parents that are missing, and one event tells of
 * a change: of a removal that of the node, not those below.
 */

#include <stdbool.h>
#include <stdint.h>

#include "xenstore/batch.h"
#include "xenstore/mirror.h"
#include "xenstore/selection.h"

enum { TOY_NODES_MAX = 4096, TOY_EVENTS_MAX = 8192, TOY_PATH_BYTES = 640 };

struct toy_node {
	char path[TOY_PATH_BYTES];
	char value[16];
};

struct toy {
	struct selection selection;
	struct mirror mirror;
	struct batch batch;
	struct toy_node *nodes; /* of xenstore */
	size_t n;
	char (*events)[TOY_PATH_BYTES]; /* that were not told yet */
	size_t n_events;
	struct toy_node *keys; /* of the bucket */
	size_t n_keys;
	uint64_t now_ns;
	uint64_t n_seen;    /* looks, ever */
	uint64_t n_written; /* keys, ever */
	/* Called before each look, to change something. */
	void (*between)(struct toy *toy);
	/* Called after each transaction. */
	void (*written)(struct toy *toy);
	bool is_slow; /* now and then a round is over early */
	unsigned n_slow;
	size_t n_keys_max;   /* what would be more is refused, */
	const char *refused; /* and this path, if it is not NULL */
	uint64_t n_tries;    /* transactions, refused ones too */
};

/** `trees` up to a NULL. */
void toy_open(struct toy *toy, const char *const *trees);
void toy_close(struct toy *toy);

void toy_write(struct toy *toy, const char *path, const char *value);
void toy_remove(struct toy *toy, const char *path);

/** Tell the mirror of all events. */
void toy_tell(struct toy *toy);
/** One batch, with its writes; false: there was nothing, or nobody's turn. */
bool toy_batch(struct toy *toy);
/** Batches until nothing is stale; the clock goes where it has to. */
void toy_settle(struct toy *toy);
/** The bridge is started anew: the mirror is loaded from the bucket. */
void toy_restart(struct toy *toy);

/** Of the bucket; NULL: it is not there. */
const char *toy_key(const struct toy *toy, const char *path);
/** The bucket is what is selected of xenstore. */
void toy_check(const struct toy *toy);

#endif
