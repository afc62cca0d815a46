/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_LAB_ENDS_END_H
#define TESTS_XEN_LAB_ENDS_END_H

/**
 * One end of a vchan as a stream of bytes, whoever implements it, so that any
 * two implementations can be put against each other in any domains.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct end;

struct end_ops {
	/*
	 * Take up to `n` bytes, or give up to `n`. Return how many; 0 when
	 * there are none, or there is no room, now; -EPIPE when the other side
	 * is gone (and, reading, all it sent was read).
	 */
	ssize_t (*read)(struct end *end, void *bytes, size_t n);
	ssize_t (*write)(struct end *end, const void *bytes, size_t n);
	/* Sleep until a read, or with `for_room` also a write, may succeed. */
	void (*wait)(struct end *end, bool for_room);
	/* Close and free. */
	void (*close)(struct end *end);
};

struct end {
	const struct end_ops *ops;
};

/** Where the other end is, and how large the rings are. */
struct end_place {
	bool is_server;
	int domid;            /* of the other end */
	const char *path;     /* in xenstore */
	uint32_t read_bytes;  /* servers: rings at least this large */
	uint32_t write_bytes; /* likewise */
};

/**
 * Upstream's libxenvchan. A client waits until the server is there, for ten
 * seconds at most. Returns NULL when it cannot.
 */
struct end *upstream_open(const struct end_place *place);

/** How often this process has sent an event, whoever did it. */
uint64_t n_notifications(void);

#endif
