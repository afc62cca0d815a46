/* SPDX-License-Identifier: MIT */
#ifndef CLI_SHIPPER_H
#define CLI_SHIPPER_H

/**
 * Lines on their way into a log: published with ack=stored and a key
 * `producer:ID:NUMBER`, kept until they are on disk, and sent again in their
 * order when they are not, so that each is stored once whatever becomes of the
 * switch and the logger meanwhile.
 *
 * It holds SHIPPER_LINES_MAX lines and SHIPPER_BYTES_MAX bytes; who has more
 * waits, or drops it and says so.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/heliograph.h"

enum {
	SHIPPER_LINES_MAX = 8192,
	SHIPPER_BYTES_MAX = 4 << 20,
	SHIPPER_IN_FLIGHT_MAX = 512,
	SHIPPER_ID_BYTES = 64,
	SHIPPER_REASON_BYTES = 256,
};

struct shipper_line {
	struct list link;
	struct shipper *shipper;
	uint64_t number;
	int severity;       /* as syslog counts */
	const char *stream; /* "stdout", or what it came by; not owned */
	uint64_t n_lost;    /* it stands for so many that were dropped */
	bool is_sent;       /* and not answered */
	bool is_continued;  /* the next one is of the same line */
	size_t n;
	char text[];
};

struct shipper {
	struct helio *bus;
	const char *subject;
	const char *tag; /* or NULL, as pid */
	const char *pid;
	char id[SHIPPER_ID_BYTES];
	uint64_t last_number;
	struct list lines; /* by number */
	size_t n_lines;
	size_t n_bytes;
	size_t n_in_flight;
	uint64_t n_stored;
	uint64_t n_dropped;        /* and not told yet */
	struct helio_timer *timer; /* until it tries again */
	uint32_t pause_ms;
	bool has_failed;   /* one was refused: all that follow are, too */
	bool is_id_given;  /* by a person: no other is drawn */
	bool was_renamed;  /* a new id was drawn, and nothing stored since */
	bool is_told;      /* that it waits */
	bool was_accepted; /* a log captures the subject, or did */
	unsigned status;   /* of the first one that was refused */
	char reason[SHIPPER_REASON_BYTES];
	bool is_over; /* it cannot be stored, as status and reason say */
};

/**
 * `id` NULL: one is drawn, for this run alone. Texts are borrowed. Returns 0 or
 * a negative errno.
 */
int shipper_init(struct shipper *shipper, struct helio *bus,
		 const char *subject, const char *id);
void shipper_deinit(struct shipper *shipper);

bool shipper_is_full(const struct shipper *shipper);
bool shipper_is_empty(const struct shipper *shipper);

/**
 * Take a line over: severity, stream and is_continued of `like`, text copied.
 * Returns 0 or -ENOMEM.
 */
int shipper_add(struct shipper *shipper, const struct shipper_line *like,
		const char *text, size_t n);

/** A line that there was no room for; that some are missing will be told. */
void shipper_drop(struct shipper *shipper);

/** Send what may be sent. Call it after each dispatch. */
void shipper_send(struct shipper *shipper);

/** "err" for 3. */
const char *shipper_severity_name(int severity);

#endif
