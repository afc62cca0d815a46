/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_SHM_SETUP_H
#define TRANSPORTS_SHM_SETUP_H

/**
 * What is said on a Unix socket before a pair of rings replaces it.
 *
 * docs/PROTOCOL.md section 11: the client asks with 8 bytes, the listener
 * answers with 8 bytes and two descriptors, a sealed memfd and an eventfd.
 */

#include <stddef.h>
#include <stdint.h>

#include "transports/mirror.h"
#include "transports/ring.h"

enum { SHM_SETUP_BYTES = 8, SHM_SETUP_MAGIC_BYTES = 4 };

#define SHM_SETUP_MAGIC "HSHM"

/** Orders of two rings, asked for or given. */
struct shm_setup {
	uint8_t left_order;
	uint8_t right_order;
};

/** The shared memory: the control page, and rings that have their own. */
struct shm_pages {
	struct ring_page *page;
	struct mirror left;
	struct mirror right;
};

/**
 * The orders for rings of `ring_bytes` each way (0: 1 MiB), or one more on the
 * right where both cannot be in the control page. -EINVAL when it is no power
 * of two from 1 KiB to 1 MiB.
 */
int shm_setup_of_bytes(uint32_t ring_bytes, struct shm_setup *ret_setup);

void shm_setup_encode(const struct shm_setup *setup,
		      uint8_t ret_bytes[SHM_SETUP_BYTES]);

/** Judges each order, not whether they go together. Returns 0 or -EPROTO. */
int shm_setup_decode(const uint8_t bytes[SHM_SETUP_BYTES],
		     struct shm_setup *ret_setup);

/**
 * What to give to who asked: no more than was asked, and no more than `most`
 * unless the two rings would not go together. -EPROTO: nothing does.
 */
int shm_setup_grant(const struct shm_setup *asked, const struct shm_setup *most,
		    struct shm_setup *ret_setup);

/** A new memfd of the right size, zeroed and sealed. 0 or a negative errno. */
int shm_memory_new(const struct shm_setup *setup, int *ret_fd);

/**
 * Map what a memfd holds, the ring that this role reads read-only. -EPROTO
 * when the memfd has another size or could still be changed: a peer that cuts
 * it short under us would kill this process. Or another negative errno.
 */
int shm_pages_map(struct shm_pages *pages, int fd, enum ring_role role,
		  const struct shm_setup *setup);

/** Safe on zeroed ones. */
void shm_pages_unmap(struct shm_pages *pages);

/** Send the answer with its descriptors. Returns 0 or a negative errno. */
int shm_setup_send(int socket_fd, const struct shm_setup *setup, int memory_fd,
		   int event_fd);

/**
 * Receive the answer to `asked`. Returns 0 and gives two descriptors away,
 * -EAGAIN when it has not come, -ECONNREFUSED when the listener hung up
 * instead, -EPROTO when it is none, or another negative errno.
 */
int shm_setup_recv(int socket_fd, const struct shm_setup *asked,
		   struct shm_setup *ret_setup, int *ret_memory_fd,
		   int *ret_event_fd);

#endif
