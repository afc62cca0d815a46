/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_LAB_ENDS_END_H
#define TESTS_XEN_LAB_ENDS_END_H

/**
 * One end of a vchan as a stream of bytes, whoever implements it, so that any
 * two implementations can be put against each other in any domains. Each is
 * used here as its users would: upstream's tells the other side of every write
 * and read, ours once a turn.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct end;

struct end_ops {
	/*
	 * Show what has come and was not taken. Returns how many bytes, which
	 * stay where they are until it is asked again; 0 when there are none
	 * now; -EPIPE when the other side is gone and all it sent was taken,
	 * -EPROTO when it broke the rules.
	 */
	ssize_t (*look)(struct end *end, const uint8_t **ret_bytes);
	void (*take)(struct end *end, size_t n);
	/* Returns how many of them were written: 0 when there is no room. */
	ssize_t (*write)(struct end *end, const void *bytes, size_t n);
	/* All of them or none, which must fit the ring. Returns `n` or 0. */
	ssize_t (*send)(struct end *end, const void *bytes, size_t n);
	/* A turn is over: let the other side know. Returns 0 or -EPIPE. */
	int (*turn)(struct end *end);
	/*
	 * Sleep until there may be bytes or, with `for_room`, room. Only after
	 * there were none.
	 */
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
	int domid; /* of the other end */
	/*
	 * In xenstore. Ours may be an address instead; otherwise it takes the
	 * last part for its port, for the rest is by convention.
	 */
	const char *path;
	uint32_t read_bytes;  /* servers: rings of at least this size */
	uint32_t write_bytes; /* likewise; not ours, whose two are alike */
};

/**
 * Upstream's libxenvchan, and a channel of ours. A client waits until the
 * server is there, for ten seconds at most; our server until the client is.
 * NULL when that fails.
 */
struct end *upstream_open(const struct end_place *place);
struct end *ours_open(const struct end_place *place);

/** How often this process has sent an event, whoever did it. */
uint64_t n_notifications(void);

/** Works: what is done at one end. Each returns 0 or a negative errno. */

/**
 * Send `n` bytes in odd pieces and check `n` bytes that come, at the same time.
 * The server leaves only after the client.
 */
int exchange(struct end *end, bool is_server, uint64_t n);

/** The server waits for a first byte of the client: now both are there. */
int greet(struct end *end, bool is_server);

/**
 * Messages of `size` bytes for so long; take what comes until nothing follows.
 * Large ones (`is_bulk`) may be sent in pieces.
 */
int source(struct end *end, size_t size, bool is_bulk, unsigned ms);
int sink(struct end *end, size_t size, bool is_bulk);

/** `n` round trips of `size` bytes, and the other side of them. */
int ping(struct end *end, size_t size, unsigned n);
int pong(struct end *end, size_t size);

#endif
