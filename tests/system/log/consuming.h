/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_LOG_CONSUMING_H
#define TESTS_SYSTEM_LOG_CONSUMING_H

/**
 * A reader of a cursor of the log `lab`: every call has to be taken, or the
 * test fails.
 */

#include "tests/system/log/scene.h"

enum { GIVEN_MAX = 4096 };

/** A record that was given out. */
struct given {
	uint64_t sequence;
	uint64_t token;
	uint32_t again;
};

/** A call of Consume, and what came of it. */
struct consuming {
	struct scene *scene;
	struct helio_stream *stream;
	struct given given[GIVEN_MAX];
	size_t n;
	struct seen *seen;
	size_t n_seen, n_seen_max;
	uint64_t acked_to;
	uint64_t late[16];
	size_t n_late;
	bool is_over;
	unsigned status;
};

/** `batch` may be 0: that of the logger. Ends with deinit. */
void consuming_begin(struct scene *scene, struct consuming *consuming,
		     const char *cursor, uint32_t batch);
void consuming_deinit(struct consuming *consuming);

/** Of the `nth` record that was given out, from 0. */
void consuming_ack(struct consuming *consuming, size_t nth);
/** All up to it. */
void consuming_ack_to(struct consuming *consuming, size_t nth);
void consuming_nak(struct consuming *consuming, size_t nth, uint32_t delay_ms);
void consuming_in_progress(struct consuming *consuming, size_t nth);

/** `config` may be NULL. */
void cursor_create(struct scene *scene, const char *name,
		   const Helio__Log__V1__CursorConfig *config);
/**
 * The only one; its texts are not valid. `fault` may be NULL, and becomes that
 * of the cursor, or "".
 */
Helio__Log__V1__Cursor cursor_get(struct scene *scene, char *fault,
				  size_t n_fault);

#endif
