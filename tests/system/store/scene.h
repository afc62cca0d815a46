/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_STORE_SCENE_H
#define TESTS_SYSTEM_STORE_SCENE_H

/**
 * A switch, a store, and programs that call it; a logger for who needs one.
 *
 * Nothing here waits for longer than WAIT_MS, and then the test fails.
 */

#include <helio/store/v1/store.helio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/system/bus/daemon_process.h"
#include "tests/system/bus/switch_process.h"

enum { WAIT_MS = 20000, VALUE_BYTES = 64 };

struct scene {
	struct switch_process bus_process;
	struct daemon_process store;
	struct daemon_process logger; /* not started */
	struct helio *bus;
	struct helio_client *buckets;
	struct helio_client *queues;
};

extern const char open_policy[];

/** `policy` may be NULL: everything is allowed. */
void scene_open(struct scene *scene, const char *policy);
/** The same without the store, which can be set up first. */
void scene_open_bus(struct scene *scene, const char *policy);
void scene_start(struct scene *scene);
void scene_close(struct scene *scene);

/** Kill the store, and start it again. */
void scene_kill_store(struct scene *scene);
/** The same with the switch; returns when all are connected again. */
void scene_kill_switch(struct scene *scene);

/** Another program, as the domain `guest`, or on the common socket. */
void scene_visit(const struct scene *scene, bool as_guest,
		 struct scene *ret_guest);
void scene_leave(struct scene *guest);

uint64_t scene_now_ms(void);
/** Memory of the store, at most so far. */
unsigned long scene_peak_kib(const struct scene *scene);

#define wait_until(scene, condition)                                   \
	do {                                                           \
		uint64_t end_ms_ = scene_now_ms() + WAIT_MS;           \
                                                                       \
		while (!(condition)) {                                 \
			assert_true(scene_now_ms() < end_ms_);         \
			assert_true(helio_run((scene)->bus, 10) >= 0); \
		}                                                      \
	} while (0)

/** A copy for a field of a request, which is not written to. */
static inline char *field(const char *text)
{
	return (char *)(uintptr_t)text;
}

static inline ProtobufCBinaryData bytes_of(const char *text)
{
	return (ProtobufCBinaryData){ .len = text ? strlen(text) : 0,
				      .data = (uint8_t *)(uintptr_t)text };
}

/* Calls that are waited for; all return the status. */

int bucket_create(struct scene *scene, const char *name,
		  const Helio__Store__V1__BucketConfig *config);
/** As it is shown, until the next call; it has to be there. */
const Helio__Store__V1__Bucket *bucket_show(struct scene *scene,
					    const char *name);

/** `*revision` before: if_revision, unless it is NO_REVISION; after: its own.
 */
#define NO_REVISION UINT64_MAX
int put(struct scene *scene, const char *bucket, const char *key,
	const char *value, uint64_t *revision);
/** A put that has to be OK; its revision. */
uint64_t put_ok(struct scene *scene, const char *bucket, const char *key,
		const char *value);
int delete_key(struct scene *scene, const char *bucket, const char *key,
	       uint64_t *ret_revision);

struct got {
	unsigned status;
	char value[VALUE_BYTES];
	uint64_t revision;       /* of the entry */
	uint64_t store_revision; /* as of which it was read */
};
/** `at` 0: now. */
struct got get(struct scene *scene, const char *bucket, const char *key,
	       uint64_t at);
/** It is there, with this value. */
void expect(struct scene *scene, const char *bucket, const char *key,
	    const char *value);

/** The digits that a text begins with. */
unsigned number_of(const char *text);

/** Why the last call failed. */
const char *why(struct scene *scene);

#endif
