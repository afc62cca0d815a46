/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SPEAKER_H
#define SWITCH_SPEAKER_H

/**
 * In whose name something is done on a channel: the peer's own, or that of a
 * principal that its leaf has announced (switch/leaf.h).
 *
 * Policy judges speakers and quotas are charged to them; a channel only
 * carries what they say. What an announced one makes the switch hold is in its
 * peer's lists, as the peer's own is, and in lists of its own besides, so that
 * it can go alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "switch/source.h"
#include "switch/verb.h"

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
	uint64_t since_ns;
	struct list all_link; /* in bus.speakers */
	struct list own_link; /* in account.speakers */
	struct speaker_stats stats;

	uint32_t handle;      /* that the leaf gave it; 0: the peer itself */
	struct map_node node; /* in leaf.by_handle */
	struct list receivers;
	struct list slots; /* that it made */
	struct list open;
};

void speaker_init(struct speaker *speaker, struct peer *peer);

/** It is there from now on: it gets its id. */
void speaker_enter(struct speaker *speaker);
/** It is not any more; or it never entered. */
void speaker_leave(struct speaker *speaker);

/** "vm:web/uid:1000"; never NULL. */
static inline const char *speaker_path(const struct speaker *speaker)
{
	return speaker->source->principal.path;
}

/**
 * Whether policy lets it do `verb` to the subject or pattern `what`. If not,
 * `text` says who may not do what, and which line says so.
 */
bool speaker_may(const struct speaker *speaker, enum verb verb,
		 const char *what, size_t n_what, char *text, size_t n_text);

/** Whether its path is `path`, or stands below it; NULL: all do. */
bool speaker_is_below(const struct speaker *speaker, const char *path);

/** What hangs on it goes into one of its lists, if it can go alone. */
static inline void speaker_keep(const struct speaker *speaker,
				struct list *list, struct list *link)
{
	if (speaker->handle)
		list_push_back(list, link);
}

/** It goes alone: end all that it has, as the end of a channel does. */
void speaker_drop_all(struct speaker *speaker);

#endif
