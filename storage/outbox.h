/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_OUTBOX_H
#define STORAGE_OUTBOX_H

/**
 * Messages that leave: those of steps that are on disk are published until a
 * log has stored them, and then a step says that they are gone.
 *
 * Those of one subject leave in the order of their numbers, one line for each
 * subject. Many are under way at a time, but only those of one lane: when one
 * of them is not stored, the log refuses those after it. What is refused for
 * good is tried again slowly, and told by $check; what comes after it waits.
 *
 * A log remembers the last 256 producers of the store's durable id when a
 * segment ends. So while it is not known of some message whether it was stored,
 * no more than so many new lanes begin.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "storage/lane.h"

struct helio_ack;
struct service;

enum {
	OUTBOX_UNDER_WAY_MAX = 1024,
	OUTBOX_UNDER_WAY_BYTES_MAX = 8 * 1024 * 1024,
	/* Lanes that begin while some message is in doubt. */
	OUTBOX_LANES_MAX = 128,
	OUTBOX_FAULT_BYTES = 320,
	LINE_PAUSE_MS = 50, /* the first one after a failure */
};

struct line;

/** A message on its way. */
struct departure {
	struct list link; /* in line.departures, or outbox.gone or .marked */
	struct line *line;
	uint64_t number;
	uint64_t revision; /* of the step that says it is gone; 0: none does */
	size_t n_bytes;
	bool is_sent; /* and not answered */
};

/** All of one subject that have not left. */
struct line {
	struct map_node node;   /* in outbox.lines */
	struct list ready_link; /* in outbox.ready: there may be more to send */
	struct list doubt_link; /* in outbox.doubtful, while one is under way,
				 * or may be stored, or not */
	struct outbox *outbox;
	struct list departures; /* the oldest first; those under way before
				 * the others */
	unsigned n_under_way;
	uint64_t since;            /* outbox.n_begun, when it came into doubt */
	char lane[LANE_KEY_BYTES]; /* that was sent last */
	uint64_t renamed; /* the step that gives them another lane; 0 */

	/* After a failure nothing is sent until all are back, and a pause. */
	bool has_failed;
	bool is_in_doubt; /* as told by a failure */
	bool is_lost;     /* the log does not know the lane */
	bool is_refused;  /* it will hardly do better soon */
	unsigned status;  /* of the first one that failed */
	char reason[200];
	struct timer timer;
	uint32_t pause_ms;
	char subject[];
};

struct outbox {
	struct lanes lanes;
	struct map lines;
	struct list ready;    /* struct line */
	struct list doubtful; /* struct line, by since */
	struct list gone;     /* struct departure, of which no step says so */
	struct list marked;   /* those of which one does, not on disk yet */
	uint64_t last;        /* number that was taken up */
	uint64_t n_begun;     /* lanes, by sending the first message of one */
	size_t n_under_way;
	size_t n_under_way_bytes;
	uint64_t n_left;                /* in this life */
	unsigned n_refused;             /* lines */
	char fault[OUTBOX_FAULT_BYTES]; /* "": none is refused */
};

/** Returns 0 or a negative errno. */
int outbox_init(struct outbox *outbox);
/** The connection is closed. Safe on a zeroed one. */
void outbox_deinit(struct outbox *outbox);

/** Send what can be, and mark what has left. */
void outbox_turn(struct service *service);
/** Steps were taken back. */
void outbox_reverted(struct outbox *outbox);
/** The connection is there: try everything again. */
void outbox_hurry(struct outbox *outbox);

/* ---- between the files that are the outbox ---- */

struct service *outbox_service(struct outbox *outbox);

/** A message that is on disk; taken up in the order of numbers. */
int line_add(struct outbox *outbox, uint64_t number, const char *subject,
	     size_t n_bytes);
/** Send what may be; false: the channel is full. */
bool line_send(struct line *line);
/** Its departures are somebody else's, or freed. */
void line_free(struct line *line);
/** There may be something to send. */
void line_stir(struct line *line);

/** One of it could not leave. */
void line_note_failure(struct line *line, const struct helio_ack *ack,
		       const struct departure *departure);
/** That was so, and all are back: what is to be done. */
void line_after_failure(struct line *line);
/** Its pause is over. */
void line_hurry(struct line *line);
void line_set_refused(struct line *line, bool is_refused);
/** Say anew which line is refused. */
void outbox_tell_fault(struct outbox *outbox);

#endif
