/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_TARGET_H
#define XENSTORE_TARGET_H

/**
 * The bucket: made if it is not there, read once, then written. After anything
 * that leaves unknown what is in it, and when somebody else has changed it, it
 * is read again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"

struct change;

enum { TARGET_REASON_BYTES = 320 };

/** They may come from within target_write() and target_check(). */
struct target_events {
	/* Its keys will be told. False: not now, ask again. */
	bool (*on_begin)(void *userdata);
	/* What is known of it is void, and what was written is not told. */
	void (*on_lost)(void *userdata);
	void (*on_key)(void *userdata, const char *key, const void *value,
		       size_t n_value);
	/* That was all. */
	void (*on_ready)(void *userdata);
	/* Of target_write(): written, or refused for what it is. */
	void (*on_written)(void *userdata, bool is_done);
};

struct target {
	struct helio *bus;
	const char *bucket;
	const struct target_events *events;
	void *userdata;
	struct helio_client *client;
	struct helio_timer *again;
	char *cursor; /* of the next page */
	uint32_t pause_ms;
	uint64_t revision; /* the last one of the bucket that we know of */
	uint64_t n_commits;
	uint64_t n_writes;
	uint64_t n_loads;
	bool is_ready;
	bool is_busy;                     /* a call is under way */
	char reason[TARGET_REASON_BYTES]; /* why it is not ready; "": it is */
};

/** Begin to read it. All is borrowed. Returns 0 or a negative errno. */
int target_start(struct target *target, struct helio *bus, const char *bucket,
		 const struct target_events *events, void *userdata);
/** Safe on a zeroed one. */
void target_deinit(struct target *target);

/** In one transaction, at most 128; it must be ready, and not busy. */
void target_write(struct target *target, const struct change *changes,
		  size_t n);

/** Has somebody else changed it? Then it is lost. As target_write(). */
void target_check(struct target *target);

#endif
