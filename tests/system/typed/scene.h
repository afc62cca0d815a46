/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SYSTEM_TYPED_SCENE_H
#define TESTS_SYSTEM_TYPED_SCENE_H

/**
 * A caller and a server of lab.v1.Desk, on a connection each to a switch of
 * the test's own, and what the caller's closures saw.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tests/system/bus/switch_process.h"
#include "tests/system/typed/desk.h"

extern struct switch_process the_switch;

struct scene {
	struct helio *a;
	struct helio *b;
	struct helio_client *client;
	struct desk desk;
	/* What closures saw. */
	unsigned n_good;
	unsigned n_bad;
	unsigned status;
	int64_t value;
	bool is_from_bus;
	bool is_handed_over;
	char reason[256];
	char details[16];
	/* What streams saw. */
	struct helio_stream *stream;
	unsigned n_messages;
	unsigned n_ended;
	unsigned to_send;
	unsigned n_sent;
	bool pauses;
};

/** For a group: no registry is asked, so what is equal goes together. */
int scene_open_switch(void **state);
int scene_close_switch(void **state);

struct helio *scene_connect(const char *address);
void scene_disconnect(struct helio **bus);

/** With a server, if `is_served`. */
void scene_open(struct scene *scene, bool is_served);
void scene_close(struct scene *scene);

/* Calls, whose outcome is in the scene; the streams count to what they are
 * told. */

void scene_on_number(const Lab__V1__Number *number, void *userdata);
void scene_add(struct scene *scene, int64_t a, int64_t b);
void scene_hold(struct scene *scene,
		const struct helio_invoke_options *options);
void scene_count(struct scene *scene, int64_t to);
void scene_sum(struct scene *scene, unsigned to);
void scene_twice(struct scene *scene, unsigned to);

#endif
