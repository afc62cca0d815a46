/* SPDX-License-Identifier: MIT */
#ifndef PROTO_RUN_WORDS_H
#define PROTO_RUN_WORDS_H

/**
 * One kind of word in a run's dictionary while the run is put together: each
 * word once, in the order in which they came, as they are written.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "proto/run.h"

struct run_word {
	uint64_t hash;
	size_t at; /* in the bytes */
	size_t n;
	struct run_use use;
};

struct run_slot {
	uint32_t generation; /* empty unless it is that of the words */
	uint32_t place;
};

struct run_words {
	uint8_t *bytes;
	size_t n_bytes, n_bytes_max;
	struct run_word *words;
	size_t n_words, n_words_max;
	/* Where to look for a word: open addressing, at most half full. */
	struct run_slot *slots;
	size_t n_slots; /* a power of two */
	uint32_t generation;
	uint32_t last;
	struct hash_key key;
};

/** Returns -ENOMEM, or what the kernel says when it is asked for a key. */
int run_words_new(struct run_words **ret_words);
/** Returns NULL. NULL is fine. */
struct run_words *run_words_free(struct run_words *words);
void run_words_clear(struct run_words *words);

/**
 * The place of the word that consists of these pieces, which is added if it is
 * new. Returns 0; -EMSGSIZE: there are RUN_WORDS_MAX; -ENOMEM.
 */
int run_words_add(struct run_words *words, const uint8_t *word, size_t n,
		  uint16_t *ret_place);

/** The word at whose place the last was added or found, or NULL. */
static inline const uint8_t *run_words_last(const struct run_words *words)
{
	return words->n_words ? words->bytes + words->words[words->last].at
			      : NULL;
}

/** The word that consists of these, or NULL. */
const struct run_word *run_words_lookup(const struct run_words *words,
					const uint8_t *word, size_t n);

/** Records use this word, too. */
static inline void run_words_use(struct run_words *words, uint16_t place,
				 const struct run_use *more)
{
	struct run_use *use = &words->words[place].use;

	use->n_records += more->n_records;
	use->n_keys += more->n_keys;
	use->n_bytes += more->n_bytes;
	use->last_sequence = more->last_sequence;
}

/** Forget the words from this place on, which were added last. */
void run_words_cut(struct run_words *words, size_t n_words);

#endif
