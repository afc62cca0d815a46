/* SPDX-License-Identifier: MIT */
#ifndef CLI_ROSTER_H
#define CLI_ROSTER_H

/**
 * The programs of a bus and their command lines, in the order in which they
 * are started. What fails is kept in `r`, and nothing more is added then.
 */

#include "base/arena.h"
#include "cli/supervisor.h"

struct roster {
	struct arena arena; /* the words */
	struct program programs[SUPERVISOR_PROGRAMS_MAX];
	size_t n;
	char **words; /* of the last one, and how many there are and may be */
	size_t n_words;
	size_t n_words_max;
	int r; /* 0, or a negative errno: -E2BIG, they are too many */
};

void roster_init(struct roster *roster);
void roster_deinit(struct roster *roster);

/** One of ours by its name, which is borrowed. Its words follow. */
void roster_add(struct roster *roster, const char *name);

/** Two words more, copied, of the one that was added last. */
void roster_option(struct roster *roster, const char *option,
		   const char *value);
void roster_number(struct roster *roster, const char *option, uint64_t value);

#endif
