/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_POOL_H
#define TRANSPORTS_TCP_POOL_H

/**
 * Memory for messages to be sent, which goes round.
 *
 * ZeroMQ's thread frees what ours has filled. With malloc, large blocks that
 * are freed soon go back to the kernel, and come again page by page.
 */

#include <stddef.h>

enum {
	POOL_BLOCK_BYTES = 64 * 1024 + 64,
	POOL_KEPT_MAX = 32, /* unused blocks that are kept for the next */
};

struct pool;

/** NULL when there is no memory. */
struct pool *pool_new(void);

/** The pool lives on until its last block is back. NULL is fine. */
void pool_free(struct pool *pool);

/** A block of POOL_BLOCK_BYTES, or NULL. */
void *pool_take(struct pool *pool);

/** Give a block back, from any thread: a zmq_free_fn of the `pool`. */
void pool_give(void *block, void *pool);

#endif
