/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_KEYS_INSIDE_H
#define LOGGER_KEYS_INSIDE_H

/** For keys.c, which judges, and keys_find.c, which knows what came before. */

#include <stdint.h>

#include "logger/keys.h"

enum {
	/* A row of keys: u64 time, then entries: hash of the key, 8 bytes of
	 * the body's, u32 sequence after the first of the run. */
	ROW_ENTRIES = 8,
	ENTRY_BODY = KEYS_HASH_BYTES,
	ENTRY_SEQUENCE = ENTRY_BODY + 8,
	ENTRY_BYTES = ENTRY_SEQUENCE + 4,
	BODY_HASH_BYTES = 8,
};

/* What stands on disk of a key. */
struct known {
	uint64_t sequence;
	uint64_t time_ns;
	uint8_t body_hash[BODY_HASH_BYTES];
};

/** Read what is known of the newest keys, if that was not done yet. */
int keys_load(struct keys *keys, struct store *active, uint64_t not_before_ns);
/** The newest record that has this key. 1, or 0: there is none. */
int keys_find(struct keys *keys, struct store *active,
	      const struct keys_question *question, struct known *ret_known);

#endif
