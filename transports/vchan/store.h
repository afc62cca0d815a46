/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_STORE_H
#define TRANSPORTS_VCHAN_STORE_H

/**
 * What vchan needs of xenstore: small texts, numbers, owners.
 *
 * Each call asks the daemon and waits for its answer, and there is no bound
 * for that but the daemon's health. So none of them is made for a message:
 * only when somebody connects, when a channel is offered, and when a domain
 * comes or goes.
 */

#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

struct transport_options;

enum { STORE_PATH_BYTES = 256 };

struct store {
	struct xs_handle *handle; /* NULL: closed */
	uint32_t domid;           /* our own domain */
};

/**
 * Returns 0, -ENOENT where there is no Xen, or another negative errno, and
 * explains it.
 */
int store_open(struct store *store, const struct transport_options *options);

/** Safe on a zeroed one. */
void store_close(struct store *store);

/** -errno of the last call to the library. */
int store_errno(void);

/**
 * The text of a node, at most n_room - 1 bytes of it. Returns 0; -ENOENT when
 * there is none; -EACCES when it may not be read; -EPROTO when it is longer
 * or is no text; or another negative errno.
 */
int store_read(const struct store *store, const char *path, char *ret_text,
	       size_t n_room);

/** The same of a decimal number, at most `max`; -EPROTO also for no such. */
int store_read_number(const struct store *store, const char *path, uint32_t max,
		      uint32_t *ret_number);

/** Which domain a node belongs to; returns as store_read(). */
int store_read_owner(const struct store *store, const char *path,
		     uint32_t *ret_domid);

/** Whether the hypervisor knows the domain: 1, 0 or a negative errno. */
int store_is_introduced(const struct store *store, uint32_t domid);

#endif
