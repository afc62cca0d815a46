/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ERRAND_H
#define LOGGER_ERRAND_H

/**
 * A call with one answer: first the switch is asked whether the caller may,
 * then it is done, which may take a while, then it is answered, which may have
 * to wait for room.
 */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>

#include "base/list.h"
#include "logger/access.h"
#include "rpc/heliograph-rpc.h"

struct errand;
struct logger;

enum { ERRANDS_MAX = 512, ERRANDS_OF_ONE_MAX = 64 };

struct errand_type {
	const char *verb; /* log-read or log-admin, to the log; NULL: none */
	const char *(*log_of)(const ProtobufCMessage *request);
	const char *(*cursor_of)(const ProtobufCMessage *request); /* or NULL */
	/* The caller may. Ends with errand_answer() or errand_fail(). */
	void (*act)(struct errand *errand);
};

struct errand {
	struct list link; /* in logger.errands */
	struct logger *logger;
	const struct errand_type *type;
	struct helio_serving *serving; /* NULL: nobody waits any more */
	ProtobufCMessage *request;     /* a copy */
	struct access_wait wait;
	char principal[256];
	char durable_id[256];
	/* Sends the answer; -EAGAIN: again in another turn. */
	int (*answer)(struct errand *errand);
	bool is_answered;
	unsigned status;
	char reason[512];

	/* For who acts. */
	char log[65];
	char cursor[65];
	bool was_there;
	char why[512];
	void *state;
	void (*free_state)(void *state);
};

/** `request` lives until this returns; the serving is the errand's. */
void errand_start(struct logger *logger, const struct errand_type *type,
		  struct helio_serving *serving,
		  const ProtobufCMessage *request);

/** It is done. `answer` returns what helio_serving_reply() does. */
void errand_answer(struct errand *errand, int (*answer)(struct errand *errand));
__attribute__((format(printf, 3, 4))) void errand_fail(struct errand *errand,
						       unsigned status,
						       const char *format, ...);

/** Its serving is somebody else's from now on; `errand` lives until
 * errand_drop().
 */
struct helio_serving *errand_hand_over(struct errand *errand);
/** Free one whose serving was handed over. */
void errand_drop(struct errand *errand);

void errands_turn(struct logger *logger);
void errands_end(struct logger *logger);

#endif
