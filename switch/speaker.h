/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SPEAKER_H
#define SWITCH_SPEAKER_H

/**
 * In whose name something is done on a channel: the peer's own, or that of a
 * principal that its leaf has announced (switch/leaf.h).
 *
 * Policy judges speakers and quotas are charged to them; a channel only
 * carries what they say.
 */

#include <stdint.h>

#include "switch/source.h"

struct account;
struct peer;

struct speaker_stats {
	uint64_t n_published;
	uint64_t n_refused;
	uint64_t n_calls;
	uint64_t n_calls_served;
};

struct speaker {
	struct peer *peer; /* whose channel it is */
	struct source *source;
	struct account *account;
	uint64_t id; /* never used twice: the class in the route cache */
	struct speaker_stats stats;
};

/** "vm:web/uid:1000"; never NULL. */
static inline const char *speaker_path(const struct speaker *speaker)
{
	return speaker->source->principal.path;
}

#endif
