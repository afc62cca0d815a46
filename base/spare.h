/* SPDX-License-Identifier: MIT */
#ifndef BASE_SPARE_H
#define BASE_SPARE_H

/**
 * Some objects of one size that were given back and are used again, where one
 * comes and goes with each call. Under AddressSanitizer none is kept, so that
 * it sees what is used after that.
 */

#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define SPARES_MAX 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPARES_MAX 0
#endif
#endif
#ifndef SPARES_MAX
#define SPARES_MAX 512
#endif

struct spare {
	struct spare *next;
};

/** All zero is none. */
struct spares {
	struct spare *first;
	unsigned n;
};

/** One of `n` bytes, the same each time, not cleared; NULL: no memory. */
static inline void *spares_take(struct spares *spares, size_t n)
{
	struct spare *spare = spares->first;

	if (!spare)
		return malloc(n);
	spares->first = spare->next;
	spares->n--;
	return spare;
}

/** What spares_take() gave, if there are fewer than `n_max`; NULL is fine. */
static inline void spares_put_upto(struct spares *spares, void *object,
				   unsigned n_max)
{
	struct spare *spare = object;

	if (!spare || !SPARES_MAX || spares->n >= n_max) {
		free(object);
		return;
	}
	spare->next = spares->first;
	spares->first = spare;
	spares->n++;
}

static inline void spares_put(struct spares *spares, void *object)
{
	spares_put_upto(spares, object, SPARES_MAX);
}

static inline void spares_deinit(struct spares *spares)
{
	while (spares->n)
		free(spares_take(spares, 0));
}

#endif
