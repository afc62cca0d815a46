/* SPDX-License-Identifier: MIT */

#include "proto/run_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { SLOTS_FIRST = 64, WORDS_FIRST = 32, BYTES_FIRST = 1024 };

DEFINE_CLEANUP(struct run_words *, run_words_free);

int run_words_new(struct run_words **ret_words)
{
	_cleanup_(run_words_freep) struct run_words *words = NULL;
	int r;

	words = calloc(1, sizeof(*words));
	if (!words)
		return -ENOMEM;
	words->generation = 1;
	r = hash_key_draw(&words->key);
	if (r < 0)
		return r;
	words->slots = calloc(SLOTS_FIRST, sizeof(*words->slots));
	if (!words->slots)
		return -ENOMEM;
	words->n_slots = SLOTS_FIRST;
	*ret_words = take_ptr(words);
	return 0;
}

struct run_words *run_words_free(struct run_words *words)
{
	if (!words)
		return NULL;
	free(words->bytes);
	free(words->words);
	free(words->slots);
	free(words);
	return NULL;
}

/* A new generation empties all slots at once, except when it comes again. */
void run_words_clear(struct run_words *words)
{
	words->n_bytes = 0;
	words->n_words = 0;
	words->last = 0;
	if (++words->generation)
		return;
	memset(words->slots, 0, words->n_slots * sizeof(*words->slots));
	words->generation = 1;
}

static bool is_word(const struct run_words *words, size_t place,
		    const uint8_t *word, size_t n)
{
	const struct run_word *known = &words->words[place];

	return known->n == n && !memcmp(words->bytes + known->at, word, n);
}

/* The slot of this word, or the empty one where it belongs. */
static struct run_slot *find(const struct run_words *words, uint64_t hash,
			     const uint8_t *word, size_t n)
{
	for (size_t i = hash;; i++) {
		struct run_slot *slot = &words->slots[i & (words->n_slots - 1)];

		if (slot->generation != words->generation)
			return slot;
		if (words->words[slot->place].hash == hash &&
		    is_word(words, slot->place, word, n))
			return slot;
	}
}

static void place_all(struct run_words *words)
{
	for (size_t i = 0; i < words->n_words; i++) {
		const struct run_word *word = &words->words[i];
		struct run_slot *slot = find(words, word->hash,
					     words->bytes + word->at, word->n);

		slot->generation = words->generation;
		slot->place = (uint32_t)i;
	}
}

static int grow_slots(struct run_words *words)
{
	struct run_slot *slots;

	if ((words->n_words + 1) * 2 <= words->n_slots)
		return 0;
	slots = calloc(words->n_slots * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(words->slots);
	words->slots = slots;
	words->n_slots *= 2;
	words->generation = 1;
	place_all(words);
	return 0;
}

static int make_room(struct run_words *words, size_t n)
{
	size_t n_max = words->n_bytes_max ? words->n_bytes_max : BYTES_FIRST;
	void *memory;

	while (n_max - words->n_bytes < n)
		n_max *= 2;
	if (n_max > words->n_bytes_max) {
		memory = realloc(words->bytes, n_max);
		if (!memory)
			return -ENOMEM;
		words->bytes = memory;
		words->n_bytes_max = n_max;
	}
	if (words->n_words < words->n_words_max)
		return 0;
	n_max = words->n_words_max ? 2 * words->n_words_max : WORDS_FIRST;
	memory = reallocarray(words->words, n_max, sizeof(*words->words));
	if (!memory)
		return -ENOMEM;
	words->words = memory;
	words->n_words_max = n_max;
	return 0;
}

static int add_new(struct run_words *words, uint64_t hash, const uint8_t *word,
		   size_t n)
{
	struct run_slot *slot;
	int r;

	if (words->n_words == RUN_WORDS_MAX)
		return -EMSGSIZE;
	r = make_room(words, n);
	if (r < 0)
		return r;
	r = grow_slots(words);
	if (r < 0)
		return r;
	slot = find(words, hash, word, n);
	slot->generation = words->generation;
	slot->place = (uint32_t)words->n_words;
	memcpy(words->bytes + words->n_bytes, word, n);
	words->words[words->n_words++] = (struct run_word){
		.hash = hash,
		.at = words->n_bytes,
		.n = n,
	};
	words->n_bytes += n;
	return 0;
}

int run_words_add(struct run_words *words, const uint8_t *word, size_t n,
		  uint16_t *ret_place)
{
	const struct run_slot *slot;
	uint64_t hash;
	int r;

	if (words->n_words && is_word(words, words->last, word, n)) {
		*ret_place = (uint16_t)words->last;
		return 0;
	}
	hash = hash_bytes(&words->key, word, n);
	slot = find(words, hash, word, n);
	if (slot->generation == words->generation) {
		words->last = slot->place;
	} else {
		r = add_new(words, hash, word, n);
		if (r < 0)
			return r;
		words->last = (uint32_t)words->n_words - 1;
	}
	*ret_place = (uint16_t)words->last;
	return 0;
}

const struct run_word *run_words_lookup(const struct run_words *words,
					const uint8_t *word, size_t n)
{
	const struct run_slot *slot =
		find(words, hash_bytes(&words->key, word, n), word, n);

	return slot->generation == words->generation
		       ? &words->words[slot->place]
		       : NULL;
}

/* Slots of open addressing cannot be emptied one by one. */
void run_words_cut(struct run_words *words, size_t n_words)
{
	if (n_words == words->n_words)
		return;
	words->n_bytes = words->words[n_words].at;
	words->n_words = n_words;
	words->last = 0;
	memset(words->slots, 0, words->n_slots * sizeof(*words->slots));
	words->generation = 1;
	place_all(words);
}
