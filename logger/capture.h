/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CAPTURE_H
#define LOGGER_CAPTURE_H

/**
 * One pattern that a log captures, or one service that it observes.
 *
 * Deliveries of a capture are answered in their order. Those that came before
 * the connection was lost have nobody any more who could be told.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct helio;
struct keeper;
struct helio_subscription;

struct capture {
	struct list link; /* in keeper.captures, or keeper.old_captures */
	struct keeper *keeper;
	struct helio_subscription *subscription; /* NULL: not any more */
	bool is_observer;
	bool is_answered; /* the switch said something of it */
	bool is_paused;
	unsigned status;    /* what it said; UNAVAILABLE before */
	uint64_t n_waiting; /* deliveries without an answer */
	uint64_t n_orphans; /* the oldest of them, whom nobody waits for */

	/* What was lost and is not in the log yet. */
	bool has_loss;
	bool is_loss_known;
	bool is_loss_first; /* of what was not stored: before all that waits */
	uint64_t n_lost;
	uint64_t gap_ns; /* when a gap was last put in the log; 0: never */
	char reason[24]; /* of the loss, one word */
	char refusal[256];
	char pattern[]; /* or service */
};

/** Begin to capture; the switch's word comes to keeper_capture_ready(). */
int capture_new(struct keeper *keeper, const char *pattern, bool is_observer,
		struct capture **ret_capture);
/** Ask once more for one that was refused. */
int capture_renew(struct capture *capture);
/** Take nothing more; it lives on until it is freed. */
void capture_end(struct capture *capture);
/** Nothing may wait for it any more. NULL is fine. */
struct capture *capture_free(struct capture *capture);

/** The oldest `n` that wait are told; safe when it has ended. */
void capture_answer(struct capture *capture, uint32_t n, unsigned status,
		    uint64_t sequence, bool is_duplicate);

/** The connection is lost. */
void capture_orphan(struct capture *capture);

void capture_pause(struct capture *capture);
void capture_resume(struct capture *capture);

/** Messages are missing: `n` of them, or an unknown number if that is 0. */
void capture_lose(struct capture *capture, uint64_t n, const char *reason);

#endif
