/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_NAMES_H
#define TRANSPORTS_VCHAN_NAMES_H

/**
 * The names in the hypervisor's tree that are watched: a domain may be called
 * otherwise, or become readable, while nobody comes and nobody goes.
 *
 * Xenstore gives an unprivileged domain 128 watches at a time. Names beyond
 * them are read again when some domain comes or goes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct store;

struct names {
	struct list watched;
};

void names_init(struct names *names);

/** The watches have gone with their connection. */
void names_forget(struct names *names);

/** A new look at all domains begins; each of them is told by names_see(). */
void names_begin(struct names *names);

/** There is this domain: its name is watched from now on, if it can be. */
void names_see(struct names *names, const struct store *store, uint32_t domid);

/** Whether we may not read who it is. Returns whether that is bad news. */
bool names_note_secret(struct names *names, uint32_t domid, bool is_secret);

/** The look has ended: those that were not seen are watched no more. */
void names_end(struct names *names, const struct store *store);

#endif
