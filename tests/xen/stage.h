/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_STAGE_H
#define TESTS_XEN_STAGE_H

/**
 * A heliod on vchan in a world without Xen. The test itself is the operator:
 * a client in domain 0, on the common socket, that hears what the switch tells
 * of peers and domains.
 */

#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph.h"
#include "tests/xen/program.h"
#include "tests/xen/world.h"

#define UUID_1 "11111111-1111-1111-1111-111111111111"
#define UUID_2 "22222222-2222-2222-2222-222222222222"
#define UUID_3 "33333333-3333-3333-3333-333333333333"

#define AT_0   "-c vchan:0/heliograph"
#define AT_5   "-c vchan:5/heliograph"

enum { EVENTS_MAX = 64 };

/** One event, with the fields of both kinds. */
struct event {
	char subject[64];
	char principal[64];
	uint32_t domid;
	char uuid[40];
	char reason[64];
	uint64_t incarnation;
	uint64_t came_ns;
	uint32_t channels_left;
};

struct stage {
	struct xen_world world;
	char folder[64];
	struct program heliod;
	struct helio *ops;
	struct event events[EVENTS_MAX];
	size_t n_events;
	size_t n_seen;
};

/** Of cmocka: a folder, a policy for vm:web and vm:db, an empty world. */
int stage_set_up(void **state);
int stage_tear_down(void **state);

void stage_write(const struct stage *stage, const char *name, const char *text);

/** What the operator may, and then `rest`. */
void stage_set_policy(const struct stage *stage, const char *rest);

void stage_add(struct stage *stage, uint32_t domid, const char *name,
	       const char *uuid);

/** Start heliod, and no more; or wait until it is ready, and be its operator.
 */
void stage_start_heliod(struct stage *stage, uint32_t domid);
void stage_start_switch(struct stage *stage, uint32_t domid);

/** Read the configuration again. Returns the status of the command. */
int stage_try_reload(struct stage *stage);
void stage_reload(struct stage *stage);

/** The next event about any vm: is this one. */
const struct event *stage_expect_event(struct stage *stage, const char *subject,
				       const char *principal);

/** Whatever was sent before this came is here: there was no other. */
void stage_expect_no_event(struct stage *stage);

/** The program ends with this exit status. */
void stage_expect_status(struct program *program, int expected);

#endif
