/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_LOG_SCENE_H
#define TESTS_SYSTEM_LOG_SCENE_H

/**
 * A switch, a logger, and a program that publishes and reads.
 *
 * Nothing here waits for longer than WAIT_MS, and then the test fails.
 */

#include <helio/log/v1/log.helio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/system/bus/switch_process.h"
#include "tests/system/log/logger_process.h"

enum { WAIT_MS = 20000, BODY_BYTES = 64 };

struct scene {
	struct switch_process bus_process;
	struct logger_process logger;
	struct helio *bus;
	struct helio_client *client;
};

extern const char open_policy[];

/** `policy` may be NULL: everything is allowed. */
void scene_open(struct scene *scene, const char *policy);
void scene_close(struct scene *scene);

#define wait_until(scene, condition)                                   \
	do {                                                           \
		uint64_t end_ms_ = scene_now_ms() + WAIT_MS;           \
                                                                       \
		while (!(condition)) {                                 \
			assert_true(scene_now_ms() < end_ms_);         \
			assert_true(helio_run((scene)->bus, 10) >= 0); \
		}                                                      \
	} while (0)

uint64_t scene_now_ms(void);

/**
 * Another program on the same bus, as the domain `guest`: only `bus` and
 * `client` of it are used.
 */
void scene_visit(const struct scene *scene, struct scene *guest);
void scene_leave(struct scene *guest);

/** One more pattern-and-name; the call has to be OK. */
void scene_create(struct scene *scene, const char *log, const char *pattern);
/** Returns the status of Create. */
int scene_try_create(struct scene *scene, const char *log,
		     const Helio__Log__V1__Config *config);
/** The log as Get tells it, until the next call; it has to be OK. */
const Helio__Log__V1__Log *scene_get(struct scene *scene, const char *log);

/** What became of a durable publish. */
struct stored {
	unsigned n; /* acks */
	unsigned status;
	char log[65];
	uint64_t sequence;
	bool is_duplicate;
};

/** Publish with ack=stored, and wait. */
struct stored scene_store(struct scene *scene, const char *subject,
			  const char *body, const char *key);
struct stored scene_store_with(struct scene *scene, const char *subject,
			       const char *body,
			       struct helio_publish_options *options);
/** Begin only: `stored->n` counts up when the ack comes. */
void scene_store_begin(struct scene *scene, const char *subject,
		       const char *body, const char *key,
		       struct stored *stored);

/** A plain one. */
void scene_publish(struct scene *scene, const char *subject, const char *body);
/** `n` of lab.x, from "1" on; the last is stored when this returns. */
void scene_fill(struct scene *scene, unsigned n);

/** A record that came. */
struct seen {
	uint64_t sequence;
	uint64_t time_ns;
	unsigned kind;
	char subject[64];
	char source[64];
	char body[BODY_BYTES];
};

/** A call of Read, and what came of it. */
struct reading {
	struct helio_stream *stream;
	struct seen *seen;
	size_t n, n_max;
	bool is_live;
	bool is_over;
	bool pauses; /* once it has a record */
	unsigned status;
	uint64_t expired_to;
	uint64_t n_bytes;
};

void reading_begin(struct scene *scene, struct reading *reading,
		   const Helio__Log__V1__ReadRequest *request);
/** Reads a log to its end. */
void reading_all(struct scene *scene, struct reading *reading,
		 const Helio__Log__V1__ReadRequest *request);
void reading_deinit(struct reading *reading);
/** From `first` on without a hole, by sequence. */
void reading_check_whole(const struct reading *reading, uint64_t first,
			 size_t n);

/** Take a run apart, and add its records. */
void seen_add(struct seen **seen, size_t *n, size_t *n_max, const void *run,
	      size_t n_run);

/** A copy for a field of a request, which is not written to. */
static inline char *field(const char *text)
{
	return (char *)(uintptr_t)text;
}

#endif
